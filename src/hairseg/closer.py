"""A second, closer look at hair that is small in its photo, at the pixels that the canvas had no room for.

A canvas shows a head a tenth as wide as its photo by some 40 pixels, enough to find it and too few for its outline. So
the photo around it is looked at again, alone on a canvas of its own. Photos whose hair fills them, as portraits and
nearly all of Figaro-1k do, are looked at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hairseg.fit import Fit, unfit
from hairseg.mask import Runs

Floats = NDArray[np.float32]
# A photo (H, W, 3) uint8, or a part of one -> the probability (h, w) float32 on its canvas.
Look = Callable[[NDArray[np.uint8]], Floats]

# What the first look calls hair from here on is looked at again, in pieces of at least this share of the canvas, if it is
# so sure of one of their pixels: else a closer look makes hair of what was rightly doubted (docs/experiments.md).
HAIR = 0.4
SMALLEST = 1 / 5000
SURE = 0.8
# The most pieces that are heads; the largest are taken.
MOST_PIECES = 50
# Side of the part that is looked at, as a multiple of the longer side of the hair's box: a head, and where it is.
AROUND = 2.0
# The second look must show the photo so many times finer than the first one did: else it is not worth its time.
FINER = 2.0
# The most parts of a photo that are looked at, the largest first: five times the work at most.
MOST_PARTS = 4
# Over this share of its side a part's answer fades into what the first look says, but for the photo's own edge.
FADE = 0.125


class Box(NamedTuple):
    """Rows from ``top`` to below ``bottom``, columns from ``left`` to before ``right``."""

    top: int
    bottom: int
    left: int
    right: int

    def touches(self, other: Box) -> bool:
        """Whether they share a pixel."""
        rows = max(self.top, other.top) < min(self.bottom, other.bottom)
        return rows and max(self.left, other.left) < min(self.right, other.right)

    def union(self, other: Box) -> Box:
        """The smallest box around both."""
        return Box(
            min(self.top, other.top),
            max(self.bottom, other.bottom),
            min(self.left, other.left),
            max(self.right, other.right),
        )

    def around(self, height: int, width: int) -> Box:
        """The square part of a photo of ``height`` x ``width`` with this box in its middle, as far as the photo goes."""
        side = round(AROUND * max(self.bottom - self.top, self.right - self.left))
        top, bottom = _middle(self.top, self.bottom, side, height)
        left, right = _middle(self.left, self.right, side, width)
        return Box(top, bottom, left, right)


def with_closer_look(look: Look, photo: NDArray[np.uint8], found: Floats, how: Fit) -> Floats:
    """What was found on the canvas, and at hair that is small in its photo what a closer look finds.

    Args:
        look: the network, with the way to its canvas.
        photo: (H, W, 3) uint8.
        found: (h, w) float32 in [0, 1], of the whole photo.
        how: the model's own fit.

    Returns:
        ``found`` itself where nothing is looked at again; else (H, W) float32 in [0, 1].
    """
    height, width = photo.shape[:2]
    parts = parts_to_look_at(found, height, width, how)
    if not parts:
        return found
    whole = unfit(found, height, width)
    if whole is found or not whole.flags.writeable:  # a map of the photo's size stays the caller's
        whole = whole.copy()
    for part in parts:
        at = slice(part.top, part.bottom), slice(part.left, part.right)
        pixels = np.ascontiguousarray(photo[at])
        seen = unfit(look(pixels), *pixels.shape[:2])
        whole[at] += _weight(part, height, width) * (seen - whole[at])
    return whole


def parts_to_look_at(found: Floats, height: int, width: int, how: Fit) -> list[Box]:
    """The parts of a photo whose hair a closer look would show finer, the largest first.

    Args:
        found: (h, w) float32 in [0, 1], of the whole photo.
        height: H of the photo.
        width: W of the photo.
        how: the model's own fit.
    """
    boxes = _together(_pieces(found, height, width), height, width)
    parts = [box.around(height, width) for box in boxes]
    scale = _scale(how, height, width)
    parts = [
        part for part in parts if _scale(how, part.bottom - part.top, part.right - part.left) >= FINER * scale
    ]
    parts.sort(key=lambda part: (part.top - part.bottom) * (part.right - part.left))
    return parts[:MOST_PARTS]


def _scale(how: Fit, height: int, width: int) -> float:
    """Pixels of the canvas for one of the photo, along a side: the geometric mean of both."""
    tall, wide = how.canvas_size(height, width)
    return math.sqrt(tall * wide / (height * width))


def _pieces(found: Floats, height: int, width: int) -> list[Box]:
    """Boxes, in the photo, of the connected pieces of hair, in reading order of their first pixels."""
    runs = Runs(found >= HAIR, corners=True)
    tall, wide = found.shape
    areas = runs.areas()
    large = np.flatnonzero((areas >= SMALLEST * found.size) & (_peaks(runs, found) >= SURE))
    if len(large) > MOST_PIECES:
        large = np.sort(large[np.argsort(-areas[large], kind="stable")[:MOST_PIECES]])
    boxes = []
    for label in large:
        own = runs.labels == label
        boxes.append(
            Box(
                math.floor(runs.row[own].min() * height / tall),
                math.ceil((runs.row[own].max() + 1) * height / tall),
                math.floor(runs.start[own].min() * width / wide),
                math.ceil(runs.end[own].max() * width / wide),
            )
        )
    return boxes


def _peaks(runs: Runs, found: Floats) -> Floats:
    """(N,) the largest value of the piece, at the index that is its label; 0 at other indices."""
    peaks = np.zeros(len(runs.labels), np.float32)
    if len(peaks):
        rows = runs.row * found.shape[1]
        # Every second of these stretches is a run, the others lie between; a run may end where the map does.
        stretches = np.stack([rows + runs.start, rows + runs.end], axis=1).ravel()
        values = np.append(found.ravel(), np.float32(0))
        np.maximum.at(peaks, runs.labels, np.maximum.reduceat(values, stretches)[::2])
    return peaks


def _together(boxes: list[Box], height: int, width: int) -> list[Box]:
    """Boxes that are part of each other's surroundings as one: strands of a head, and heads side by side."""
    apart: list[Box] = []
    for box in boxes:
        joined = box
        while True:
            near = [other for other in apart if _near(joined, other, height, width)]
            if not near:
                break
            apart = [other for other in apart if other not in near]
            for other in near:
                joined = joined.union(other)
        apart.append(joined)
    return apart


def _near(box: Box, other: Box, height: int, width: int) -> bool:
    return box.around(height, width).touches(other) or other.around(height, width).touches(box)


def _middle(first: int, last: int, side: int, length: int) -> tuple[int, int]:
    """``side`` pixels around the middle of ``first`` to ``last``, moved inside ``length``."""
    side = min(side, length)
    begin = min(max((first + last - side) // 2, 0), length - side)
    return begin, begin + side


def _weight(part: Box, height: int, width: int) -> Floats:
    """(h, w) float32 of the part: 1, but fading to 0 towards the sides where the photo goes on."""
    down = _fade(part.bottom - part.top, part.top > 0, part.bottom < height)
    across = _fade(part.right - part.left, part.left > 0, part.right < width)
    return np.minimum.outer(down, across).astype(np.float32)


def _fade(length: int, before: bool, after: bool) -> NDArray[np.float64]:
    """(length,) shares that rise from 0 to 1 over ``FADE`` of it from the ends that are marked."""
    middles = np.arange(length) + 0.5
    beyond = np.full(length, np.inf)
    distance = np.minimum(middles if before else beyond, length - middles if after else beyond)
    shares: NDArray[np.float64] = np.clip(distance / (FADE * length), 0, 1)
    return shares
