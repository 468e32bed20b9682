// The picture before and after, one over the other, with a border that can be moved.

const element = (id) => document.getElementById(id);

export class Stage {
  #picture = element("picture");
  #before = element("before");
  #after = element("after");
  #split = element("split");

  constructor() {
    this.#split.addEventListener("input", () => this.#divide());
    this.#divide();
  }

  /** Put up a photo {width, height, data}; until it is painted, both sides show it. */
  putUp(photo) {
    for (const canvas of [this.#before, this.#after]) {
      canvas.width = photo.width;
      canvas.height = photo.height;
    }
    this.#picture.style.setProperty("--width", photo.width);
    this.#picture.style.setProperty("--height", photo.height);
    this.#picture.hidden = false;
    draw(this.#before, photo);
    draw(this.#after, photo);
  }

  /** Show the painted picture; `name` is what a screen reader says of it. */
  paint(picture, what, name) {
    this.#picture.dataset.what = what;
    draw(this.#after, picture);
    this.name(name);
  }

  /** What a screen reader says of the picture. */
  name(name) {
    this.#after.setAttribute("aria-label", name);
  }

  /** Show a frame of the camera: its bitmap before, the painted picture after. */
  frame(picture, what) {
    const { width, height, bitmap } = picture;
    if (this.#before.width !== width || this.#before.height !== height || this.#picture.hidden) {
      this.putUp(picture);
    }
    this.#before.getContext("2d").drawImage(bitmap, 0, 0);
    this.#picture.dataset.what = what;
    draw(this.#after, picture);
  }

  /** A selfie is shown as in a mirror. */
  mirror(on) {
    this.#picture.classList.toggle("mirrored", on);
  }

  #divide() {
    this.#picture.style.setProperty("--split", `${this.#split.value}%`);
  }
}

function draw(canvas, { width, height, data }) {
  canvas.getContext("2d").putImageData(new ImageData(data, width, height), 0, 0);
}
