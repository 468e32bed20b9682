// The hair's own colours, without the background that shines through; explained in hairseg/foreground.py.

import { FOREGROUND } from "./constants.js";
import { roundHalfEven } from "./fit.js";
import { atPoints, eachPixel, gridSize } from "./tiles.js";

/** A copy of the photo (RGBA) with pure hair colours in its partly transparent pixels. */
export function foreground(photo, alpha) {
  const { data, width, height } = photo;
  const pure = { data: data.slice(), width, height };
  const wanted = Math.max(1, roundHalfEven(Math.max(height, width) / FOREGROUND.GRID));
  const step = Math.min(wanted, height, width);
  const [rows, columns] = gridSize(height, width, step);
  const chosen = partly(alpha, height, width, step);
  const sure = atPoints(alpha, height, width, step);
  if (!chosen.includes(1) || !sure.some((share) => share > 0)) return pure;
  const points = [0, 1, 2].map((channel) => atPoints(data, height, width, step, 4, channel));
  const hair = fill(points, sure.map(weight), rows, columns);
  const rest = fill(points, sure.map((share) => weight(1 - share)), rows, columns);
  eachPixel(chosen, height, width, step, [...hair, ...rest], (at, values) => {
    const share = alpha[at];
    const mixed = share > 0 && share < 1;
    for (let c = 0; c < 3; c++) {
      const [seen, inFront, behind] = [data[4 * at + c], values[c], values[3 + c]];
      const own = inFront + share * share * (seen - behind - share * (inFront - behind));
      // Where tiles overlap the last one wins, as in Python.
      pure.data[4 * at + c] = mixed ? Math.trunc(Math.min(Math.max(own, 0), 255) + 0.5) : seen;
    }
  });
  return pure;
}

/** Uint8Array: 1 for each tile with a pixel between 0 and 1. */
function partly(alpha, height, width, step) {
  const [rows, columns] = gridSize(height, width, step);
  const chosen = new Uint8Array(rows * columns);
  for (let y = 0; y < height; y++) {
    const row = Math.trunc(y / step) * columns;
    for (let x = 0, at = y * width; x < width; x++, at++) {
      if (alpha[at] > 0 && alpha[at] < 1) chosen[row + Math.trunc(x / step)] = 1;
    }
  }
  return chosen;
}

/** How much a point counts: all where it is surely this layer, next to nothing where it is mixed. */
function weight(share) {
  return share > FOREGROUND.SURE ? 1 : 1e-6 * share ** 4;
}

/** Spread the colours of weighty points over the others: pull to ever coarser grids, push back. */
function fill(planes, weights, rows, columns) {
  if (Math.min(rows, columns) === 1 || weights.every((value) => value >= 1)) return towardsMean(planes, weights);
  const sums = planes.map((plane) => plane.map((value, i) => value * weights[i]));
  const halves = [...sums, weights].map((plane) => halve(plane, rows, columns));
  const total = halves.pop();
  const [fewer, thinner] = [Math.ceil(rows / 2), Math.ceil(columns / 2)];
  const means = halves.map((plane) => plane.map((value, i) => value / Math.max(total[i], 1e-12)));
  const coarse = fill(means, total.map((value) => Math.min(4 * value, 1)), fewer, thinner);
  return planes.map((plane, p) => {
    const under = double(coarse[p], fewer, thinner, rows, columns);
    return under.map((value, i) => value + (plane[i] - value) * Math.min(weights[i], 1));
  });
}

function towardsMean(planes, weights) {
  const total = Math.max(weights.reduce((sum, value) => sum + value, 0), 1e-12);
  return planes.map((plane) => {
    const mean = plane.reduce((sum, value, i) => sum + value * weights[i], 0) / total;
    return plane.map((value, i) => mean + (value - mean) * Math.min(weights[i], 1));
  });
}

/** Mean of every 2 x 2 points; an odd last row or column is repeated. */
function halve(plane, rows, columns) {
  const [fewer, thinner] = [Math.ceil(rows / 2), Math.ceil(columns / 2)];
  const half = new Float32Array(fewer * thinner);
  for (let i = 0; i < fewer; i++) {
    const [upper, lower] = [2 * i * columns, Math.min(2 * i + 1, rows - 1) * columns];
    for (let j = 0; j < thinner; j++) {
      const [left, right] = [2 * j, Math.min(2 * j + 1, columns - 1)];
      const sum = plane[upper + left] + plane[upper + right] + plane[lower + left] + plane[lower + right];
      half[i * thinner + j] = sum / 4;
    }
  }
  return half;
}

/** Bilinear between points twice as far apart, centred as `halve` left them. */
function double(plane, fewer, thinner, rows, columns) {
  const tall = new Float32Array(rows * thinner);
  for (let i = 0; i < rows; i++) {
    const [near, far] = neighbours(i, fewer);
    for (let j = 0; j < thinner; j++) {
      tall[i * thinner + j] = 0.75 * plane[near * thinner + j] + 0.25 * plane[far * thinner + j];
    }
  }
  const doubled = new Float32Array(rows * columns);
  for (let j = 0; j < columns; j++) {
    const [near, far] = neighbours(j, thinner);
    for (let i = 0; i < rows; i++) {
      doubled[i * columns + j] = 0.75 * tall[i * thinner + near] + 0.25 * tall[i * thinner + far];
    }
  }
  return doubled;
}

/** The nearer and the farther of the two coarse points around a fine one. */
function neighbours(position, length) {
  const near = position >> 1;
  const far = near + (position % 2 ? 1 : -1);
  return [near, Math.min(Math.max(far, 0), length - 1)];
}
