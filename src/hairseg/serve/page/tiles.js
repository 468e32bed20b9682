// The tiles of a photo that a border crosses, so that full-size work is done there and nowhere else.
//
// A grid of points lies on the photo, `step` pixels apart. Tile (i, j) is the square whose top left pixel is
// point (i, j); the last row and column of tiles are moved inside the photo.

/** [height, width] of the grid of points. */
export function gridSize(height, width, step) {
  return [Math.ceil(height / step), Math.ceil(width / step)];
}

/** One channel of interleaved pixels at the grid's points: Float32Array. */
export function atPoints(data, height, width, step, channels = 1, channel = 0) {
  const [rows, columns] = gridSize(height, width, step);
  const points = new Float32Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    const row = i * step * width;
    for (let j = 0; j < columns; j++) points[i * columns + j] = data[(row + j * step) * channels + channel];
  }
  return points;
}

/**
 * Walk over the pixels of chosen tiles.
 *
 * `planes` are Float32Arrays on the grid; `paint(at, values)` gets the index of a pixel and the planes'
 * values there, bilinear between the corners of its tile.
 */
export function eachPixel(chosen, height, width, step, planes, paint) {
  const [rows, columns] = gridSize(height, width, step);
  const values = new Float32Array(planes.length);
  const left = new Float32Array(planes.length);
  const right = new Float32Array(planes.length);
  for (let tile = 0; tile < rows * columns; tile++) {
    if (!chosen[tile]) continue;
    const [i, j] = [Math.trunc(tile / columns), tile % columns];
    const below = i + 1 < rows ? columns : 0;
    const beside = j + 1 < columns ? 1 : 0;
    const top = Math.min(i * step, height - step);
    const start = Math.min(j * step, width - step);
    for (let y = 0; y < step; y++) {
      const down = y / step;
      planes.forEach((plane, p) => {
        left[p] = plane[tile] + (plane[tile + below] - plane[tile]) * down;
        const [upper, lower] = [plane[tile + beside], plane[tile + below + beside]];
        right[p] = upper + (lower - upper) * down;
      });
      for (let x = 0; x < step; x++) {
        const along = x / step;
        for (let p = 0; p < values.length; p++) values[p] = left[p] + (right[p] - left[p]) * along;
        paint((top + y) * width + start + x, values);
      }
    }
  }
}
