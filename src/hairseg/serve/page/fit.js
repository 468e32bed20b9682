// Photo <-> canvas: the resize into the network's input, and the exact inverse for its output.

import { FIT, RESAMPLE } from "./constants.js";
import { reduce, resize } from "./resize.js";

/** [height, width] of the canvas for a photo of height x width; `how` is the model's own fit. */
export function canvasSize(how, height, width) {
  if (how.mode === "square") return [rounded(how, how.size), rounded(how, how.size)];
  const ratio = Math.sqrt(height / width);
  const own = Math.sqrt(height * width);
  const side = how.size * Math.min(own / how.size, 1) ** (1 - (how.enlarge ?? 1));
  return [rounded(how, side * ratio), rounded(how, side / ratio)];
}

function rounded(how, side) {
  const inside = Math.min(Math.max(side, FIT.SHORTEST_SIDE), FIT.LONGEST_SIDE);
  return Math.max(roundHalfEven(inside / how.multiple), 1) * how.multiple;
}

/** The nearest integer; halves go to the even one, as Python's round does. */
export function roundHalfEven(value) {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return Math.round(value);
  return below % 2 ? below + 1 : below;
}

/** The photo (RGBA) on its canvas. */
export function fit(photo, how) {
  const [height, width] = canvasSize(how, photo.height, photo.width);
  if (photo.height === height && photo.width === width) return photo;
  const across = Math.trunc(photo.width / width / RESAMPLE.REDUCING_GAP) || 1;
  const down = Math.trunc(photo.height / height / RESAMPLE.REDUCING_GAP) || 1;
  const smaller = across > 1 || down > 1 ? reduce(photo, across, down) : photo;
  return resize(smaller, width, height, 4, [photo.width / across, photo.height / down]);
}

/** A map on the canvas {data: Float32Array, width, height} at the photo's own size: Float32Array. */
export function unfit(map, height, width) {
  if (map.height === height && map.width === width) return map.data;
  return resize(map, width, height, 1).data;
}
