// What is shown and in which colours.

import { SWATCHES } from "./constants.js";
import { colourName, text } from "./texts.js";

const element = (id) => document.getElementById(id);

/** Hide a control or show it again; who had it under the keyboard is taken to `next`. */
export function hide(id, hidden, next) {
  const left = hidden && document.activeElement === element(id);
  element(id).hidden = hidden;
  if (left) next.focus();
}

export class Panel {
  /** {color, tips}: "#rrggbb" each, tips null for one colour from roots to ends. */
  colours = { color: SWATCHES.find(({ name }) => name === "copper").hex, tips: null };

  /** `changed()` is called whenever another picture is wanted. */
  constructor(changed) {
    this.changed = changed;
    this.#makeSwatches();
    element("what").addEventListener("change", () => this.#update());
    element("part").addEventListener("change", () => this.#update());
    element("strength").addEventListener("input", () => this.#update());
    element("picker").addEventListener("input", ({ target }) => this.#choose(target.value));
    element("same").addEventListener("click", () => this.#choose(null));
    element("panel").addEventListener("submit", (event) => event.preventDefault());
    this.#update();
  }

  /** "recolor", "cutout", "overlay" or "mask". */
  get what() {
    return document.querySelector("[name=what]:checked").value;
  }

  /** For the painting functions: colours and strength. */
  get options() {
    const { color, tips } = this.colours;
    return { color, tips: tips === color ? null : tips, strength: Number(element("strength").value) / 100 };
  }

  /** Say the swatches' names in the current language. */
  translate() {
    for (const { name } of SWATCHES) {
      const input = document.querySelector(`[name=swatch][value="${name}"]`);
      input.setAttribute("aria-label", colourName(name));
      input.parentElement.title = colourName(name);
    }
    this.#show();
  }

  /** The part that the swatches colour; only recolouring has two. */
  get #part() {
    return this.what !== "recolor" ? "color" : document.querySelector("[name=part]:checked").value;
  }

  #makeSwatches() {
    for (const { name, hex } of SWATCHES) {
      const label = document.createElement("label");
      const input = Object.assign(document.createElement("input"), { type: "radio", name: "swatch", value: name });
      label.style.setProperty("--colour", hex);
      label.append(input);
      element("swatches").append(label);
      input.addEventListener("change", () => this.#choose(hex));
    }
  }

  #choose(hex) {
    this.colours[this.#part] = hex;
    this.#update();
  }

  #update() {
    this.#show();
    this.changed();
  }

  #show() {
    const { color, tips } = this.colours;
    const own = this.#part === "tips" ? (tips ?? color) : color;
    for (const { name, hex } of SWATCHES) {
      document.querySelector(`[name=swatch][value="${name}"]`).checked = hex === own;
    }
    element("picker").value = own;
    element("dot-color").style.setProperty("--colour", color);
    element("dot-tips").style.setProperty("--colour", tips ?? color);
    hide("same", this.#part !== "tips" || tips === null, document.querySelector("[name=part]:checked"));
    element("strength-value").textContent = `${element("strength").value} %`;
    element("part").hidden = this.what !== "recolor";
    element("colours").hidden = !["recolor", "overlay"].includes(this.what);
    element("strength").setAttribute("aria-valuetext", text("strength") + " " + element("strength-value").textContent);
  }
}
