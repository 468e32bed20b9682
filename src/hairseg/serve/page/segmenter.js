// Canvas -> probability, by onnxruntime-web. Size, mean, std, threshold come from the model's own metadata.

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

  /** What the model finds in a photo (RGBA), as a map of its canvas. */
  find(photo) {
    return this.run(fit(photo, this.model.fit));
  }

  /** What the model finds on a canvas (RGBA): {data: Float32Array in [0, 1], width, height}. */
  async run(canvas) {
    const { ort, session } = this.opened;
    const { width, height } = canvas;
    const input = new ort.Tensor("float32", this.normalise(canvas), [1, 3, height, width]);
    const { probability } = await session.run({ photo: input });
    const data = probability.data.map((value) => Math.min(Math.max(value, 0), 1));
    probability.dispose();
    return { data, width, height };
  }

  /** (level / 255 - mean) / std of RGBA pixels, one plane per colour. */
  normalise({ data, width, height }) {
    const planes = new Float32Array(3 * width * height);
    this.tables.forEach((table, c) => {
      const start = c * width * height;
      for (let i = 0; i < width * height; i++) planes[start + i] = table[data[4 * i + c]];
    });
    return planes;
  }
}
