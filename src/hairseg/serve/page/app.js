// The page: photo in, picture out. The parts do not know each other; they meet here.

import { Camera } from "./camera.js";
import { Engine, Mistake } from "./engine.js";
import { check, listen } from "./intake.js";
import { hide, Panel } from "./panel.js";
import { Stage } from "./stage.js";
import { colourName, current, preferred, remember, speak, text } from "./texts.js";

const asked = new URLSearchParams(location.search);
// Side of the model's canvas for the camera, in pixels; a photo gets the model's own size.
const FRAME_SIZE = within(Number(asked.get("frame")), 64, 1024) ?? 256;
const WAY = ["wasm", "webgpu"].find((way) => way === asked.get("way")) ?? null;

const element = (id) => document.getElementById(id);

const engine = new Engine();
const stage = new Stage();
const camera = new Camera(element("video"), { paint: paintFrame, show: showFrame, fail: endCamera });
let arrived = null; // promise of `page`
let page = null; // page.json: models, runtime, samples, limits
let ready = null; // promise of {way, threads, model} for photos: of the network that was asked for last
let kept = null; // {ready, index} of the last network that came, or of the first that may: what is gone back to
let loading = 0; // networks on their way
let eye = null; // {way, threads, model} for the camera, once it was used
let chosen = false; // whether the person chose the network: then the camera takes that one, too
let photo = null; // {file, name, found} of the photo that the worker holds, once hair was looked for
let turns = 0; // photos that were asked for
let newest = { turn: 0, file: null }; // the last of them that is a picture
let inWork = 0; // photos that hair is looked for in
let painting = false;
let wanted = false;
const panel = new Panel(repaint);

start();

async function start() {
  element("language").addEventListener("click", () => translate(current() === "ko" ? "en" : "ko"));
  element("camera").addEventListener("click", guarded(toggleCamera));
  element("snap").addEventListener("click", guarded(snap));
  element("download").addEventListener("click", guarded(download));
  element("model").addEventListener("change", guarded(changeModel));
  listen({ input: element("file"), stage: element("stage"), take: guarded(open), refuse: complain });
  arrived = fetchPage();
  translate(preferred());
  try {
    page = await arrived;
    offerSamples();
    offerModels();
    useModel(0).catch(complain);
    if (turns === 0) await guarded(openSample)(page.samples[0]);
  } catch (error) {
    complain(error);
  }
}

async function fetchPage() {
  try {
    return await (await fetch("page.json")).json();
  } catch (error) {
    throw new Mistake("noModel", { reason: error.message });
  }
}

/** The number, or undefined where it is out of range. */
function within(number, low, high) {
  return low <= number && number <= high ? number : undefined;
}

function translate(language) {
  speak(language);
  remember(language);
  const other = language === "ko" ? { lang: "en", textContent: "English" } : { lang: "ko", textContent: "한국어" };
  Object.assign(element("language"), other);
  panel.translate();
  element("camera").textContent = text(camera.on ? "stop" : "camera");
  element("problem").textContent = "";
  for (const button of element("samples").children) nameSample(button);
  if (photo && !camera.running) {
    report();
    stage.name(pictureName(panel.what));
  } else if (camera.running) stage.name(text("live"));
  kept?.ready.then(showFacts).catch(() => {}); // said where it was asked for
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
  element("loading").hidden = loading === 0;
  element("status").textContent = "";
  if (photo && !inWork && !camera.running) report();
  element("problem").textContent = known ? text(error.code, error.values) : text("failed", { reason: error.message });
}

// ---- the network

async function loadModel(model, live = false) {
  const progress = element("progress");
  element("loading").hidden = false;
  loading++;
  const report = ({ loaded, total }) => {
    if (loaded < total) Object.assign(progress, { value: loaded, max: total });
    else progress.removeAttribute("value");
    element("loading-text").textContent = text(loaded < total ? "loading" : "starting");
  };
  try {
    return { ...(await engine.load(model, page.runtime, WAY, report, live)), model };
  } catch (error) {
    throw new Mistake("noModel", { reason: error.message });
  } finally {
    loading--;
    element("loading").hidden = loading === 0;
  }
}

/** Take another network for photos, if it comes; until then the one before stays. Resolves to whether it is taken. */
async function useModel(index) {
  const mine = loadModel(page.models[index]);
  ready = mine;
  kept ??= { ready, index };
  try {
    const used = await mine;
    if (ready !== mine) return false; // another was asked for since
    kept = { ready, index };
    showFacts(used);
    return true;
  } catch (error) {
    if (ready !== mine) return false;
    if (kept.ready !== mine) goBack();
    throw error;
  }
}

/** To the network before, which may itself be on its way; the worker keeps what came. */
function goBack() {
  const { index } = kept;
  kept = null;
  element("model").selectedIndex = index;
  useModel(index).catch(() => {}); // that it does not come was said before
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
  if (!(await useModel(element("model").selectedIndex))) return;
  if (camera.running) await loadEye();
  else if (newest.file) await open(newest.file);
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
  const turn = ++turns;
  const response = await fetch(sample.file);
  if (!response.ok) throw new Error(`${sample.file}: ${response.status}`);
  const blob = await response.blob();
  await open(new File([blob], sample.file.split("/").at(-1), { type: blob.type }), turn);
}

/** Look for hair in a file; `turn` is its place among those that were asked for. */
async function open(file, turn = ++turns) {
  await check(file, (await arrived).limits.pixels);
  if (turn < newest.turn) return; // one that was asked for later is in work, or done
  newest = { turn, file };
  stopCamera();
  element("status").textContent = text("working", { name: file.name });
  busy(1);
  try {
    await ready;
    const { photo: pixels, ...found } = await engine.open(file);
    // One after the other: whatever else was asked for since, this is the photo that the worker paints now.
    photo = { file, name: file.name, found };
    if (camera.running) return;
    stage.putUp(pixels);
    if (newest.turn === turn) report();
    await repaint();
  } catch (error) {
    if (newest.turn === turn) newest = { turn, file: photo?.file ?? null };
    throw error;
  } finally {
    busy(-1);
  }
}

/** One photo more, or less, is in work. */
function busy(step) {
  inWork += step;
  element("stage").setAttribute("aria-busy", inWork > 0);
  offerDownload();
}

function offerDownload() {
  element("download").disabled = !photo || inWork > 0 || camera.running;
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
      if (!camera.running) stage.paint(picture, what, pictureName(what));
    }
  } catch (error) {
    complain(error);
  } finally {
    painting = false;
  }
}

/** What a screen reader calls the picture. */
function pictureName(what) {
  return text("picture", { what: text(what), name: photo.name, percent: percent(photo.found) });
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
  if (camera.on) {
    const seen = camera.running;
    stopCamera();
    if (seen && newest.file) await open(newest.file);
    return;
  }
  const started = camera.start(loadEye());
  cameraButtons();
  try {
    if (await started) stage.mirror(true);
  } finally {
    cameraButtons();
  }
}

function stopCamera() {
  if (!camera.on) return;
  camera.stop();
  stage.mirror(false);
  cameraButtons();
}

/** The camera ended by itself: the stage is the photo's again. */
function endCamera(error) {
  stopCamera();
  complain(error);
  if (newest.file) open(newest.file).catch(complain);
}

function cameraButtons() {
  element("camera").setAttribute("aria-pressed", camera.on);
  element("camera").textContent = text(camera.on ? "stop" : "camera");
  hide("snap", !camera.running, element("camera"));
  if (camera.running) element("status").textContent = text("live");
  else if (photo && !inWork) report();
  element("rate").textContent = "";
  offerDownload();
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
  stage.name(text("live"));
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
