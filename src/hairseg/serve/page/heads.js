// The heads of a photo, apart: where the roots and where the ends of each one's hair are; explained in hairseg/heads.py.

import { HEADS } from "./constants.js";

/** The heads of a photo; `alpha` is how much of each pixel is hair. Null without any. */
export function headsOf(alpha, width, height) {
  const step = Math.ceil(Math.max(width, height) / HEADS.CELLS);
  const [rows, columns] = [Math.ceil(height / step), Math.ceil(width / step)];
  const hair = new Float64Array(rows * columns);
  for (let y = 0, at = 0; y < height; y++) {
    const row = Math.trunc(y / step) * columns;
    for (let x = 0; x < width; x++, at++) if (alpha[at] > 0) hair[row + Math.trunc(x / step)] += alpha[at];
  }
  const fullest = hair.reduce((most, value) => Math.max(most, value), 0);
  if (fullest === 0) return null;
  const all = piecesOf(hair, HEADS.STRAY * fullest, rows, columns);
  const largest = all.reduce((most, piece) => Math.max(most, piece.area), 0);
  const pieces = all.filter((piece) => piece.area >= HEADS.SMALLEST * largest);
  const head = joined(pieces);
  const of = nearest(pieces, rows, columns).map((piece) => head[piece]);
  const lines = Array.from({ length: Math.max(...head) + 1 }, () => new Float64Array(rows));
  for (const cell of pieces.flatMap((piece) => piece.cells)) lines[of[cell]][Math.trunc(cell / columns)] += hair[cell];
  const [top, bottom] = [HEADS.ENDS, 1 - HEADS.ENDS].map((share) => lines.map((line) => step * reached(line, share)));
  return { across: step, down: step, rows, columns, of, top, bottom };
}

/** How far down its head the pixel lies: 0 at the roots, 1 at the ends, beyond them less or more. */
export function heightIn(heads, row, column) {
  const [i, j] = [Math.trunc(row / heads.down), Math.trunc(column / heads.across)];
  const head = heads.of[Math.min(i, heads.rows - 1) * heads.columns + Math.min(j, heads.columns - 1)];
  return (row + 0.5 - heads.top[head]) / Math.max(heads.bottom[head] - heads.top[head], 1);
}

/** The same heads in the same photo of another size. */
export function scaled(heads, down, across) {
  const [top, bottom] = [heads.top, heads.bottom].map((rows) => rows.map((row) => row * down));
  return { ...heads, down: heads.down * down, across: heads.across * across, top, bottom };
}

/** What hangs together, corners included, where there is at least `least` hair, in reading order. */
function piecesOf(hair, least, rows, columns) {
  const seen = new Uint8Array(hair.length);
  const pieces = [];
  for (let start = 0; start < hair.length; start++) {
    if (seen[start] || hair[start] < least) continue;
    seen[start] = 1;
    const piece = { cells: [start], area: 0, first: [rows, columns], last: [-1, -1] };
    for (const cell of piece.cells) {
      const place = [Math.trunc(cell / columns), cell % columns];
      piece.area += hair[cell];
      piece.first = piece.first.map((value, axis) => Math.min(value, place[axis]));
      piece.last = piece.last.map((value, axis) => Math.max(value, place[axis]));
      for (let y = Math.max(place[0] - 1, 0); y <= Math.min(place[0] + 1, rows - 1); y++) {
        for (let x = Math.max(place[1] - 1, 0); x <= Math.min(place[1] + 1, columns - 1); x++) {
          const next = y * columns + x;
          if (seen[next] || hair[next] < least) continue;
          seen[next] = 1;
          piece.cells.push(next); // the loop over them comes to it
        }
      }
    }
    pieces.push(piece);
  }
  return pieces;
}

/** Index of the head that each piece belongs to. */
function joined(pieces) {
  const root = pieces.map((_, index) => index);
  const longer = pieces.map(({ first, last }) => Math.max(last[0] - first[0], last[1] - first[1]) + 1);
  for (let a = 0; a < pieces.length; a++) {
    for (let b = 0; b < a; b++) {
      const reach = HEADS.NEAR * Math.max(longer[a], longer[b]);
      const near = [0, 1].every((axis) => {
        const end = Math.min(pieces[a].last[axis], pieces[b].last[axis]);
        return Math.max(pieces[a].first[axis], pieces[b].first[axis]) - end - 1 <= reach;
      });
      if (!near || root[a] === root[b]) continue;
      const [low, high] = [Math.min(root[a], root[b]), Math.max(root[a], root[b])];
      root.forEach((value, index) => value === high && (root[index] = low));
    }
  }
  const roots = [...new Set(root)].sort((a, b) => a - b);
  return root.map((value) => roots.indexOf(value));
}

/** Index of the piece whose box is nearest to each cell; the first of several. */
function nearest(pieces, rows, columns) {
  const found = new Int32Array(rows * columns);
  const least = new Float64Array(rows * columns).fill(Infinity);
  pieces.forEach(({ first, last }, index) => {
    for (let y = 0, at = 0; y < rows; y++) {
      const above = Math.max(first[0] - y, y - last[0], 0);
      for (let x = 0; x < columns; x++, at++) {
        const beside = Math.max(first[1] - x, x - last[1], 0);
        const distance = above * above + beside * beside;
        if (distance >= least[at]) continue;
        least[at] = distance;
        found[at] = index;
      }
    }
  });
  return found;
}

/** How many rows from above hold `share` of the hair; `line` is the hair in each row. */
function reached(line, share) {
  const level = share * line.reduce((sum, value) => sum + value, 0);
  let [row, above] = [0, 0];
  while (above + line[row] < level) above += line[row++];
  return row + (level - above) / line[row];
}
