"""Probabilities of many classes on the canvas -> class indices at the photo's own size, in bands of rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# Probabilities that are held at a time at the photo's size, in all classes together: 16 MB.
BAND = 1 << 22


def bands(
    probability: NDArray[np.float32], height: int, width: int
) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """The probabilities at the photo's own size, a band of rows at a time.

    All at once, 150 classes of a photo of 12 megapixels would take 7 GB.

    Args:
        probability: (classes, h, w) float32 on the canvas.
        height: H of the photo.
        width: W of the photo.

    Yields:
        The rows, and their (classes, rows, W) float32; bilinear, as :func:`hairseg.fit.unfit` does it.
    """
    classes, tall, wide = probability.shape
    planes = [Image.fromarray(plane) for plane in probability]
    rows = max(1, BAND // (classes * width))
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        box = (0, top * tall / height, wide, bottom * tall / height)
        size = (width, bottom - top)
        band = [np.asarray(plane.resize(size, Image.Resampling.BILINEAR, box)) for plane in planes]
        yield slice(top, bottom), np.stack(band)


def to_labels(probability: NDArray[np.float32], height: int, width: int) -> NDArray[np.uint8]:
    """The most probable class of every pixel of the photo.

    Args:
        probability: (classes, h, w) float32 on the canvas, at most 255 classes.
        height: H of the photo.
        width: W of the photo.

    Returns:
        (H, W) uint8 class indices.
    """
    labels = np.empty((height, width), np.uint8)
    for rows, band in bands(probability, height, width):
        labels[rows] = band.argmax(axis=0)
    return labels
