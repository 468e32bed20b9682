"""The heads of a photo, apart: where the roots and where the ends of each one's hair are.

One speck far from a head would stretch roots and ends over the whole photo, and in a group a tall person's ends are a
child's roots. So the share of hair is summed up in a coarse grid, whose cells also bridge the gaps between strands;
what hangs together there, or lies close to it, is one head.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hairseg.mask import Integers, Runs, merge

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

# Cells along the photo's longer side: a few lie between any two heads that are worth telling apart.
_CELLS = 96
# A cell with less than this share of the fullest one's hair holds stray strands, which join nothing.
_STRAY = 0.1
# What is smaller than this share of the largest piece is no head, but a lock or a speck, and belongs to the nearest.
_SMALLEST = 0.05
# Pieces that are closer than this share of the larger one's longer side are one head: an arm or a band lies between.
_NEAR = 0.15
# Share of a head's hair above its roots and below its ends: single strands.
_ENDS = 0.03


@dataclass(frozen=True)
class Heads:
    """Which head the hair belongs to, and how far down each reaches.

    Attributes:
        step: pixels along a side of a cell.
        of: (rows, columns) index of the head that a cell's hair belongs to.
        top: (N,) where each head's hair begins, in pixels from above.
        bottom: (N,) where it ends.
    """

    step: int
    of: Integers
    top: Doubles
    bottom: Doubles

    def height(self, row: Integers, column: Integers) -> Doubles:
        """How far down its head each pixel lies: 0 at the roots, 1 at the ends, beyond them less or more."""
        head = self.of[row // self.step, column // self.step]
        top = self.top[head]
        return (row + 0.5 - top) / np.maximum(self.bottom[head] - top, 1)


def heads(alpha: Floats) -> Heads:
    """The heads of a photo.

    Args:
        alpha: (H, W) float32 in [0, 1], how much of each pixel is hair; somewhere above 0.
    """
    step = -(-max(alpha.shape) // _CELLS)
    down, across = (np.arange(0, side, step) for side in alpha.shape)
    hair = np.add.reduceat(np.add.reduceat(alpha, across, axis=1, dtype=np.float64), down, axis=0)
    full = hair >= _STRAY * hair.max()
    runs = Runs(full, corners=True)
    _, piece = np.unique(np.repeat(runs.labels, runs.end - runs.start), return_inverse=True)
    area = np.bincount(piece, hair[full])
    large = np.flatnonzero(area >= _SMALLEST * area.max())
    cells = np.argwhere(full).T
    boxes = _boxes(cells, piece)[:, :, large]
    _, head = np.unique(_joined(boxes), return_inverse=True)
    of = head[_nearest(boxes, hair.shape)]  # a piece is in its own box, and boxes that overlap are one head
    row, column = cells[:, np.isin(piece, large)]
    lines = np.zeros((head.max() + 1, len(hair)))
    np.add.at(lines, (of[row, column], row), hair[row, column])
    top, bottom = (step * _reached(lines, share) for share in (_ENDS, 1 - _ENDS))
    return Heads(step, of, top, bottom)


def _boxes(cells: Integers, piece: Integers) -> Integers:
    """(2, 2, N) first and last row, first and last column of each piece; ``cells`` (2, M) are those of ``piece`` (M,)."""
    boxes = np.empty((2, 2, piece.max() + 1), np.int64)
    boxes[:, 0], boxes[:, 1] = np.iinfo(np.int64).max, -1
    for box, places in zip(boxes, cells, strict=True):
        np.minimum.at(box[0], piece, places)
        np.maximum.at(box[1], piece, places)
    return boxes


def _joined(boxes: Integers) -> Integers:
    """(N,) index of the first piece of the head that each piece belongs to."""
    first, last = boxes.swapaxes(0, 1)
    longer = (last - first + 1).max(axis=0)
    reach = _NEAR * np.maximum(longer, longer[:, None])
    gaps = np.maximum(first[:, :, None], first[:, None]) - np.minimum(last[:, :, None], last[:, None]) - 1
    return merge(len(longer), *np.nonzero((gaps <= reach).all(axis=0)))


def _nearest(boxes: Integers, shape: tuple[int, ...]) -> Integers:
    """(rows, columns) index of the piece whose box is nearest to each cell; the first of several."""
    row, column = np.ogrid[: shape[0], : shape[1]]
    found = np.zeros(shape, np.int64)
    least = np.full(shape, np.iinfo(np.int64).max)
    for index, ((top, bottom), (left, right)) in enumerate(boxes.transpose(2, 0, 1)):
        away = [
            np.maximum(top - row, row - bottom).clip(0),
            np.maximum(left - column, column - right).clip(0),
        ]
        distance = away[0] ** 2 + away[1] ** 2
        nearer = distance < least
        found[nearer], least[nearer] = index, distance[nearer]
    return found


def _reached(lines: Doubles, share: float) -> Doubles:
    """(N,) how many rows from above hold ``share`` of the hair; ``lines`` (N, rows) is the hair in each row."""
    total = np.cumsum(lines, axis=1)
    level = share * total[:, -1:]
    row = (total < level).sum(axis=1, keepdims=True)
    line = np.take_along_axis(lines, row, axis=1)
    above = np.take_along_axis(total, row, axis=1) - line
    reached: Doubles = row + (level - above) / line
    return reached[:, 0]
