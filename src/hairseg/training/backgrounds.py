"""The largest part of a photo that holds no hair: views without any, where no training photo is without.

Who learns from portraits alone has never seen anything but heads, and finds hair in all that is dark or fibrous. Walls,
clothes and hands of the same portraits say that a view may hold none, without a photo more.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

# Rectangles are looked for on a grid of so many cells a side: to the pixel they are hardly larger, and take seconds.
CELLS = 48
# The smallest share of the photo's area, and the smallest side in pixels, of which a view is worth its place.
LEAST_AREA = 0.08
LEAST_SIDE = 48
# A view is square. What is longer than this beside its width is smeared by that, and smeared cloth looks like hair.
LONGEST = 1.5

Box = tuple[int, int, int, int]


def background(truth: Tensor) -> Box | None:
    """The upright rectangle without hair of which a view shows most.

    Args:
        truth: (H, W) uint8, 0 where there surely is none; what is ignored may be hair.

    Returns:
        Top, left, bottom and right in pixels, the latter two beyond the rectangle. It may be long: :func:`part` of it
        is shown. None where that would be less than a twelfth of the photo or narrower than 48 pixels.
    """
    hair = truth.numpy() != 0
    height, width = hair.shape
    rows, columns = (np.linspace(0, side, min(CELLS, side) + 1).astype(int) for side in hair.shape)
    cells = np.logical_or.reduceat(np.logical_or.reduceat(hair, rows[:-1], axis=0), columns[:-1], axis=1)
    top, left, bottom, right = largest(~cells, (height / cells.shape[0], width / cells.shape[1]))
    box = int(rows[top]), int(columns[left]), int(rows[bottom]), int(columns[right])
    sides = box[2] - box[0], box[3] - box[1]
    return box if min(sides) >= LEAST_SIDE and shown(*sides) >= LEAST_AREA * height * width else None


def shown(height: float, width: float) -> float:
    """The area of the largest part that is at most half as long again as it is wide."""
    return min(height, LONGEST * width) * min(width, LONGEST * height)


def part(box: Box, draws: np.random.Generator) -> Box:
    """As much of a rectangle as a square view can show without smearing it, anywhere in it."""
    top, left, bottom, right = box
    height, width = bottom - top, right - left
    rows, columns = min(height, int(LONGEST * width)), min(width, int(LONGEST * height))
    top += int(draws.integers(height - rows + 1))
    left += int(draws.integers(width - columns + 1))
    return top, left, top + rows, left + columns


def largest(free: NDArray[np.bool_], cell: tuple[float, float] = (1.0, 1.0)) -> Box:
    """The rectangle of cells that are all free of which a view shows most.

    For every pair of rows the longest run of columns that are free in all rows between: cubic in the grid's side, which
    is small, and each step is one of all columns.

    Args:
        free: (rows, columns).
        cell: a cell's height and width, in any unit.

    Returns:
        Top, left, bottom, right in cells, the latter two beyond it; all 0 where no cell is free.
    """
    best, most = (0, 0, 0, 0), (0.0, 0)
    for top in range(len(free)):
        column = np.ones(free.shape[1], bool)
        for bottom in range(top + 1, len(free) + 1):
            column &= free[bottom - 1]
            edges = np.flatnonzero(np.diff(np.r_[0, column.astype(np.int8), 0]))
            if not len(edges):
                break
            runs = edges[1::2] - edges[::2]
            run = int(runs.argmax())
            rows, columns = bottom - top, int(runs[run])
            # Of two that show as much, the larger one has more such parts.
            if (found := (shown(rows * cell[0], columns * cell[1]), rows * columns)) > most:
                best, most = (top, int(edges[2 * run]), bottom, int(edges[2 * run + 1])), found
    return best
