"""Photo <-> canvas: the resize into the network's input, and the exact inverse for its output.

The canvas has no padding: it covers the photo edge to edge, so the inverse is one resize back.
``area`` keeps the photo's proportions (to the rounding of one ``multiple``) at about ``size`` x ``size``
pixels, which costs the same for every photo; ``square`` stretches to ``size`` x ``size``. A model may ask that small
photos are not enlarged by much: there is nothing in them for a large canvas to show, and a small one costs less.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from hairseg.errors import UsageError
from hairseg.resample import resize, resize_map

FitMode = Literal["area", "square"]

# A strip of 20:1 would otherwise leave its short side thinner than the coarsest features.
SHORTEST_SIDE = 64
LONGEST_SIDE = 2048


@dataclass(frozen=True)
class Fit:
    """How a photo becomes a canvas.

    Attributes:
        mode: ``area`` keeps proportions, ``square`` stretches.
        size: side in pixels of the square with the canvas' area.
        multiple: both sides of the canvas divide by it.
        enlarge: with ``area``, how far a photo smaller than ``size`` is enlarged towards it, in [0, 1]: 1 all the way,
            0 not at all, 0.5 half the way in logarithms, to the geometric mean of its own size and ``size``.
    """

    mode: FitMode = "area"
    size: int = 384
    multiple: int = 32
    enlarge: float = 1.0

    def __post_init__(self) -> None:
        if self.mode not in get_args(FitMode):
            raise UsageError(f"fit mode {self.mode!r} is unknown: use one of {', '.join(get_args(FitMode))}")
        if self.multiple < 1 or not SHORTEST_SIDE <= self.size <= LONGEST_SIDE:
            raise UsageError(
                f"canvas size {self.size} (multiple {self.multiple}) is out of range: "
                f"use {SHORTEST_SIDE} to {LONGEST_SIDE} pixels"
            )
        if self.multiple > self.size:
            raise UsageError(
                f"fit multiple {self.multiple} is larger than the canvas of {self.size} pixels: use a smaller one"
            )
        if not 0 <= self.enlarge <= 1:
            raise UsageError(f"fit enlarge {self.enlarge} is out of range: use a number from 0 to 1")

    def canvas_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the canvas for a photo of ``height`` x ``width`` pixels."""
        if self.mode == "square":
            return self._round(self.size), self._round(self.size)
        ratio, own = math.sqrt(height / width), math.sqrt(height * width)
        side = self.size * min(own / self.size, 1.0) ** (1 - self.enlarge)
        return self._round(side * ratio), self._round(side / ratio)

    def described(self) -> dict[str, Any]:
        """As plain values: what a model's metadata, the page and ``hairseg models --json`` say of it."""
        plain = {"mode": self.mode, "size": self.size, "multiple": self.multiple}
        return plain if self.enlarge == 1 else {**plain, "enlarge": self.enlarge}

    def _round(self, side: float) -> int:
        """``side`` to the nearest multiple inside [SHORTEST_SIDE, LONGEST_SIDE]."""
        steps = round(min(max(side, SHORTEST_SIDE), LONGEST_SIDE) / self.multiple)
        return max(steps, 1) * self.multiple


def fit(photo: NDArray[np.uint8], how: Fit, threads: int = 1) -> NDArray[np.uint8]:
    """Resize a photo onto its canvas.

    Args:
        photo: (H, W, 3) uint8, sRGB, upright.
        how: the model's own fit.
        threads: that share the work on a large photo; the result is the same.

    Returns:
        (h, w, 3) uint8 with (h, w) = ``how.canvas_size(H, W)``; bilinear with antialiasing.
    """
    return resize(photo, *how.canvas_size(*photo.shape[:2]), threads)


def unfit(probability: NDArray[np.float32], height: int, width: int, threads: int = 1) -> NDArray[np.float32]:
    """Bring a map on the canvas back to the photo's own size: the inverse of :func:`fit`.

    Args:
        probability: (h, w) float32 in [0, 1] on the canvas.
        height: H of the photo.
        width: W of the photo.
        threads: that share the work on a large photo; the result is the same.

    Returns:
        (H, W) float32 in [0, 1], bilinear.
    """
    return resize_map(probability, height, width, threads)
