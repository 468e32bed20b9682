"""Photos as nobody took them for a training set: people who lie or hang, several small heads in one photo, thumbnails.

Networks that were within a thousandth of each other on upright photos differed here by half of the hair.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hairseg.resample import resize

Pair = tuple[NDArray[np.uint8], NDArray[np.uint8]]

# Photos in a row of a crowd.
CROWD = 3
# Side in pixels of a square with a thumbnail's area.
THUMBNAIL = 64


def sideways(photo: NDArray[np.uint8], truth: NDArray[np.uint8]) -> Pair:
    """Turned by 90 degrees against the clock."""
    return np.ascontiguousarray(np.rot90(photo)), np.ascontiguousarray(np.rot90(truth))


def upside_down(photo: NDArray[np.uint8], truth: NDArray[np.uint8]) -> Pair:
    """Turned by 180 degrees."""
    return np.ascontiguousarray(np.rot90(photo, 2)), np.ascontiguousarray(np.rot90(truth, 2))


def crowd(photo: NDArray[np.uint8], truth: NDArray[np.uint8]) -> Pair:
    """Three rows of three, each a third as high and as wide, the middle ones mirrored: the photo's own size to 2 pixels.

    The truth is taken at the nearest pixel, as no mean of two answers is one.
    """
    height, width = (max(1, side // CROWD) for side in photo.shape[:2])
    small, true = _smaller(photo, truth, height, width)
    return _rows(small), _rows(true)


def thumbnail(photo: NDArray[np.uint8], truth: NDArray[np.uint8], side: int = THUMBNAIL) -> Pair:
    """In its own proportions, with the pixels of a square of ``side``; what is smaller stays as it is."""
    height, width = photo.shape[:2]
    scale = min(side / math.sqrt(height * width), 1.0)
    return _smaller(photo, truth, max(1, round(height * scale)), max(1, round(width * scale)))


def _smaller(photo: NDArray[np.uint8], truth: NDArray[np.uint8], height: int, width: int) -> Pair:
    true = Image.fromarray(truth).resize((width, height), Image.Resampling.NEAREST)
    return resize(photo, height, width), np.asarray(true)


def _rows(tile: NDArray[np.uint8]) -> NDArray[np.uint8]:
    row = np.concatenate([tile[:, ::-1] if number % 2 else tile for number in range(CROWD)], axis=1)
    return np.concatenate([row] * CROWD)


VIEWS: dict[str, Callable[[NDArray[np.uint8], NDArray[np.uint8]], Pair]] = {
    "sideways": sideways,
    "upside_down": upside_down,
    "crowd": crowd,
    "thumbnail": thumbnail,
}

TITLES = {
    "sideways": "the same photos turned by 90 degrees",
    "upside_down": "the same photos upside down",
    "crowd": f"{CROWD} x {CROWD} of the same photo, each {CROWD} times as small",
    "thumbnail": f"the same photos at {THUMBNAIL} x {THUMBNAIL} pixels, in their own proportions",
}
