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

Box = tuple[int, int, int, int]


def background(truth: Tensor) -> Box | None:
    """The largest upright rectangle without hair.

    Args:
        truth: (H, W) uint8, 0 where there surely is none; what is ignored may be hair.

    Returns:
        Top, left, bottom and right in pixels, the latter two beyond the rectangle. None where it would hold less than
        a twelfth of the photo or be narrower than 48 pixels.
    """
    hair = truth.numpy() != 0
    height, width = hair.shape
    if not hair.any():
        return 0, 0, height, width
    rows, columns = (np.linspace(0, side, min(CELLS, side) + 1).astype(int) for side in hair.shape)
    cells = np.logical_or.reduceat(np.logical_or.reduceat(hair, rows[:-1], axis=0), columns[:-1], axis=1)
    top, left, bottom, right = largest(~cells)
    box = int(rows[top]), int(columns[left]), int(rows[bottom]), int(columns[right])
    sides = box[2] - box[0], box[3] - box[1]
    return box if min(sides) >= LEAST_SIDE and sides[0] * sides[1] >= LEAST_AREA * height * width else None


def largest(free: NDArray[np.bool_]) -> Box:
    """The rectangle of most cells that are all free; top, left, bottom, right, all 0 where no cell is free.

    For every pair of rows the longest run of columns that are free in all rows between: cubic in the grid's side, which
    is small, and each step is one of all columns.
    """
    best, area = (0, 0, 0, 0), 0
    for top in range(len(free)):
        column = np.ones(free.shape[1], bool)
        for bottom in range(top + 1, len(free) + 1):
            column &= free[bottom - 1]
            edges = np.flatnonzero(np.diff(np.r_[0, column.astype(np.int8), 0]))
            if not len(edges):
                break
            runs = edges[1::2] - edges[::2]
            run = int(runs.argmax())
            if (bottom - top) * int(runs[run]) > area:
                area = (bottom - top) * int(runs[run])
                best = top, int(edges[2 * run]), bottom, int(edges[2 * run + 1])
    return best
