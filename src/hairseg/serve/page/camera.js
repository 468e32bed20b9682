// The camera's frames, one at a time: the next is taken when the last one is painted, so none ever waits.

import { Mistake } from "./engine.js";

// More pixels cost time and do not help: the model sees a quarter of them.
const WANTED = { video: { facingMode: "user", width: { ideal: 640 }, height: { ideal: 480 } }, audio: false };

export class Camera {
  #stream = null;
  #turn = 0; // how often it was started or stopped: who asked before that is not waiting any more
  #starting = false;
  #times = [];

  /**
   * `video` is a <video>; `paint(bitmap)` resolves to the painted frame with its bitmap, `show(painted, fps)`
   * puts it up; `fail(error)` is called when the camera or the painting ends by itself.
   */
  constructor(video, { paint, show, fail }) {
    Object.assign(this, { video, paint, show, fail });
  }

  get running() {
    return this.#stream !== null;
  }

  /** Whether it runs, or is about to. */
  get on() {
    return this.#starting || this.running;
  }

  /**
   * Ask for the camera and start as soon as `ready`, a promise, is kept. Resolves to false where it was stopped
   * meanwhile; throws a Mistake where there is none.
   */
  async start(ready) {
    const turn = ++this.#turn;
    this.#starting = true;
    try {
      // Both at once: while the person is asked, the network loads.
      const asked = navigator.mediaDevices?.getUserMedia(WANTED).catch(() => null);
      const [loaded] = await Promise.allSettled([ready]);
      const opened = await asked;
      if (turn !== this.#turn || loaded.reason) {
        for (const track of opened?.getTracks() ?? []) track.stop();
        if (turn !== this.#turn) return false;
        throw loaded.reason;
      }
      if (!opened) throw new Mistake("noCamera");
      this.#stream = opened;
      this.#times = [];
      this.video.srcObject = opened;
      for (const track of opened.getTracks()) track.onended = () => this.fail(new Mistake("noCamera"));
      try {
        await this.video.play();
      } catch (error) {
        if (turn !== this.#turn) return false; // stopped before its first frame
        this.stop();
        throw error;
      }
      this.#loop(opened).catch(this.fail);
      return true;
    } finally {
      if (turn === this.#turn) this.#starting = false;
    }
  }

  stop() {
    this.#turn++;
    this.#starting = false;
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = null;
    this.video.srcObject = null;
  }

  /** What the camera sees now, as a file. */
  async snap() {
    const canvas = new OffscreenCanvas(this.video.videoWidth, this.video.videoHeight);
    canvas.getContext("2d").drawImage(this.video, 0, 0);
    return new File([await canvas.convertToBlob()], "camera.png", { type: "image/png" });
  }

  async #loop(stream) {
    const seen = watch(this.video);
    while (this.#stream === stream) {
      await seen.another();
      if (this.#stream !== stream) return;
      const still = await createImageBitmap(this.video);
      const painted = await this.paint(still);
      if (this.#stream === stream) this.show(painted, this.#rate());
      painted.bitmap.close();
    }
  }

  /** Frames of the last two seconds, per second. */
  #rate() {
    const now = performance.now();
    this.#times = [...this.#times.filter((time) => now - time < 2000), now];
    const span = now - this.#times[0];
    return span > 0 ? ((this.#times.length - 1) * 1000) / span : 0;
  }
}

/** `another()` resolves as soon as the video shows a frame that was not asked for yet. */
function watch(video) {
  let fresh = false;
  let wake = () => {};
  const next = video.requestVideoFrameCallback?.bind(video) ?? requestAnimationFrame;
  const note = () => {
    fresh = true;
    wake();
    if (video.srcObject) next(note);
  };
  next(note);
  return {
    async another() {
      if (!fresh) await new Promise((resolve) => (wake = resolve));
      fresh = false;
    },
  };
}
