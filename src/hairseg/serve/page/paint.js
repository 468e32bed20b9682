// What people do with a mask: overlay, cutout, recolour. Photos are RGBA; each function returns new RGBA data.

import { fromHex, fromOklab, toOklab } from "./color.js";
import { PAINT } from "./constants.js";
import { applyTone, lookOf, toneOf } from "./dye.js";
import { foreground } from "./foreground.js";

/** The mask as a grey picture: 0 is background, 255 is hair. */
export function maskPicture(alpha) {
  const result = new Uint8ClampedArray(alpha.length * 4);
  for (let i = 0; i < alpha.length; i++) {
    const level = Math.round(alpha[i] * 255);
    result[4 * i] = result[4 * i + 1] = result[4 * i + 2] = level;
    result[4 * i + 3] = 255;
  }
  return result;
}

/** The photo with a translucent colour over the hair. */
export function overlay(photo, alpha, { color, strength }) {
  const result = photo.data.slice();
  const level = fromHex(color);
  for (let i = 0; i < alpha.length; i++) {
    if (alpha[i] === 0) continue;
    for (let c = 0; c < 3; c++) {
      const below = result[4 * i + c];
      result[4 * i + c] = rounded(below + (level[c] - below) * alpha[i] * strength);
    }
  }
  return result;
}

/** The hair alone, transparent around it; straight alpha. `pure` is the photo's foreground, if known. */
export function cutout(photo, alpha, pure = foreground(photo, alpha)) {
  const result = new Uint8ClampedArray(pure.data.length);
  for (let i = 0; i < alpha.length; i++) {
    const opacity = Math.trunc(alpha[i] * 255 + 0.5);
    if (opacity === 0) continue;
    for (let c = 0; c < 3; c++) result[4 * i + c] = pure.data[4 * i + c];
    result[4 * i + 3] = opacity;
  }
  return result;
}

/** What recolouring needs to know of a photo, whatever the colour: made once, used for every colour. */
export function prepare(photo, alpha) {
  return toneSource(photo, foreground(photo, alpha), alpha);
}

/** The same where the hair's own colours, `pure`, are known; `samples` pixels tell how the hair looks. */
export function toneSource(photo, pure, alpha, samples = PAINT.SAMPLES) {
  let highest = 0;
  for (const share of alpha) if (share > highest) highest = share;
  const enough = Math.min(0.95, highest);
  let count = 0;
  for (let i = 0; i < alpha.length; i++) if (alpha[i] >= enough) count++;
  const every = Math.max(1, Math.trunc(count / samples));
  const sure = [];
  for (let i = 0, seen = 0; i < alpha.length; i++) {
    if (alpha[i] >= enough && seen++ % every === 0) sure.push(4 * i);
  }
  const look = highest > 0 ? lookOf(pure.data, sure) : null;
  return { pure, look, extent: extent(alpha, photo.width) };
}

/** Dye the hair: another colour under the same light and shade. `tips` is a second colour or null. */
export function recolor(photo, alpha, { color, strength = 1, tips = null, lift = 1 }, known = prepare(photo, alpha)) {
  const result = photo.data.slice();
  const { pure, look, extent: [top, bottom] } = known;
  if (strength === 0 || look === null) return result;
  const tones = [color, tips].filter(Boolean).map((hex) => toneOf(labOf(hex), look, lift));
  const [old, dyed, ends, rgb] = [[0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]];
  for (let i = 0; i < alpha.length; i++) {
    const share = alpha[i];
    if (share === 0) continue;
    toOklab(pure.data, 4 * i, old);
    applyTone(tones[0], old, dyed);
    if (tones.length === 2) {
      applyTone(tones[1], old, ends);
      const height = (Math.trunc(i / photo.width) - top) / Math.max(bottom - top, 1);
      between(dyed, ends, smoothstep(height, PAINT.ROOTS_END, PAINT.TIPS_BEGIN), dyed);
    }
    between(old, dyed, strength, dyed);
    fromOklab(dyed, rgb);
    for (let c = 0; c < 3; c++) {
      const change = (rgb[c] - pure.data[4 * i + c]) * share;
      result[4 * i + c] = share < 1 ? rounded(change + result[4 * i + c]) : rgb[c];
    }
  }
  return result;
}

function labOf(hex) {
  const lab = [0, 0, 0];
  toOklab(fromHex(hex), 0, lab);
  return lab;
}

/** First and last row of the hair, without the 3 % at each end that a stray strand may be. */
function extent(alpha, width) {
  const totals = new Float64Array(alpha.length / width);
  let total = 0;
  for (let y = 0; y < totals.length; y++) {
    let row = 0;
    for (let at = y * width; at < (y + 1) * width; at++) row += alpha[at];
    totals[y] = total += row;
  }
  return [0.03 * total, 0.97 * total].map((level) => totals.findIndex((value) => value >= level));
}

function smoothstep(value, low, high) {
  const share = Math.min(Math.max((value - low) / (high - low), 0), 1);
  return share * share * (3 - 2 * share);
}

function between(first, second, share, result) {
  for (let c = 0; c < 3; c++) result[c] = first[c] + (second[c] - first[c]) * share;
}

function rounded(level) {
  return Math.trunc(Math.min(Math.max(level, 0), 255) + 0.5);
}
