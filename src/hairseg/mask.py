"""Probability -> mask: threshold, specks, holes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hairseg.errors import UsageError

Mask = NDArray[np.bool_]
Integers = NDArray[np.int64]


def to_mask(
    probability: NDArray[np.float32],
    threshold: float = 0.5,
    *,
    min_area: float = 0.0,
    fill_holes: bool = False,
) -> Mask:
    """Where the hair is.

    Args:
        probability: (H, W) float32 in [0, 1].
        threshold: a probability from here on is hair.
        min_area: connected pieces below this share of the photo's area are dropped; 0 keeps all.
        fill_holes: count background that hair encloses on all sides as hair.

    Returns:
        (H, W) bool.

    Raises:
        UsageError: ``threshold`` or ``min_area`` is not in [0, 1].
    """
    for name, value in (("threshold", threshold), ("min_area", min_area)):
        if not 0 <= value <= 1:
            raise UsageError(f"{name} {value!r} is out of range: use 0 to 1")
    mask: Mask = probability >= threshold
    if min_area > 0:
        mask = without_specks(mask, min_area * mask.size)
    return with_filled_holes(mask) if fill_holes else mask


def without_specks(mask: Mask, smallest: float) -> Mask:
    """``mask`` without pieces of fewer than ``smallest`` pixels; touching by a corner connects."""
    runs = Runs(mask, corners=True)
    return runs.keep(runs.areas()[runs.labels] >= smallest)


def with_filled_holes(mask: Mask) -> Mask:
    """``mask`` with the background that does not reach the photo's edge filled in."""
    # Hair that touches by a corner encloses, so background must not slip through there.
    runs = Runs(~mask, corners=False)
    height, width = mask.shape
    at_edge = (runs.row == 0) | (runs.row == height - 1) | (runs.start == 0) | (runs.end == width)
    outside = np.zeros(len(runs.row), bool)
    outside[runs.labels[at_edge]] = True
    return ~runs.keep(outside[runs.labels])


class Runs:
    """A mask as its horizontal runs, labelled by connected component (Rosenfeld and Pfaltz 1966, by runs).

    Attributes:
        row, start, end: (N,) of each run, ``end`` exclusive, in reading order.
        labels: (N,) index of the component's first run.
    """

    def __init__(self, mask: Mask, corners: bool) -> None:
        self.shape = mask.shape
        height, width = mask.shape
        framed = np.zeros((height, width + 2), np.int8)
        framed[:, 1:-1] = mask
        steps = np.diff(framed, axis=1)
        self.row, self.start = np.nonzero(steps == 1)
        self.end = np.nonzero(steps == -1)[1]
        self.labels = merge(len(self.row), *self._touching(width, int(corners)))

    def _touching(self, width: int, reach: int) -> tuple[Integers, Integers]:
        """Pairs of runs in neighbouring rows that touch: indices of the upper and of the lower ones."""
        # One key orders all runs: rows are further apart in it than any two columns.
        pitch = width + 2
        starts, ends = self.row * pitch + self.start, self.row * pitch + self.end
        first = np.searchsorted(ends, starts + pitch - reach, side="right")
        after = np.searchsorted(starts, ends + pitch + reach, side="left")
        count = np.maximum(after - first, 0)
        upper = np.repeat(np.arange(len(starts)), count)
        lower = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count - first, count)
        return upper, lower

    def areas(self) -> Integers:
        """(N,) pixels of the component, at the index that is its label; 0 at other indices."""
        lengths = (self.end - self.start).astype(np.float64)
        return np.bincount(self.labels, lengths, minlength=len(lengths)).astype(np.int64)

    def keep(self, chosen: Mask) -> Mask:
        """(H, W) bool: the ``chosen`` runs (N,) alone."""
        height, width = self.shape
        steps = np.zeros((height, width + 1), np.int8)
        steps[self.row[chosen], self.start[chosen]] = 1
        steps[self.row[chosen], self.end[chosen]] -= 1
        return np.cumsum(steps, axis=1, dtype=np.int8)[:, :-1].astype(bool)


def merge(count: int, a: Integers, b: Integers) -> Integers:
    """(count,) the smallest of the items that each is joined with, by pairs ``a[i]``, ``b[i]`` and those between.

    Union-find over all pairs at once: every root hooks onto its smallest neighbour, then paths are halved.
    Each round at least halves the components that still have a neighbour: about log2(count) rounds.
    """
    parent = np.arange(count)
    while True:
        root_a, root_b = parent[a], parent[b]
        apart = root_a != root_b
        if not apart.any():
            return parent
        a, b, root_a, root_b = a[apart], b[apart], root_a[apart], root_b[apart]
        np.minimum.at(parent, np.maximum(root_a, root_b), np.minimum(root_a, root_b))
        while True:
            above = parent[parent]
            if np.array_equal(above, parent):
                break
            parent = above
