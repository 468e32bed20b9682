"""Photo <-> canvas: the resize into the network's input, and the exact inverse for its output.

The canvas has no padding: it covers the photo edge to edge, so the inverse is one resize back.
``area`` keeps the photo's proportions (to the rounding of one ``multiple``) at about ``size`` x ``size``
pixels, which costs the same for every photo; ``square`` stretches to ``size`` x ``size``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

from hairseg.bands import side_by_side
from hairseg.errors import UsageError

FitMode = Literal["area", "square"]
Pixel = TypeVar("Pixel", bound=np.generic)
Box = tuple[float, float, float, float]

# A strip of 20:1 would otherwise leave its short side thinner than the coarsest features.
SHORTEST_SIDE = 64
LONGEST_SIDE = 2048
# Pixels of a photo that are held twice at a time.
BAND = 1 << 22
# Pixels from which on threads share a resize; below, starting them takes as long as they save.
SHARED = 1 << 17


@dataclass(frozen=True)
class Fit:
    """How a photo becomes a canvas.

    Attributes:
        mode: ``area`` keeps proportions, ``square`` stretches.
        size: side in pixels of the square with the canvas' area.
        multiple: both sides of the canvas divide by it.
    """

    mode: FitMode = "area"
    size: int = 384
    multiple: int = 32

    def __post_init__(self) -> None:
        if self.mode not in get_args(FitMode):
            raise UsageError(f"fit mode {self.mode!r} is unknown: use one of {', '.join(get_args(FitMode))}")
        if self.multiple < 1 or not SHORTEST_SIDE <= self.size <= LONGEST_SIDE:
            raise UsageError(
                f"canvas size {self.size} (multiple {self.multiple}) is out of range: "
                f"use {SHORTEST_SIDE} to {LONGEST_SIDE} pixels"
            )

    def canvas_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the canvas for a photo of ``height`` x ``width`` pixels."""
        if self.mode == "square":
            return self._round(self.size), self._round(self.size)
        ratio = math.sqrt(height / width)
        return self._round(self.size * ratio), self._round(self.size / ratio)

    def _round(self, side: float) -> int:
        """``side`` to the nearest multiple inside [SHORTEST_SIDE, LONGEST_SIDE]."""
        steps = round(min(max(side, SHORTEST_SIDE), LONGEST_SIDE) / self.multiple)
        return max(steps, 1) * self.multiple


def fit(photo: NDArray[np.uint8], how: Fit, threads: int = 1) -> NDArray[np.uint8]:
    """Resize a photo onto its canvas.

    Args:
        photo: (H, W, 3) uint8, sRGB, upright.
        how: the model's own fit.
        threads: that share the work on large photos; the result is the same.

    Returns:
        (h, w, 3) uint8 with (h, w) = ``how.canvas_size(H, W)``; bilinear with antialiasing.
    """
    return resize(photo, *how.canvas_size(*photo.shape[:2]), threads)


def resize(photo: NDArray[np.uint8], height: int, width: int, threads: int = 1) -> NDArray[np.uint8]:
    """A photo of (H, W, 3) uint8 at another size: bilinear with antialiasing.

    Bit for bit what Pillow's ``resize(..., reducing_gap=3.0)`` gives, with any number of threads: integer box reduction
    first, for photos far larger than the canvas; Pillow documents that gap as indistinguishable from the full filter.
    Done in bands, since an image of Pillow's takes more memory than the photo itself. Threads share the reduction
    alone: in bands Pillow may choose the other order of its two passes, whose rounding moves specks of a mask.
    """
    tall, wide = photo.shape[:2]
    if (tall, wide) == (height, width):
        return photo
    factors = max(int(wide / width / 3.0), 1), max(int(tall / height / 3.0), 1)
    if factors == (1, 1):
        return _resized(photo, height, width, 1)
    from PIL import Image  # here and below, since a model is opened before Pillow is imported

    reduced = np.empty((-(-tall // factors[1]), -(-wide // factors[0]), 3), np.uint8)
    rows = max(1, BAND // (wide * factors[1]))

    def reduce(first: int, last: int) -> None:
        for top in range(first, last, rows):
            band = photo[top * factors[1] : min(top + rows, last) * factors[1]]
            reduced[top : min(top + rows, last)] = np.asarray(Image.fromarray(band).reduce(factors))

    side_by_side(reduce, len(reduced), threads)
    box = (0, 0, wide / factors[0], tall / factors[1])
    return _resized(reduced, height, width, 1, box)


def unfit(probability: NDArray[np.float32], height: int, width: int, threads: int = 1) -> NDArray[np.float32]:
    """Bring a map on the canvas back to the photo's own size: the inverse of :func:`fit`.

    Args:
        probability: (h, w) float32 in [0, 1] on the canvas.
        height: H of the photo.
        width: W of the photo.
        threads: that share the work; the result is the same to a rounding.

    Returns:
        (H, W) float32 in [0, 1], bilinear.
    """
    if probability.shape == (height, width):
        return probability
    return _resized(probability, height, width, threads)


def _resized(
    image: NDArray[Pixel], height: int, width: int, threads: int, box: Box | None = None
) -> NDArray[Pixel]:
    """Pillow's bilinear resize of ``box``, left, top, right and bottom of the image, which threads share by rows."""
    from PIL import Image

    source = Image.fromarray(image)
    left, above, right, below = box or (0, 0, source.width, source.height)
    shared = threads > 1 and max(image.shape[0] * image.shape[1], height * width) >= SHARED
    if not shared and height * width <= BAND:
        return np.asarray(source.resize((width, height), Image.Resampling.BILINEAR, box))
    # In bands, since the whole would be held three times: by the image, as bytes and as the array.
    whole = np.empty((height, width, *image.shape[2:]), image.dtype)
    rows = max(1, BAND // width)
    scale = (below - above) / height

    def stretch(first: int, last: int) -> None:
        for top in range(first, last, rows):
            bottom = min(top + rows, last)
            part = (left, above + top * scale, right, min(above + bottom * scale, below))
            whole[top:bottom] = np.asarray(
                source.resize((width, bottom - top), Image.Resampling.BILINEAR, part)
            )

    side_by_side(stretch, height, threads if shared else 1)
    return whole
