// Everything heavy, off the page's own thread: one message asks, one message answers.

import { frameCanvas, paintFrame } from "./frame.js";
import { Hair } from "./hair.js";
import { encodePng } from "./png.js";
import { Segmenter } from "./segmenter.js";

// What is shown while colours are tried out; a download is painted at the photo's own size.
const PREVIEW_PIXELS = 1_500_000;

const opened = new Map(); // address of a model -> promise of its Segmenter
let asked = null; // address of the model that was asked for last, for photos
let segmenter = null; // for photos
let eye = null; // for the camera
let shown = null; // Hair at the size that is shown
let whole = null; // Hair at the photo's own size, the same object for small photos

const answers = {
  async load({ model, runtime, way, live }, report) {
    if (!live) asked = model.url;
    const found = await kept(model, runtime, way, (loaded, total) => report({ loaded, total }));
    if (live) eye = found;
    else if (asked === model.url) segmenter = found; // else a slower one would take the place of a later choice
    return { way: found.opened.way, threads: found.opened.threads };
  },

  async open({ file }) {
    const bitmap = await decode(file);
    const photo = pixels(bitmap, bitmap.width, bitmap.height);
    const start = performance.now();
    const map = await segmenter.find(photo);
    whole = new Hair(photo, map, segmenter.model);
    shown = new Hair(preview(bitmap, photo), map, segmenter.model);
    if (shown.photo === photo) shown = whole;
    bitmap.close();
    const { width, height, data } = shown.photo;
    const milliseconds = performance.now() - start;
    return { ...whole.describe(), milliseconds, photo: { width, height, data: data.slice() } };
  },

  paint({ what, options }) {
    const { width, height } = shown.photo;
    return { width, height, data: shown.paint(what, options) };
  },

  async png({ what, options }) {
    const { width, height } = whole.photo;
    const kind = { mask: "grey", cutout: "rgba" }[what] ?? "rgb";
    return encodePng(whole.paint(what, options), width, height, kind);
  },

  async frame({ bitmap, size, what, options }) {
    const { width, height } = bitmap;
    const clock = stopwatch();
    const photo = frameSheet.pixels(bitmap, width, height);
    const canvas = frameCanvas(eye.model.fit, size, height, width);
    const input = canvasSheet.pixels(bitmap, ...canvas);
    clock.end("read");
    const map = await eye.run(input);
    clock.end("network");
    const data = paintFrame(photo, input, map, eye.model.threshold, what, options);
    clock.end("paint");
    // The bitmap goes back: the page shows it as the picture before.
    return { width, height, data, canvas, bitmap, times: clock.times };
  },
};

/** The Segmenter of a model, which is fetched once. */
async function kept(model, runtime, way, progress) {
  if (!opened.has(model.url)) opened.set(model.url, Segmenter.open(model, runtime, way, progress));
  try {
    return await opened.get(model.url);
  } catch (error) {
    opened.delete(model.url); // it may come the next time
    throw error;
  }
}

/** The browser's own decoder: upright, in sRGB. */
async function decode(file) {
  try {
    return await createImageBitmap(file);
  } catch {
    throw Object.assign(new Error("not a photo"), { code: "notPhoto", values: { name: file.name } });
  }
}

/** A canvas that is kept, so that frames of one size cost no new one. */
class Sheet {
  #canvas = new OffscreenCanvas(1, 1);
  #context = this.#canvas.getContext("2d", { willReadFrequently: true });

  /** RGBA of a bitmap at width x height, over white paper where it is transparent. */
  pixels(bitmap, width, height) {
    if (this.#canvas.width !== width || this.#canvas.height !== height) {
      Object.assign(this.#canvas, { width, height });
    }
    this.#context.fillStyle = "white";
    this.#context.fillRect(0, 0, width, height);
    this.#context.imageSmoothingQuality = "high";
    this.#context.drawImage(bitmap, 0, 0, width, height);
    return this.#context.getImageData(0, 0, width, height);
  }
}

const frameSheet = new Sheet();
const canvasSheet = new Sheet();

/** A photo's pixels; its canvas is as large as the photo, so it is not kept. */
function pixels(bitmap, width, height) {
  return new Sheet().pixels(bitmap, width, height);
}

/** `end(stage)` notes in `times` the milliseconds since the last end. */
function stopwatch() {
  const times = {};
  let last = performance.now();
  const end = (stage) => {
    const now = performance.now();
    times[stage] = now - last;
    last = now;
  };
  return { times, end };
}

/** The photo itself if it is small, or a smaller copy. */
function preview(bitmap, photo) {
  const scale = Math.sqrt(PREVIEW_PIXELS / (photo.width * photo.height));
  if (scale >= 1) return photo;
  return pixels(bitmap, Math.round(photo.width * scale), Math.round(photo.height * scale));
}

let last = Promise.resolve();

/** One after the other, since a session cannot run twice at a time; a model is loaded beside other work. */
self.onmessage = ({ data }) => {
  if (data.ask === "load") answer(data);
  else last = last.then(() => answer(data));
};

async function answer({ id, ask, ...question }) {
  const report = (progress) => self.postMessage({ id, progress });
  try {
    const found = await answers[ask](question, report);
    const moved = [found.data?.buffer, found.photo?.data.buffer, found.bitmap].filter(Boolean);
    self.postMessage({ id, answer: found }, moved);
  } catch (error) {
    const { code, values, message } = error;
    self.postMessage({ id, error: { code, values, message } });
  }
}
