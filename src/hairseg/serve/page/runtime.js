// A model's file -> a session of onnxruntime-web, on the graphics card where there is one.

/** The ways to run a model here, the best first: names of entries of `runtime` in page.json. */
async function ways(wanted) {
  if (wanted) return [wanted];
  const adapter = await navigator.gpu?.requestAdapter().catch(() => null);
  // A software adapter is slower than WebAssembly.
  const real = adapter && !(adapter.info?.isFallbackAdapter ?? adapter.isFallbackAdapter);
  return real ? ["webgpu", "wasm"] : ["wasm"];
}

// Threads that wait for work sleep: spinning, they would keep each other from a busy machine's cores.
const POLITE = { session: { intra_op: { allow_spinning: "0" } } };

/** Threads need shared memory, which browsers allow only under the two isolation headers. */
export function threads() {
  return globalThis.crossOriginIsolated ? Math.min(navigator.hardwareConcurrency || 1, 4) : 1;
}

const started = new Map(); // way -> onnxruntime-web, which is fetched and set up once for all models

/**
 * Open a model.
 *
 * `model` and `runtime` are entries of page.json; `wanted` is "wasm", "webgpu" or null for the best;
 * `progress(loaded, total)` counts bytes. Returns {ort, session, way, threads}.
 */
export async function openSession(model, runtime, wanted, progress) {
  const possible = await ways(wanted);
  for (const [attempt, way] of possible.entries()) {
    const meter = measured(model.bytes + (started.has(way) ? 0 : runtime[way].bytes), progress);
    try {
      const [ort, graph] = await Promise.all([start(way, runtime[way], meter), download(model.url, meter)]);
      const session = await ort.InferenceSession.create(graph, { executionProviders: [way], extra: POLITE });
      if (way === "webgpu") await tryOut(ort, session);
      return { ort, session, way, threads: threads() };
    } catch (error) {
      if (attempt === possible.length - 1) throw error;
      console.warn(`${way} does not run this model, trying ${possible[attempt + 1]}`, error);
    }
  }
  throw new Error("no way to run a model");
}

/** onnxruntime-web, ready for models. */
async function start(way, { module, binary }, meter) {
  if (!started.has(way)) {
    const files = [import(new URL(module, import.meta.url)), download(binary, meter)];
    const [ort, wasmBinary] = await Promise.all(files);
    const wasmPaths = new URL("./vendor/", import.meta.url).href;
    Object.assign(ort.env.wasm, { wasmPaths, wasmBinary, numThreads: threads() });
    started.set(way, ort);
  }
  return started.get(way);
}

/** Drivers fail at the first run rather than at loading. */
async function tryOut(ort, session) {
  const photo = new ort.Tensor("float32", new Float32Array(3 * 64 * 64), [1, 3, 64, 64]);
  const { probability } = await session.run({ photo });
  if (!probability.data.every(Number.isFinite)) throw new Error("the graphics card gives no numbers");
}

function measured(total, progress) {
  let loaded = 0;
  return (bytes) => progress(Math.min((loaded += bytes), total), total);
}

async function download(url, meter) {
  const response = await fetch(new URL(url, import.meta.url));
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  const chunks = [];
  // Counted as they arrive, after decompression.
  for (const reader = response.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    chunks.push(value);
    meter(value.length);
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}
