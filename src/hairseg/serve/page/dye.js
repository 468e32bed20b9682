// One head of hair in another colour, under the same light; explained in hairseg/dye.py.

import { cube, quantile, toOklab } from "./color.js";
import { DYE } from "./constants.js";

const ENTRIES = DYE.ENTRIES;

/** How the hair looks before dyeing: quantiles of its lightness, median L, a, b. `at` are offsets of pixels. */
export function lookOf(data, at) {
  const planes = [0, 1, 2].map(() => new Float32Array(at.length));
  const lab = [0, 0, 0];
  at.forEach((offset, i) => {
    toOklab(data, offset, lab);
    for (let axis = 0; axis < 3; axis++) planes[axis][i] = lab[axis];
  });
  for (const plane of planes) plane.sort();
  const [lightness, a, b] = planes.map((plane) => quantile(plane, 0.5));
  return { quantiles: DYE.SHARES.map((share) => quantile(planes[0], share)), lightness, a, b };
}

/** The tone that turns hair of `look` into the OKLab colour `lab`, `lift` of the way in lightness. */
export function toneOf(lab, look, lift) {
  const goal = look.lightness + (lab[0] - look.lightness) * lift;
  const change = (goal + 0.01) / (look.lightness + 0.01);
  const kept = DYE.KEPT * Math.min(change, 1 / change);
  return { lab, look, kept, curve: lightnessCurve(look, goal) };
}

/** The new colour of one pixel of hair: from `old` to `dyed`, both [L, a, b]. */
export function applyTone(tone, old, dyed) {
  const { lab, look, kept, curve } = tone;
  const entry = Math.min(Math.max(Math.trunc(old[0] * (ENTRIES - 1)), 0), ENTRIES - 1);
  const lightness = curve[entry];
  const own = Math.max(lab[0], 0.05);
  const lit = Math.min(lightness / own, 1);
  const glare = Math.min(Math.max((lightness - own) / (1.001 - Math.min(own, 1)), 0), 1);
  const chroma = 0.5 * (Math.sqrt(lit) + lit) * (1 - 0.5 * glare * glare);
  const shade = Math.min(old[0] / Math.max(look.lightness, 0.01), 1.3);
  dyed[0] = lightness;
  dyed[1] = lab[1] * chroma + kept * (old[1] - look.a * shade);
  dyed[2] = lab[2] * chroma + kept * (old[2] - look.b * shade);
}

/** Distances from the median to the quantiles of photographed hair of this median lightness. */
function photographedSpread(median) {
  const rows = DYE.PHOTOGRAPHED.map((row) => row[0]);
  const last = rows.at(-1);
  const inside = Math.min(Math.max(median, rows[0]), last);
  let scale = 1;
  if (median > last) scale = (1 - median) / (1 - last);
  else if (median < rows[0]) scale = median / rows[0];
  return DYE.SHARES.map((_, q) => {
    const distances = DYE.PHOTOGRAPHED.map((row) => row[q + 1] - row[0]);
    return scale * interpolate(inside, rows, distances);
  });
}

/** The new lightness of every old one; never falling, the median carried to `goal`. */
function lightnessCurve(look, goal) {
  const toe = DYE.TOE * Math.min(Math.max((goal - look.lightness) / 0.3, 0), 1);
  const lifted = (lightness) => Math.cbrt(cube(lightness) + cube(toe));
  const [old, median] = [look.quantiles.map(lifted), lifted(look.lightness)];
  const before = photographedSpread(Math.min(Math.max(median, DYE.EXTREME), 1 - DYE.EXTREME));
  const after = photographedSpread(goal);
  const fresh = old.map((value, q) => {
    const contrast = Math.min(Math.max((value - median) / before[q], DYE.LEAST), DYE.MOST);
    return Math.min(Math.max(goal + after[q] * contrast, 0), 1);
  });
  const [xs, ys] = knots(old.toSpliced(3, 0, median), fresh.toSpliced(3, 0, goal));
  const axis = Float64Array.from({ length: ENTRIES }, (_, i) => i / (ENTRIES - 1));
  const smoothed = smooth(axis.map((value) => interpolate(value, xs, ys)));
  let sum = 0;
  const rising = smoothed.map((value, i) => {
    if (i > 0) sum += Math.min(value - smoothed[i - 1], DYE.STEEPEST / ENTRIES);
    return sum;
  });
  const curve = axis.map((value) => interpolate(lifted(value), axis, rising));
  const shift = goal - interpolate(look.lightness, axis, curve);
  return Float32Array.from(curve, (value) => Math.min(Math.max(value + shift, 0), 1));
}

/** Points of the curve from 0 to 1: rising, none so close to its neighbour that the slope is arbitrary. */
function knots(oldInner, newInner) {
  const old = [0, ...oldInner, 1];
  const fresh = [newInner[0] / 2, ...newInner, (1 + newInner.at(-1)) / 2];
  const middle = 4;
  const kept = [middle];
  for (let i = middle - 1; i >= 0; i--) if (old[kept[0]] - old[i] > 0.01) kept.unshift(i);
  for (let i = middle + 1; i < old.length; i++) if (old[i] - old[kept.at(-1)] > 0.01) kept.push(i);
  let highest = -Infinity;
  return [kept.map((i) => old[i]), kept.map((i) => (highest = Math.max(highest, fresh[i])))];
}

/** Round the corners: two running means, the ends continued by point reflection. */
function smooth(curve) {
  const reach = Math.trunc(ENTRIES / 50);
  const last = curve.length - 1;
  const at = (values, i) => {
    if (i < 0) return 2 * values[0] - values[-i];
    return i > last ? 2 * values[last] - values[2 * last - i] : values[i];
  };
  for (let round = 0; round < 2; round++) {
    const values = curve;
    let sum = 0;
    for (let i = -reach; i <= reach; i++) sum += at(values, i);
    curve = values.map((_, i) => {
      if (i > 0) sum += at(values, i + reach) - at(values, i - reach - 1);
      return sum / (2 * reach + 1);
    });
  }
  return curve;
}

/** Piecewise linear through rising `xs`, constant outside, as numpy's interp. */
function interpolate(x, xs, ys) {
  const last = xs.length - 1;
  if (x <= xs[0]) return ys[0];
  if (x >= xs[last]) return ys[last];
  let [low, high] = [0, last];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (xs[middle] <= x) low = middle;
    else high = middle;
  }
  return ys[low] + ((ys[high] - ys[low]) * (x - xs[low])) / (xs[high] - xs[low]);
}
