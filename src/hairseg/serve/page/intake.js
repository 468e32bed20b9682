// How a photo comes in: chosen, dropped or pasted; refused here if it is none or too large.

import { Mistake } from "./engine.js";

/**
 * Check a file before it is decoded: a picture that lies about its size would take the browser's memory.
 * `limit` is in pixels. Throws a Mistake.
 */
export async function check(file, limit) {
  const image = new Image();
  const url = URL.createObjectURL(file);
  try {
    await new Promise((resolve, reject) => {
      image.onload = resolve;
      image.onerror = () => reject(new Mistake("notPhoto", { name: file.name }));
      image.src = url; // reads the header alone; pixels are decoded when drawn
    });
    const count = image.naturalWidth * image.naturalHeight;
    const megapixels = Math.round(count / 1e6);
    if (count > limit) throw new Mistake("tooLarge", { name: file.name, megapixels, limit: Math.floor(limit / 1e6) });
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** Call `take(file)` for every photo that is chosen, dropped or pasted; `refuse(mistake)` where there is none. */
export function listen({ input, stage, take, refuse }) {
  const first = (files) => (files.length ? take(files[0]) : refuse(new Mistake("noFile")));
  input.addEventListener("change", () => {
    if (input.files.length) take(input.files[0]);
    input.value = ""; // the same file may be chosen again
  });
  document.addEventListener("paste", ({ clipboardData }) => first(clipboardData.files));
  let inside = 0;
  const mark = (step) => {
    inside = Math.max(inside + step, 0);
    stage.classList.toggle("dropping", inside > 0);
  };
  document.addEventListener("dragenter", () => mark(1));
  document.addEventListener("dragleave", () => mark(-1));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    mark(-inside);
    first(event.dataTransfer.files);
  });
}
