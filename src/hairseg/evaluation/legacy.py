"""Older ways to score, so that older numbers find their place; none of them is a headline here.

``256 px square``: photo and truth are stretched to 256 x 256 before anything else, and scored there.
``padded to a multiple of 32``: the photo gets black below and to the right until 32 divides its sides, and
the padding is scored as background. The mean over two classes, hair and background, is printed for each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hairseg.evaluation.metrics import Counts, count, pooled
from hairseg.evaluation.scores import Legacy
from hairseg.mask import to_mask

SQUARE = 256
MULTIPLE = 32
NAMES = ("native size", f"{SQUARE} px square", f"padded to a multiple of {MULTIPLE}")

Photo = NDArray[np.uint8]
Truth = NDArray[np.uint8]
Predict = Callable[[Photo], NDArray[np.float32]]


def legacy_counts(predict: Predict, photo: Photo, truth: Truth, threshold: float) -> tuple[Counts, Counts]:
    """Counts of one photo on the square and on the padded photo."""
    square = count(to_mask(predict(_stretched(photo)), threshold), _stretched(truth))
    padded = count(to_mask(predict(_padded(photo)), threshold), _padded(truth))
    return square, padded


def legacy_rows(native: Sequence[Counts], others: Sequence[tuple[Counts, Counts]]) -> tuple[Legacy, ...]:
    """One row a protocol, the native one first; ``others`` as :func:`legacy_counts` returns them."""
    columns = [native, *zip(*others, strict=True)]
    return tuple(
        Legacy(name, pooled(column), fmean(one.iou for one in column))
        for name, column in zip(NAMES, columns, strict=True)
    )


def _stretched(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Photo by averaging, truth by nearest neighbour, so that 255 (ignore) stays what it is."""
    how = Image.Resampling.BILINEAR if image.ndim == 3 else Image.Resampling.NEAREST
    return np.asarray(Image.fromarray(image).resize((SQUARE, SQUARE), how))


def _padded(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    below, right = (-side % MULTIPLE for side in image.shape[:2])
    return np.pad(image, ((0, below), (0, right), (0, 0))[: image.ndim])
