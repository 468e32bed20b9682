// Pillow's resize (triangle filter, antialiased) and its box reduction, so that both languages see one canvas.
//
// Pictures are {data, width, height}; data is interleaved, its type rounds: Uint8ClampedArray for pixels of
// four channels, Float32Array for maps of one. Pixels are weighed by whole numbers and rounded as Pillow does it, to
// the bit.

/** What Pillow's weights of pixels are parts of. */
const ONE = 2 ** 22;

/** Resize to width x height. `box` is the part [width, height] of the source that is used, from its top left. */
export function resize(picture, width, height, channels, box = [picture.width, picture.height]) {
  const one = picture.data instanceof Uint8ClampedArray ? ONE : 1;
  const across = taps(picture.width, width, box[0], one);
  const down = taps(picture.height, height, box[1], one);
  const wide = alongRows(picture.data, picture.width, picture.height, channels, width, across);
  return { data: alongColumns(wide, width * channels, height, down), width, height };
}

/** Weights of source positions for each target position, parts of `one`; antialiased where the picture shrinks. */
function taps(length, target, part, one) {
  const scale = Math.fround(part) / target; // Pillow takes the part as float32
  const support = Math.max(scale, 1);
  const most = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(target);
  const count = new Int32Array(target);
  const weights = new Float64Array(target * most);
  for (let i = 0; i < target; i++) {
    const centre = (i + 0.5) * scale;
    const start = Math.max(Math.trunc(centre - support + 0.5), 0);
    const end = Math.min(Math.trunc(centre + support + 0.5), length);
    let total = 0;
    for (let k = start; k < end; k++) {
      const weight = Math.max(1 - Math.abs((k - centre + 0.5) / support), 0);
      weights[i * most + k - start] = weight;
      total += weight;
    }
    for (let k = 0; k < end - start; k++) {
      const share = weights[i * most + k] / total;
      weights[i * most + k] = one === 1 ? share : Math.trunc(share * one + 0.5);
    }
    first[i] = start;
    count[i] = end - start;
  }
  return { first, count, weights, most, one, same: length === target && part === length };
}

function alongRows(data, width, height, channels, target, { first, count, weights, most, one, same }) {
  if (same) return data;
  const result = new data.constructor(target * height * channels);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < target; x++) {
      const from = (y * width + first[x]) * channels;
      const to = (y * target + x) * channels;
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (let k = 0; k < count[x]; k++) sum += weights[x * most + k] * data[from + k * channels + c];
        result[to + c] = one === 1 ? sum : Math.floor(sum / one + 0.5);
      }
    }
  }
  return result;
}

function alongColumns(data, row, target, { first, count, weights, most, one, same }) {
  if (same) return data;
  const result = new data.constructor(row * target);
  const sums = new Float64Array(row);
  for (let y = 0; y < target; y++) {
    sums.fill(0);
    for (let k = 0; k < count[y]; k++) {
      const weight = weights[y * most + k];
      const from = (first[y] + k) * row;
      for (let x = 0; x < row; x++) sums[x] += weight * data[from + x];
    }
    if (one !== 1) for (let x = 0; x < row; x++) sums[x] = Math.floor(sums[x] / one + 0.5);
    result.set(sums, y * row);
  }
  return result;
}

/** Means of boxes of `across` x `down` pixels (RGBA); the last ones may be cut off by the edge. */
export function reduce({ data, width, height }, across, down) {
  const [columns, rows] = [Math.ceil(width / across), Math.ceil(height / down)];
  const result = new Uint8ClampedArray(columns * rows * 4);
  const sums = new Float64Array(columns * 4);
  for (let row = 0; row < rows; row++) {
    const end = Math.min((row + 1) * down, height);
    sums.fill(0);
    for (let y = row * down; y < end; y++) {
      for (let x = 0, at = y * width * 4; x < width; x++, at += 4) {
        const to = Math.trunc(x / across) * 4;
        for (let c = 0; c < 4; c++) sums[to + c] += data[at + c];
      }
    }
    for (let column = 0; column < columns; column++) {
      const wide = Math.min((column + 1) * across, width) - column * across;
      const area = wide * (end - row * down);
      // Pillow multiplies by the area's inverse, cut off behind 24 bits.
      const [half, inverse] = [area >> 1, Math.trunc(2 ** 24 / area)];
      for (let c = 0; c < 4; c++) {
        const sum = sums[column * 4 + c] + half;
        result[(row * columns + column) * 4 + c] = Math.trunc((sum * inverse) / 2 ** 24);
      }
    }
  }
  return { data: result, width: columns, height: rows };
}
