// One frame of the camera: the short way from picture to picture, for a dozen of them a second.

import { canvasSize, unfit } from "./fit.js";
import { scaled } from "./heads.js";
import { cutout, maskPicture, overlay, recolor, toneSource } from "./paint.js";

// Pixels that tell how the hair looks; a photo takes more.
const SAMPLES = 2000;

/** [width, height] of a frame's canvas: that of a photo, but of at most `size`; the browser resizes to it. */
export function frameCanvas(fit, size, height, width) {
  return canvasSize({ ...fit, size: Math.min(fit.size, size) }, height, width).reverse();
}

/**
 * RGBA of a frame, painted. `canvas` is the frame as the network saw it, `map` what it found there.
 *
 * The edge is the network's own: strands flicker more than they please. How the hair looks is read off the canvas,
 * which has a fifth of the pixels.
 */
export function paintFrame(photo, canvas, map, threshold, what, options) {
  const ramp = rampAround(threshold);
  const alpha = shares(map, photo, ramp);
  if (what === "cutout") return cutout(photo, alpha, photo);
  if (what === "overlay") return overlay(photo, alpha, options);
  if (what !== "recolor") return maskPicture(alpha);
  const { look, heads } = toneSource(canvas, canvas, map.data.map(ramp), SAMPLES);
  const enlarged = heads && scaled(heads, photo.height / canvas.height, photo.width / canvas.width);
  return recolor(photo, alpha, options, { pure: photo, look, heads: enlarged });
}

/** Probability -> share of hair: 0 and 1 a little before the model is sure, smooth between. */
function rampAround(threshold) {
  const reach = Math.min(threshold, 1 - threshold, 0.3) || 0.01;
  const [nothing, scale] = [threshold - reach, 1 / (2 * reach)];
  return (value) => {
    const share = Math.min(Math.max((value - nothing) * scale, 0), 1);
    return share * share * (3 - 2 * share);
  };
}

let kept = new Float32Array(0);

/** The share of hair of every pixel of the photo: Float32Array, which the next frame of this size writes over. */
function shares(map, { height, width }, ramp) {
  if (map.height > height || map.width > width) return unfit(map, height, width).map(ramp);
  if (kept.length === height * width) kept.fill(0);
  else kept = new Float32Array(height * width);
  const alpha = kept;
  const box = boxOf(map, ramp);
  if (box) enlarge(map, box, alpha, height, width, ramp);
  return alpha;
}

/** {top, bottom, left, right} of what is not nothing on the map, the last row and column included; or null. */
function boxOf({ data, width, height }, ramp) {
  let [top, bottom, left, right] = [height, -1, width, -1];
  for (let y = 0; y < height; y++) {
    let [first, last] = [width, -1];
    for (let x = 0, at = y * width; x < width; x++, at++) {
      if (ramp(data[at]) === 0) continue;
      if (last < 0) first = x;
      last = x;
    }
    if (last < 0) continue;
    if (bottom < 0) top = y;
    bottom = y;
    left = Math.min(left, first);
    right = Math.max(right, last);
  }
  return bottom < 0 ? null : { top, bottom, left, right };
}

/** What `unfit` and then `ramp` give, where the map is smaller than the photo, within the box and the pixels around. */
function enlarge(map, box, alpha, height, width, ramp) {
  const down = neighbours(map.height, height, box.top, box.bottom);
  const across = neighbours(map.width, width, box.left, box.right);
  const row = new Float32Array(map.width);
  for (let y = down.start; y < down.end; y++) {
    const [upper, lower] = [down.first[y] * map.width, down.second[y] * map.width];
    const share = down.share[y];
    for (let x = box.left && box.left - 1; x < Math.min(box.right + 2, map.width); x++) {
      row[x] = map.data[upper + x] + (map.data[lower + x] - map.data[upper + x]) * share;
    }
    for (let x = across.start, at = y * width + x; x < across.end; x++, at++) {
      const left = row[across.first[x]];
      alpha[at] = ramp(left + (row[across.second[x]] - left) * across.share[x]);
    }
  }
}

/** For each of `target` positions its two neighbours among `length`, and how near the second one is. */
function neighbours(length, target, low, high) {
  const [first, second] = [new Int32Array(target), new Int32Array(target)];
  const share = new Float32Array(target);
  let [start, end] = [target, 0];
  for (let i = 0; i < target; i++) {
    const place = Math.min(Math.max(((i + 0.5) * length) / target - 0.5, 0), length - 1);
    first[i] = Math.trunc(place);
    second[i] = Math.min(first[i] + 1, length - 1);
    share[i] = place - first[i];
    if (second[i] < low || first[i] > high) continue;
    start = Math.min(start, i);
    end = i + 1;
  }
  return { first, second, share, start, end };
}
