// Canvas -> probability, by onnxruntime-web. Size, mean, std, threshold come from the model's own metadata.

import { withCloserLook } from "./closer.js";
import { fit } from "./fit.js";
import { openSession } from "./runtime.js";

export class Segmenter {
  /** `model` is an entry of page.json, which Python wrote from the metadata of the ONNX file. */
  static async open(model, runtime, wanted, progress) {
    return new Segmenter(model, await openSession(model, runtime, wanted, progress));
  }

  constructor(model, opened) {
    this.model = model;
    this.opened = opened;
    this.tables = model.mean.map((mean, c) =>
      Float32Array.from({ length: 256 }, (_, level) => (level / 255 - mean) / model.std[c]),
    );
  }

  /** What the model finds in a photo (RGBA): a map of its canvas, or of its own size where hair is small in it. */
  async find(photo) {
    const look = (part) => this.run(fit(part, this.model.fit));
    return withCloserLook(look, photo, await look(photo), this.model.fit);
  }

  /** What the model finds on a canvas (RGBA): {data: Float32Array in [0, 1], width, height}. */
  async run(canvas) {
    const { ort, session } = this.opened;
    const { width, height } = canvas;
    const input = new ort.Tensor("float32", this.normalise(canvas), [1, 3, height, width]);
    const { probability } = await session.run({ photo: input });
    const data = probability.data.slice();
    probability.dispose();
    for (let i = 0; i < data.length; i++) data[i] = Math.min(Math.max(data[i], 0), 1);
    return { data, width, height };
  }

  /** (level / 255 - mean) / std of RGBA pixels, one plane per colour; the next call of this size writes over it. */
  normalise({ data, width, height }) {
    const area = width * height;
    if (this.planes?.length !== 3 * area) this.planes = new Float32Array(3 * area);
    const { planes } = this;
    this.tables.forEach((table, c) => {
      const start = c * area;
      for (let i = 0; i < area; i++) planes[start + i] = table[data[4 * i + c]];
    });
    return planes;
  }
}
