// Everything heavy, off the page's own thread: one message asks, one message answers.

import { frameCanvas, paintFrame } from "./frame.js";
import { Hair } from "./hair.js";
import { encodePng } from "./png.js";
import { Segmenter } from "./segmenter.js";

// What is shown while colours are tried out; a download is painted at the photo's own size.
const PREVIEW_PIXELS = 1_500_000;

let segmenter = null;
let shown = null; // Hair at the size that is shown
let whole = null; // Hair at the photo's own size, the same object for small photos

const answers = {
  async load({ model, runtime, way }, report) {
    segmenter = await Segmenter.open(model, runtime, way, (loaded, total) => report({ loaded, total }));
    const { way: used, threads } = segmenter.opened;
    return { way: used, threads };
  },

  async open({ file }) {
    const bitmap = await decode(file);
    const photo = pixels(bitmap, bitmap.width, bitmap.height);
    const start = performance.now();
    const map = await segmenter.find(photo);
    const { threshold } = segmenter.model;
    whole = new Hair(photo, map, threshold);
    shown = new Hair(preview(bitmap, photo), map, threshold);
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
    const photo = pixels(bitmap, width, height);
    const canvas = frameCanvas(segmenter.model.fit, size, height, width);
    const map = await segmenter.run(pixels(bitmap, ...canvas));
    bitmap.close();
    const data = paintFrame(photo, map, segmenter.model.threshold, what, options);
    return { width, height, data, canvas };
  },
};

/** The browser's own decoder: upright, in sRGB. */
async function decode(file) {
  try {
    return await createImageBitmap(file);
  } catch {
    throw Object.assign(new Error("not a photo"), { code: "notPhoto", values: { name: file.name } });
  }
}

/** RGBA of a bitmap at width x height, over white paper where it is transparent. */
function pixels(bitmap, width, height) {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "white";
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, width, height);
  return context.getImageData(0, 0, width, height);
}

/** The photo itself if it is small, or a smaller copy. */
function preview(bitmap, photo) {
  const scale = Math.sqrt(PREVIEW_PIXELS / (photo.width * photo.height));
  if (scale >= 1) return photo;
  return pixels(bitmap, Math.round(photo.width * scale), Math.round(photo.height * scale));
}

self.onmessage = async ({ data: { id, ask, ...question } }) => {
  const report = (progress) => self.postMessage({ id, progress });
  try {
    const answer = await answers[ask](question, report);
    const moved = [answer.data?.buffer, answer.photo?.data.buffer].filter(Boolean);
    self.postMessage({ id, answer }, moved);
  } catch (error) {
    const { code, values, message } = error;
    self.postMessage({ id, error: { code, values, message } });
  }
};
