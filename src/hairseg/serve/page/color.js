// sRGB <-> OKLab, and the name of a head's colour; the constants are those of hairseg/color.py.

import { COLOR } from "./constants.js";

const [L, M, S] = COLOR.TO_LMS;
const [TO_L, TO_A, TO_B] = COLOR.TO_LAB;
const [FROM_L, FROM_M, FROM_S] = COLOR.FROM_LAB;
const [RED, GREEN, BLUE] = COLOR.FROM_LMS;

/** Linear light of the 256 sRGB levels (IEC 61966-2-1). */
const DECODE = Float32Array.from({ length: 256 }, (_, i) => {
  const level = i / 255;
  return level <= 0.04045 ? level / 12.92 : ((level + 0.055) / 1.055) ** 2.4;
});
const STEPS = 65535;
/** Nearest sRGB level of equally spaced linear values in [0, 1]. */
const ENCODE = Uint8Array.from({ length: STEPS + 1 }, (_, i) => {
  const light = i / STEPS;
  return Math.round(255 * (light <= 0.0031308 ? light * 12.92 : 1.055 * light ** (1 / 2.4) - 0.055));
});

/** OKLab of one pixel of `data`, written to `lab`. */
export function toOklab(data, at, lab) {
  const r = DECODE[data[at]];
  const g = DECODE[data[at + 1]];
  const b = DECODE[data[at + 2]];
  const l = Math.cbrt(L[0] * r + L[1] * g + L[2] * b);
  const m = Math.cbrt(M[0] * r + M[1] * g + M[2] * b);
  const s = Math.cbrt(S[0] * r + S[1] * g + S[2] * b);
  lab[0] = TO_L[0] * l + TO_L[1] * m + TO_L[2] * s;
  lab[1] = TO_A[0] * l + TO_A[1] * m + TO_A[2] * s;
  lab[2] = TO_B[0] * l + TO_B[1] * m + TO_B[2] * s;
}

/** sRGB levels of OKLab; a colour that no screen shows keeps its lightness and hue and loses chroma. */
export function fromOklab(lab, rgb) {
  const lightness = Math.min(Math.max(lab[0], 0), 1);
  const l = cube(FROM_L[0] * lightness + FROM_L[1] * lab[1] + FROM_L[2] * lab[2]);
  const m = cube(FROM_M[0] * lightness + FROM_M[1] * lab[1] + FROM_M[2] * lab[2]);
  const s = cube(FROM_S[0] * lightness + FROM_S[1] * lab[1] + FROM_S[2] * lab[2]);
  let r = RED[0] * l + RED[1] * m + RED[2] * s;
  let g = GREEN[0] * l + GREEN[1] * m + GREEN[2] * s;
  let b = BLUE[0] * l + BLUE[1] * m + BLUE[2] * s;
  const low = Math.min(r, g, b);
  const high = Math.max(r, g, b);
  if (low < -1e-5 || high > 1 + 1e-5) {
    const grey = cube(lightness);
    let share = Math.min(grey / Math.max(grey - low, 1e-9), 1);
    share = Math.min(share, (1 - grey) / Math.max(high - grey, 1e-9));
    r = grey + share * (r - grey);
    g = grey + share * (g - grey);
    b = grey + share * (b - grey);
  }
  rgb[0] = encode(r);
  rgb[1] = encode(g);
  rgb[2] = encode(b);
}

/** The third power; `**` takes ten times as long, and a frame has a hundred thousand of them. */
export function cube(value) {
  return value * value * value;
}

function encode(light) {
  return ENCODE[Math.trunc(Math.min(Math.max(light, 0), 1) * STEPS + 0.5)];
}

/** Levels [r, g, b] of "#rrggbb". */
export function fromHex(hex) {
  return [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
}

/** "#rrggbb" of three levels. */
export function toHex(rgb) {
  return "#" + Array.from(rgb, (level) => level.toString(16).padStart(2, "0")).join("");
}

/**
 * The colour that a person would call this hair, {hex, name}, or null where there is no hair.
 * `alpha` may be a probability.
 */
export function hairColor({ data, width, height }, alpha) {
  const stride = Math.max(1, Math.trunc(Math.sqrt(alpha.length / (4 * COLOR.SAMPLES))));
  const thin = [];
  for (let y = 0; y < height; y += stride) for (let x = 0; x < width; x += stride) thin.push(y * width + x);
  const above = (level) => thin.filter((at) => alpha[at] > level);
  const surest = above(0.9);
  const sure = surest.length >= COLOR.FEWEST ? surest : above(0.5);
  if (sure.length < Math.min(COLOR.FEWEST, thin.length)) return null;
  const colours = sure.map((at) => {
    const lab = [0, 0, 0];
    toOklab(data, 4 * at, lab);
    return { lab, weight: alpha[at] };
  });
  const lightness = Float64Array.from(colours, ({ lab }) => lab[0]).sort();
  const [dark, bright] = [quantile(lightness, 0.1), quantile(lightness, 0.9)];
  const middle = colours.filter(({ lab }) => lab[0] >= dark && lab[0] <= bright);
  const kept = middle.length ? middle : colours; // two pixels are both the darkest and the brightest tenth
  const lab = [0, 1, 2].map((axis) => weightedMedian(kept, axis));
  const rgb = [0, 0, 0];
  fromOklab(lab, rgb);
  return { hex: toHex(rgb), name: nearestName(lab) };
}

/** Linear between the neighbours in sorted values, as numpy's quantile. */
export function quantile(sorted, share) {
  const position = share * (sorted.length - 1);
  const below = Math.floor(position);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (position - below);
}

function weightedMedian(colours, axis) {
  const sorted = colours.toSorted((a, b) => a.lab[axis] - b.lab[axis]);
  const half = sorted.reduce((sum, { weight }) => sum + weight, 0) / 2;
  let total = 0;
  for (const { lab, weight } of sorted) {
    total += weight;
    if (total >= half) return lab[axis];
  }
  return sorted.at(-1).lab[axis];
}

function nearestName(lab) {
  let [best, nearest] = ["", Infinity];
  for (const [name, ...own] of COLOR.NAMES) {
    const distance = own.reduce((sum, value, axis) => sum + ((value - lab[axis]) * COLOR.NAMING[axis]) ** 2, 0);
    if (distance < nearest) [best, nearest] = [name, distance];
  }
  return best;
}
