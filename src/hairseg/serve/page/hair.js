// The result: where the hair is in one photo, and what can be made of it. Computed when asked for, once.

import { hairColor } from "./color.js";
import { softEdge, withColors } from "./edge.js";
import { unfit } from "./fit.js";
import { fraction, toMask } from "./mask.js";
import { cutout, maskPicture, overlay, prepare, recolor } from "./paint.js";

export class Hair {
  #kept = new Map();

  /** `photo` is RGBA, `map` the probability on the model's canvas; threshold and share of colours are the model's. */
  constructor(photo, map, { threshold, color_share: share = 0 }) {
    this.photo = photo;
    this.map = map;
    this.threshold = threshold;
    this.share = share;
  }

  get probability() {
    return this.#once("probability", () => {
      const found = unfit(this.map, this.photo.height, this.photo.width);
      return withColors(this.photo, found, this.threshold, this.share);
    });
  }

  get mask() {
    return this.#once("mask", () => toMask(this.probability, this.threshold));
  }

  /** The mask as shares: Float32Array of 0 and 1. */
  get hard() {
    return this.#once("hard", () => new Float32Array(this.mask));
  }

  get soft() {
    return this.#once("soft", () => softEdge(this.photo, this.probability, this.threshold));
  }

  get prepared() {
    return this.#once("prepared", () => prepare(this.photo, this.soft));
  }

  /** What a person wants to know: size, share of the picture, colour. */
  describe() {
    const { width, height } = this.photo;
    return { width, height, fraction: fraction(this.mask), color: hairColor(this.photo, this.probability) };
  }

  /** RGBA of "recolor", "cutout", "overlay" or "mask", with the edges that Python uses for each. */
  paint(what, options) {
    if (what === "recolor") return recolor(this.photo, this.soft, options, this.prepared);
    if (what === "cutout") return cutout(this.photo, this.soft, this.prepared.pure);
    if (what === "overlay") return overlay(this.photo, this.hard, options);
    return maskPicture(this.hard);
  }

  #once(name, make) {
    if (!this.#kept.has(name)) this.#kept.set(name, make());
    return this.#kept.get(name);
  }
}
