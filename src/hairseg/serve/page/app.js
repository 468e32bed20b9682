// The page: photo in, picture out. The parts do not know each other; they meet here.

import { Camera } from "./camera.js";
import { Engine, Mistake } from "./engine.js";
import { check, listen } from "./intake.js";
import { Panel } from "./panel.js";
import { Stage } from "./stage.js";
import { colourName, current, preferred, speak, text } from "./texts.js";

const asked = new URLSearchParams(location.search);
// Side of the model's canvas for the camera, in pixels; a photo gets the model's own size.
const FRAME_SIZE = Number(asked.get("frame")) || 256;

const element = (id) => document.getElementById(id);

const engine = new Engine();
const stage = new Stage();
const camera = new Camera(element("video"), { paint: paintFrame, show: showFrame, fail: endCamera });
let page = null; // page.json: models, runtime, samples, limits
let ready = null; // promise of {way, threads, model} for photos
let eye = null; // the same for the camera, once it was used
let chosen = false; // whether the person chose the network: then the camera takes that one, too
let photo = null; // {name, found} of the photo on the stage, once hair was looked for
let painting = false;
let wanted = false;
let opened = 0; // how many photos were asked for: only the last one's answer counts
const panel = new Panel(repaint);

start();

async function start() {
  element("language").addEventListener("click", () => translate(current() === "ko" ? "en" : "ko"));
  element("camera").addEventListener("click", guarded(toggleCamera));
  element("snap").addEventListener("click", guarded(snap));
  element("download").addEventListener("click", guarded(download));
  element("model").addEventListener("change", guarded(changeModel));
  listen({ input: element("file"), stage: element("stage"), take: guarded(open), refuse: complain });
  translate(preferred());
  try {
    page = await (await fetch("page.json")).json();
    offerSamples();
    offerModels();
    ready = loadModel(page.models[0]);
    if (opened === 0) await guarded(openSample)(page.samples[0]);
  } catch (error) {
    complain(new Mistake("noModel", { reason: error.message }));
  }
}

function translate(language) {
  speak(language);
  localStorage.setItem("hairseg-language", language);
  const other = language === "ko" ? { lang: "en", textContent: "English" } : { lang: "ko", textContent: "한국어" };
  Object.assign(element("language"), other);
  panel.translate();
  element("camera").textContent = text(camera.running ? "stop" : "camera");
  element("problem").textContent = "";
  for (const button of element("samples").children) nameSample(button);
  if (photo && !camera.running) report();
  if (ready) ready.then(showFacts).catch(() => {});
}

/** `work`, with its mistakes said to the person. */
function guarded(work) {
  return async (...values) => {
    element("problem").textContent = "";
    try {
      await work(...values);
    } catch (error) {
      complain(error);
    }
  };
}

function complain(error) {
  const known = error instanceof Mistake;
  if (!known) console.error(error);
  element("loading").hidden = true;
  element("status").textContent = "";
  element("problem").textContent = known ? text(error.code, error.values) : text("failed", { reason: error.message });
}

// ---- the network

async function loadModel(model, live = false) {
  const progress = element("progress");
  element("loading").hidden = false;
  const report = ({ loaded, total }) => {
    if (loaded < total) Object.assign(progress, { value: loaded, max: total });
    else progress.removeAttribute("value");
    element("loading-text").textContent = text(loaded < total ? "loading" : "starting");
  };
  const used = await engine.load(model, page.runtime, asked.get("way"), report, live).catch((error) => {
    throw new Mistake("noModel", { reason: error.message });
  });
  element("loading").hidden = true;
  if (!live) showFacts({ ...used, model });
  return { ...used, model };
}

function wayName({ way, threads }) {
  if (way === "webgpu") return text("webgpu");
  return threads > 1 ? text("threads", { threads }) : text("wasm");
}

function showFacts({ model, ...used }) {
  const megabytes = (model.bytes / 1e6).toFixed(1);
  element("facts").textContent = text("facts", { name: model.name, megabytes, way: wayName(used) });
}

function offerModels() {
  element("model-choice").hidden = page.models.length < 2;
  element("model").replaceChildren(...page.models.map(({ name }) => new Option(name)));
}

/** A small network for the camera, unless the person chose one. */
async function loadEye() {
  const { model } = await ready;
  const small = page.models.find(({ name }) => name === page.camera);
  eye = await loadModel(chosen ? model : (small ?? model), true);
}

async function changeModel() {
  chosen = true;
  ready = loadModel(page.models[element("model").selectedIndex]);
  await ready;
  if (camera.running) await loadEye();
  else if (photo) await open(photo.file);
}

// ---- photos

function offerSamples() {
  const buttons = page.samples.map((sample) => {
    const button = Object.assign(document.createElement("button"), { type: "button" });
    const image = Object.assign(new Image(), { src: sample.file, alt: "" });
    button.append(image);
    button.titles = sample.titles;
    button.addEventListener("click", () => guarded(openSample)(sample));
    nameSample(button);
    return button;
  });
  element("samples").replaceChildren(...buttons);
}

function nameSample(button) {
  button.title = button.titles[current()];
  button.setAttribute("aria-label", button.title);
}

async function openSample(sample) {
  const blob = await (await fetch(sample.file)).blob();
  await open(new File([blob], sample.file.split("/").at(-1), { type: blob.type }));
}

async function open(file) {
  const turn = ++opened;
  await check(file, page.limits.pixels);
  if (turn !== opened) return;
  stopCamera();
  const { model } = await ready;
  element("status").textContent = text("working", { name: file.name });
  element("stage").setAttribute("aria-busy", "true");
  element("download").disabled = true;
  try {
    const { photo: pixels, ...found } = await engine.open(file);
    if (turn !== opened) return;
    photo = { file, name: file.name, found, model };
    stage.putUp(pixels);
    report();
    await repaint();
    element("download").disabled = false;
  } finally {
    if (turn === opened) element("stage").setAttribute("aria-busy", "false");
  }
}

function report() {
  const { name, found } = photo;
  const values = { name, percent: percent(found), milliseconds: Math.round(found.milliseconds) };
  if (found.fraction === 0) element("status").textContent = text("none", values);
  else if (!found.color) element("status").textContent = text("foundPlain", values);
  else element("status").textContent = text("found", { ...values, color: colourName(found.color.name) });
}

function percent({ fraction }) {
  return (100 * fraction).toFixed(fraction < 0.1 ? 1 : 0);
}

/** Paint what the panel asks for; while one picture is painted, only the newest wish is remembered. */
async function repaint() {
  if (!photo || camera.running) return;
  wanted = true;
  if (painting) return;
  painting = true;
  try {
    while (wanted && !camera.running) {
      wanted = false;
      const { what, options } = panel;
      const picture = await engine.paint(what, options);
      const values = { what: text(what), name: photo.name, percent: percent(photo.found) };
      if (!camera.running) stage.paint(picture, what, text("picture", values));
    }
  } catch (error) {
    complain(error);
  } finally {
    painting = false;
  }
}

async function download() {
  const { what, options } = panel;
  const file = `${photo.name.replace(/\.[^.]*$/, "")}.${what === "mask" ? "hair" : what}.png`;
  const url = URL.createObjectURL(await engine.png(what, options));
  Object.assign(document.createElement("a"), { href: url, download: file }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
  element("status").textContent = text("saved", { file });
}

// ---- the camera

async function toggleCamera() {
  if (camera.running) {
    stopCamera();
    if (photo) await open(photo.file);
    return;
  }
  opened++;
  await camera.start(loadEye());
  stage.mirror(true);
  element("download").disabled = true;
  cameraButtons();
}

function stopCamera() {
  if (!camera.running) return;
  camera.stop();
  stage.mirror(false);
  cameraButtons();
}

function endCamera(error) {
  stopCamera();
  complain(error);
}

function cameraButtons() {
  element("camera").setAttribute("aria-pressed", camera.running);
  element("camera").textContent = text(camera.running ? "stop" : "camera");
  element("snap").hidden = !camera.running;
  element("status").textContent = camera.running ? text("live") : "";
  element("rate").textContent = "";
}

async function paintFrame(bitmap) {
  const start = performance.now();
  const painted = await engine.frame(bitmap, FRAME_SIZE, panel.what, panel.options);
  const { read, network, paint } = painted.times;
  painted.times.move = performance.now() - start - read - network - paint;
  return painted;
}

function showFrame(painted, fps) {
  const start = performance.now();
  stage.frame(painted, panel.what);
  const [width, height] = painted.canvas;
  element("after").setAttribute("aria-label", text("live"));
  // No live region: nobody wants to hear it twelve times a second.
  const values = { fps: fps.toFixed(0), width, height, name: eye.model.name, way: wayName(eye) };
  element("rate").textContent = text("fps", values);
  note({ ...painted.times, show: performance.now() - start });
}

/** The stages of the last frame, for the browser's profiler and benchmarks/page_speed.py. */
function note(times) {
  performance.clearMeasures();
  for (const [stage, duration] of Object.entries(times)) performance.measure(`frame ${stage}`, { start: 0, duration });
}

async function snap() {
  await open(await camera.snap());
}
