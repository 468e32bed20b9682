// What people do with a mask: overlay, cutout, recolour. Photos are RGBA; each function returns new RGBA data.

import { fromHex, fromOklab, toOklab } from "./color.js";
import { PAINT } from "./constants.js";
import { applyTone, lookOf, toneOf } from "./dye.js";
import { foreground } from "./foreground.js";
import { headsOf, heightIn } from "./heads.js";

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
  // Typed arrays are twice as slow under for ... of.
  for (let i = 0; i < alpha.length; i++) if (alpha[i] > highest) highest = alpha[i];
  const enough = Math.min(0.95, highest);
  let count = 0;
  for (let i = 0; i < alpha.length; i++) if (alpha[i] >= enough) count++;
  const every = Math.max(1, Math.trunc(count / samples));
  const sure = [];
  for (let i = 0, seen = 0; i < alpha.length; i++) {
    if (alpha[i] >= enough && seen++ % every === 0) sure.push(4 * i);
  }
  const look = highest > 0 ? lookOf(pure.data, sure) : null;
  return { pure, look, heads: headsOf(alpha, photo.width, photo.height) };
}

/** Dye the hair: another colour under the same light and shade. `tips` is a second colour or null. */
export function recolor(photo, alpha, { color, strength = 1, tips = null, lift = 1 }, known = prepare(photo, alpha)) {
  const result = photo.data.slice();
  const { pure, look, heads } = known;
  if (strength === 0 || look === null) return result;
  const tones = [color, tips].filter(Boolean).map((hex) => toneOf(labOf(hex), look, lift));
  const [old, dyed, ends, rgb] = [[0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]];
  const recent = tones.length === 1 ? new Recent() : null;
  for (let i = 0; i < alpha.length; i++) {
    const share = alpha[i];
    if (share === 0) continue;
    const at = 4 * i;
    if (!recent?.find(pure.data, at, rgb)) {
      toOklab(pure.data, at, old);
      applyTone(tones[0], old, dyed);
      if (tones.length === 2) {
        applyTone(tones[1], old, ends);
        const height = heightIn(heads, Math.trunc(i / photo.width), i % photo.width);
        between(dyed, ends, smoothstep(height, PAINT.ROOTS_END, PAINT.TIPS_BEGIN), dyed);
      }
      between(old, dyed, strength, dyed);
      fromOklab(dyed, rgb);
      recent?.keep(rgb);
    }
    for (let c = 0; c < 3; c++) {
      const change = (rgb[c] - pure.data[at + c]) * share;
      result[at + c] = share < 1 ? rounded(change + result[at + c]) : rgb[c];
    }
  }
  return result;
}

/** What became of the last colours: hair repeats its own, and the way through OKLab is long. */
class Recent {
  static #PLACES = 1 << 14;
  #colours = new Int32Array(Recent.#PLACES).fill(-1);
  #results = new Int32Array(Recent.#PLACES);
  #colour = 0;
  #place = 0;

  /** Whether the colour of the pixel at `at` is known; then `rgb` is what became of it. */
  find(data, at, rgb) {
    this.#colour = (data[at] << 16) | (data[at + 1] << 8) | data[at + 2];
    this.#place = Math.imul(this.#colour, 0x9e3779b1) >>> 18; // Fibonacci hashing
    if (this.#colours[this.#place] !== this.#colour) return false;
    const result = this.#results[this.#place];
    rgb[0] = result >> 16;
    rgb[1] = (result >> 8) & 255;
    rgb[2] = result & 255;
    return true;
  }

  /** Keep what became of the colour that was not found last. */
  keep(rgb) {
    this.#colours[this.#place] = this.#colour;
    this.#results[this.#place] = (rgb[0] << 16) | (rgb[1] << 8) | rgb[2];
  }
}

function labOf(hex) {
  const lab = [0, 0, 0];
  toOklab(fromHex(hex), 0, lab);
  return lab;
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
