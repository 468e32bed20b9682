// One frame of the camera: the short way from picture to picture, for a dozen of them a second.

import { canvasSize, unfit } from "./fit.js";
import { cutout, maskPicture, overlay, recolor, toneSource } from "./paint.js";

// Pixels that tell how the hair looks; a photo takes more.
const SAMPLES = 2000;

/** [width, height] of a frame's canvas: that of a photo, but of at most `size`; the browser resizes to it. */
export function frameCanvas(fit, size, height, width) {
  return canvasSize({ ...fit, size: Math.min(fit.size, size) }, height, width).reverse();
}

/** RGBA of a frame, painted. The edge is the network's own: strands flicker more than they please. */
export function paintFrame(photo, map, threshold, what, options) {
  const alpha = unfit(map, photo.height, photo.width);
  sharpen(alpha, threshold); // in place: the map was made for this frame
  if (what === "recolor") return recolor(photo, alpha, options, toneSource(photo, photo, alpha, SAMPLES));
  if (what === "cutout") return cutout(photo, alpha, photo);
  if (what === "overlay") return overlay(photo, alpha, options);
  return maskPicture(alpha);
}

/** Probability -> share of hair: 0 and 1 a little before the model is sure, smooth between. */
function sharpen(values, threshold) {
  const reach = Math.min(threshold, 1 - threshold, 0.3) || 0.01;
  const [nothing, scale] = [threshold - reach, 1 / (2 * reach)];
  for (let i = 0; i < values.length; i++) {
    const share = Math.min(Math.max((values[i] - nothing) * scale, 0), 1);
    values[i] = share * share * (3 - 2 * share);
  }
}
