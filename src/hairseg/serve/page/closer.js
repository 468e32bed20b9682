// A second, closer look at hair that is small in its photo, as hairseg/closer.py takes it.
//
// Boxes are {top, bottom, left, right} in pixels of the photo; bottom and right are the first beyond.

import { CLOSER } from "./constants.js";
import { canvasSize, roundHalfEven, unfit } from "./fit.js";

/**
 * What was found on the canvas, and at small hair what a closer look finds: `map` itself, or a map of the photo's size.
 * `look` is the network: a photo (RGBA) -> a promise of its map.
 */
export async function withCloserLook(look, photo, map, how) {
  const parts = partsToLookAt(map, photo.height, photo.width, how);
  if (!parts.length) return map;
  const whole = { data: unfit(map, photo.height, photo.width).slice(), width: photo.width, height: photo.height };
  for (const part of parts) {
    const pixels = cut(photo, part);
    mix(whole, part, unfit(await look(pixels), pixels.height, pixels.width));
  }
  return whole;
}

/** The parts of a photo of height x width whose hair a closer look would show finer, the largest first. */
export function partsToLookAt(map, height, width, how) {
  const scale = scaleOf(how, height, width);
  return together(pieces(map, height, width), height, width)
    .map((box) => around(box, height, width))
    .filter((part) => scaleOf(how, part.bottom - part.top, part.right - part.left) >= CLOSER.FINER * scale)
    .sort((a, b) => area(b) - area(a))
    .slice(0, CLOSER.MOST_PARTS);
}

/** Pixels of the canvas for one of the photo, along a side. */
function scaleOf(how, height, width) {
  const [tall, wide] = canvasSize(how, height, width);
  return Math.sqrt((tall * wide) / (height * width));
}

/** Boxes, in the photo, of the connected pieces of hair, in reading order of their first pixels. */
function pieces({ data, width: wide, height: tall }, height, width) {
  const seen = new Uint8Array(tall * wide);
  const hair = (at) => !seen[at] && data[at] >= CLOSER.HAIR;
  const found = [];
  for (let first = 0; first < data.length; first++) {
    if (!hair(first)) continue;
    const piece = { pixels: 0, peak: 0, top: tall, bottom: 0, left: wide, right: 0 };
    const waiting = [first];
    seen[first] = 1;
    while (waiting.length) {
      const at = waiting.pop();
      const [y, x] = [Math.trunc(at / wide), at % wide];
      piece.pixels++;
      piece.peak = Math.max(piece.peak, data[at]);
      piece.top = Math.min(piece.top, y);
      piece.bottom = Math.max(piece.bottom, y + 1);
      piece.left = Math.min(piece.left, x);
      piece.right = Math.max(piece.right, x + 1);
      for (let row = Math.max(y - 1, 0); row <= Math.min(y + 1, tall - 1); row++) {
        for (let column = Math.max(x - 1, 0); column <= Math.min(x + 1, wide - 1); column++) {
          const next = row * wide + column;
          if (!hair(next)) continue;
          seen[next] = 1;
          waiting.push(next);
        }
      }
    }
    const large = piece.pixels >= CLOSER.SMALLEST * data.length;
    if (large && piece.peak >= CLOSER.SURE) found.push(piece);
  }
  const largest = [...found].sort((a, b) => b.pixels - a.pixels).slice(0, CLOSER.MOST_PIECES);
  return found
    .filter((piece) => largest.includes(piece))
    .map(({ top, bottom, left, right }) => ({
      top: Math.floor((top * height) / tall),
      bottom: Math.ceil((bottom * height) / tall),
      left: Math.floor((left * width) / wide),
      right: Math.ceil((right * width) / wide),
    }));
}

/** Boxes that are part of each other's surroundings as one: strands of a head, and heads side by side. */
function together(boxes, height, width) {
  const near = (a, b) => touch(around(a, height, width), b) || touch(around(b, height, width), a);
  let apart = [];
  for (let joined of boxes) {
    for (;;) {
      const others = apart.filter((other) => near(joined, other));
      if (!others.length) break;
      apart = apart.filter((other) => !others.includes(other));
      joined = others.reduce(union, joined);
    }
    apart.push(joined);
  }
  return apart;
}

/** The square part of a photo of height x width with the box in its middle, as far as the photo goes. */
function around({ top, bottom, left, right }, height, width) {
  const side = roundHalfEven(CLOSER.AROUND * Math.max(bottom - top, right - left));
  const [first, below] = middle(top, bottom, side, height);
  const [start, after] = middle(left, right, side, width);
  return { top: first, bottom: below, left: start, right: after };
}

function middle(first, last, side, length) {
  const inside = Math.min(side, length);
  const begin = Math.min(Math.max(Math.floor((first + last - inside) / 2), 0), length - inside);
  return [begin, begin + inside];
}

const area = ({ top, bottom, left, right }) => (bottom - top) * (right - left);

const touch = (a, b) =>
  Math.max(a.top, b.top) < Math.min(a.bottom, b.bottom) && Math.max(a.left, b.left) < Math.min(a.right, b.right);

const union = (a, b) => ({
  top: Math.min(a.top, b.top),
  bottom: Math.max(a.bottom, b.bottom),
  left: Math.min(a.left, b.left),
  right: Math.max(a.right, b.right),
});

/** A part of a photo (RGBA). */
function cut({ data, width: wide }, { top, bottom, left, right }) {
  const [height, width] = [bottom - top, right - left];
  const part = new Uint8ClampedArray(4 * height * width);
  for (let y = 0; y < height; y++) {
    const start = 4 * ((top + y) * wide + left);
    part.set(data.subarray(start, start + 4 * width), 4 * y * width);
  }
  return { data: part, width, height };
}

/** Write what was seen of a part into the whole; it fades out towards the sides where the photo goes on. */
function mix({ data, width: wide, height: tall }, { top, bottom, left, right }, seen) {
  const width = right - left;
  const down = fade(bottom - top, top > 0, bottom < tall);
  const across = fade(width, left > 0, right < wide);
  for (let y = 0; y < bottom - top; y++) {
    for (let x = 0; x < width; x++) {
      const at = (top + y) * wide + left + x;
      data[at] += Math.fround(Math.min(down[y], across[x])) * (seen[y * width + x] - data[at]);
    }
  }
}

function fade(length, before, after) {
  return Float64Array.from({ length }, (_, i) => {
    const distance = Math.min(before ? i + 0.5 : Infinity, after ? length - i - 0.5 : Infinity);
    return Math.min(Math.max(distance / (CLOSER.FADE * length), 0), 1);
  });
}
