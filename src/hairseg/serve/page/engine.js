// The page's side of the worker: questions become promises.

/** A mistake that a person can mend; `code` names its sentence in texts.js, `values` fill it in. */
export class Mistake extends Error {
  constructor(code, values = {}) {
    super(code);
    this.code = code;
    this.values = values;
  }
}

export class Engine {
  #worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  #waiting = new Map();
  #last = 0;

  constructor() {
    this.#worker.onmessage = ({ data: { id, progress, error, answer } }) => {
      const { resolve, reject, report } = this.#waiting.get(id);
      if (progress) return report?.(progress);
      this.#waiting.delete(id);
      if (!error) resolve(answer);
      else reject(error.code ? new Mistake(error.code, error.values) : new Error(error.message));
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      for (const { reject } of this.#waiting.values()) reject(new Error(event.message));
      this.#waiting.clear();
    };
  }

  /** Load a model, for photos or `live` for the camera; `report({loaded, total})` counts bytes. Resolves to {way, threads}. */
  load(model, runtime, way, report, live = false) {
    return this.#ask("load", { model, runtime, way, live }, { report });
  }

  /** Find the hair in a file. Resolves to {width, height, fraction, color, milliseconds, photo}. */
  open(file) {
    return this.#ask("open", { file });
  }

  /** Paint what is shown. Resolves to {width, height, data}. */
  paint(what, options) {
    return this.#ask("paint", { what, options });
  }

  /** The result at the photo's own size as a PNG file (Blob). */
  png(what, options) {
    return this.#ask("png", { what, options });
  }

  /**
   * One frame of the camera, painted: {width, height, data, canvas, bitmap, times}. The bitmap is given away and
   * comes back; `size` is the side of the largest canvas allowed, `times` are milliseconds of each stage.
   */
  frame(bitmap, size, what, options) {
    return this.#ask("frame", { bitmap, size, what, options }, { moved: [bitmap] });
  }

  #ask(ask, question, { report, moved = [] } = {}) {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, report });
      this.#worker.postMessage({ id, ask, ...question }, moved);
    });
  }
}
