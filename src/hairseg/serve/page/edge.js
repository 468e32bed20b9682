// Probability -> alpha: an edge that follows the strands which the network is too coarse to see.
// The method and its constants are explained in hairseg/edge.py.

import { EDGE } from "./constants.js";
import { roundHalfEven } from "./fit.js";
import { atPoints, eachPixel, gridSize } from "./tiles.js";

/**
 * How much of each pixel is hair: Float32Array in [0, 1]. `photo` is RGBA, `probability` of its size, and
 * `threshold` the probability at which the model is undecided.
 */
export function softEdge(photo, probability, threshold = 0.5) {
  const { width, height } = photo;
  const { step, prior } = priorOf(photo, probability, threshold);
  const alpha = sure(prior, step, height, width);
  eachAlpha(photo, step, prior, (at, value) => {
    alpha[at] = value;
  });
  return alpha;
}

/**
 * The probability, averaged near the border with the alpha that softEdge would give there; `share` is that of
 * the colours.
 */
export function withColors(photo, probability, threshold, share) {
  if (!share) return probability;
  const { step, prior } = priorOf(photo, probability, threshold);
  const mixed = probability.slice();
  eachAlpha(photo, step, prior, (at, value) => {
    mixed[at] = probability[at] + share * (value - probability[at]);
  });
  return mixed;
}

/** The grid's step, and the probability at its points, bent so that `threshold` is 0.5. */
function priorOf({ width, height }, probability, threshold) {
  const step = Math.min(Math.max(2, roundHalfEven(Math.max(height, width) / EDGE.GRID)), height, width);
  return { step, prior: atPoints(probability, height, width, step).map(centredOn(threshold)) };
}

/** `take(at, alpha)` for every pixel of the tiles that the border crosses. */
function eachAlpha({ data, width, height }, step, prior, take) {
  let [lowest, highest] = [1, 0];
  for (const value of prior) {
    lowest = Math.min(lowest, value);
    highest = Math.max(highest, value);
  }
  if (lowest > 0.5 || highest < 0.5) return;
  const colours = [0, 1, 2].map((channel) => atPoints(data, height, width, step, 4, channel));
  const { model, border } = discriminant(colours, prior, ...gridSize(height, width, step));
  eachPixel(border, height, width, step, model, (at, values) => {
    const from = 4 * at;
    take(
      at,
      clamp(values[3] + values[0] * data[from] + values[1] * data[from + 1] + values[2] * data[from + 2]),
    );
  });
}

/** Bends the probability so that `threshold` becomes 0.5, and 0 and 1 stay. */
function centredOn(threshold) {
  const bend = Math.min(Math.max(threshold, 1e-3), 1 - 1e-3);
  return (value) => (value <= bend ? (0.5 * value) / bend : 0.5 + (0.5 * (value - bend)) / (1 - bend));
}

/** 1 in every tile whose point is hair, else 0; the border is written over it. */
function sure(prior, step, height, width) {
  const columns = Math.ceil(width / step);
  const alpha = new Float32Array(height * width);
  for (let y = 0; y < height; y++) {
    const row = Math.trunc(y / step) * columns;
    for (let j = 0; j < columns; j++) {
      if (prior[row + j] > 0.5) alpha.fill(1, y * width + j * step, y * width + Math.min((j + 1) * step, width));
    }
  }
  return alpha;
}

/** The linear model of alpha at every grid point (slopes for red, green, blue; intercept), and the border. */
function discriminant(colours, prior, rows, columns) {
  const sums = moments(colours, prior).map((plane) => blur(plane, rows, columns, EDGE.REACH));
  const around = blur(prior, rows, columns, EDGE.NEAR);
  const hair = blur(prior.map(surely), rows, columns, EDGE.NEAR);
  const model = [0, 1, 2, 3].map(() => new Float32Array(prior.length));
  const border = new Uint8Array(prior.length);
  for (let i = 0; i < prior.length; i++) {
    const inside = ramp(1 - around[i], ...EDGE.INSIDE);
    // Where no hair is near, what the network half believes is no strand.
    const outside = hair[i] > 0 ? ramp(around[i], ...EDGE.OUTSIDE) : 0;
    const gain = (outside * inside) / (EDGE.HIGH - EDGE.LOW);
    model[3][i] = 1 - inside;
    if (gain === 0) continue;
    border[i] = 1;
    const { slopes, intercept } = line(sums, i, prior[i]);
    for (let c = 0; c < 3; c++) model[c][i] = (slopes[c] * gain) / 255;
    model[3][i] += (intercept - EDGE.LOW) * gain;
  }
  return { model, border };
}

/** Slopes and intercept of one point's discriminant, before the limits. */
function line(sums, i, prior) {
  const [hair, background] = [sums[0][i], sums[1][i]];
  const meanF = [2, 3, 4].map((s) => sums[s][i] / (hair + 1e-6));
  const meanB = [5, 6, 7].map((s) => sums[s][i] / (background + 1e-6));
  const difference = meanF.map((value, c) => value - meanB[c]);
  const direction = solve(covariance(sums, i, meanF, meanB), difference);
  const distance = dot(direction, difference);
  const fewer = Math.min(hair, background);
  const trust = (distance * fewer) / (distance * fewer + EDGE.TRUST * (fewer + EDGE.FEW));
  const slopes = direction.map((value) => (value * trust) / (distance + 1e-6));
  return { slopes, intercept: (1 - trust) * prior - dot(slopes, meanB) };
}

const PAIRS = [[0, 0], [0, 1], [0, 2], [1, 1], [1, 2], [2, 2]];

/** The weight of hair at a point, 0 to 1; of background for 1 - prior. */
function surely(prior) {
  return ramp(prior, 0.5, EDGE.SURE);
}

/** What is summed over windows: weights of both layers, their colours, products of colours. */
function moments(colours, prior) {
  const sums = Array.from({ length: 14 }, () => new Float32Array(prior.length));
  for (let i = 0; i < prior.length; i++) {
    const [hair, background] = [surely(prior[i]), surely(1 - prior[i])];
    sums[0][i] = hair;
    sums[1][i] = background;
    for (let c = 0; c < 3; c++) {
      sums[2 + c][i] = (colours[c][i] / 255) * hair;
      sums[5 + c][i] = (colours[c][i] / 255) * background;
    }
    for (let p = 0; p < 6; p++) {
      const [first, second] = PAIRS[p];
      sums[8 + p][i] = ((hair + background) * colours[first][i] * colours[second][i]) / 65025;
    }
  }
  return sums;
}

/** The clouds' common covariance at a point: rr, rg, rb, gg, gb, bb. */
function covariance(sums, i, meanF, meanB) {
  const share = 1 / (sums[0][i] + sums[1][i] + 1e-6);
  return PAIRS.map(([a, b], p) => {
    const own = sums[8 + p][i] - sums[2 + a][i] * meanF[b] - sums[5 + a][i] * meanB[b];
    return own * share + (a === b ? EDGE.NOISE : 0);
  });
}

/** The inverse of a symmetric 3 x 3 matrix times a vector, by cofactors. */
function solve([rr, rg, rb, gg, gb, bb], vector) {
  const [cRR, cRG, cRB] = [gg * bb - gb * gb, gb * rb - rg * bb, rg * gb - gg * rb];
  const [cGG, cGB, cBB] = [rr * bb - rb * rb, rb * rg - rr * gb, rr * gg - rg * rg];
  const scale = 1 / (rr * cRR + rg * cRG + rb * cRB);
  return [[cRR, cRG, cRB], [cRG, cGG, cGB], [cRB, cGB, cBB]].map((row) => dot(row, vector) * scale);
}

function dot(a, b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

function clamp(value) {
  return value < 0 ? 0 : value > 1 ? 1 : value;
}

/** 0 up to `low`, 1 from `high` on, straight between. */
function ramp(value, low, high) {
  return clamp((value - low) / (high - low));
}

/**
 * Gaussian means over a plane of rows x columns, of windows that deviate by `reach` points; they are cut off at the
 * photo's edge.
 */
function blur(plane, rows, columns, reach) {
  const down = bell(rows, reach);
  const across = bell(columns, reach);
  const tall = new Float32Array(plane.length);
  const sums = new Float64Array(columns);
  for (let i = 0; i < rows; i++) {
    sums.fill(0);
    for (let k = down.first[i]; k < down.end[i]; k++) {
      const weight = down.weights[i * down.width + k - down.first[i]];
      for (let j = 0; j < columns; j++) sums[j] += weight * plane[k * columns + j];
    }
    tall.set(sums, i * columns);
  }
  const blurred = new Float32Array(plane.length);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      let sum = 0;
      const [weights, at] = [j * across.width - across.first[j], i * columns];
      for (let k = across.first[j]; k < across.end[j]; k++) sum += across.weights[weights + k] * tall[at + k];
      blurred[i * columns + j] = sum;
    }
  }
  return blurred;
}

const bells = new Map();
// Photos of one size need a few; others' are forgotten.
const MOST_BELLS = 16;

/** Row i holds the Gaussian weights of the points around i, from first[i] on, which sum to 1. */
function bell(length, reach) {
  const key = `${length} ${reach}`;
  if (!bells.has(key)) {
    // No more than a window for each point: a photo may be a line of pixels, and the square of its length too much.
    const reached = Math.floor(EDGE.ENDS * reach);
    const width = 2 * reached + 1;
    const weights = new Float32Array(length * width);
    const [first, end] = [new Int32Array(length), new Int32Array(length)];
    for (let i = 0; i < length; i++) {
      let total = 0;
      [first[i], end[i]] = [Math.max(0, i - reached), Math.min(length, i + reached + 1)];
      for (let k = first[i]; k < end[i]; k++) {
        const weight = Math.exp(-0.5 * ((i - k) / reach) ** 2);
        weights[i * width + k - first[i]] = weight;
        total += weight;
      }
      for (let k = 0; k < end[i] - first[i]; k++) weights[i * width + k] /= total;
    }
    if (bells.size >= MOST_BELLS) bells.clear();
    bells.set(key, { weights, width, first, end });
  }
  return bells.get(key);
}
