"""Scene parsing: photo -> the class of every pixel, by a model of many classes that ``hairseg export`` wrote.

scene = SceneSegmenter("parse.onnx")("street.jpg")
scene.labels                        # (H, W) uint8, class indices
scene.image().save("labels.png")    # a palette picture of them
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hairseg.classes import Classes
from hairseg.errors import ModelError
from hairseg.fit import fit
from hairseg.legend import label_image, painted, with_legend
from hairseg.models import ModelInfo, find_model, spelled
from hairseg.network import Network, thread_count
from hairseg.photo import Photo, PhotoSource, read_photo
from hairseg.printable import printable

# Probabilities that are held at a time at the photo's size, in all classes together: 16 MB.
BAND = 1 << 22


@dataclass(frozen=True, eq=False)
class Scene:
    """One photo, parsed.

    Attributes:
        photo: as it was read.
        labels: (H, W) uint8, the class index of every pixel.
        classes: names and colours, in the order of the indices.
    """

    photo: Photo
    labels: NDArray[np.uint8]
    classes: Classes

    @property
    def shares(self) -> dict[str, float]:
        """Share of the photo's pixels by class, those that it holds only, largest first."""
        pixels = np.bincount(self.labels.ravel(), minlength=len(self.classes))
        order = [index for index in np.argsort(-pixels, kind="stable") if pixels[index]]
        return {self.classes[index].name: int(pixels[index]) / self.labels.size for index in order}

    def image(self) -> Image.Image:
        """A palette picture: its values are the class indices, its palette the classes' colours."""
        return label_image(self.labels, self.classes)

    def overlay(self) -> Image.Image:
        """The photo tinted with its classes' colours, and below it the legend of the classes on it."""
        tinted = Image.fromarray(painted(self.photo.pixels, self.labels, self.classes))
        return with_legend(tinted, self.classes, self.labels)


class SceneSegmenter:
    """Tells the classes of a photo apart. One object may be used from several threads at once.

    Args:
        model: path of an ``.onnx`` file of many classes that ``hairseg export`` wrote.
        threads: that work on a photo; None for all physical cores.

    Attributes:
        info: what the model says about itself.
        classes: names and colours, in the order of the indices.

    Raises:
        ModelError: the model is missing, damaged, or one of hair.
        UsageError: ``threads`` is not a whole number from 1 to 1024.
    """

    def __init__(self, model: str | os.PathLike[str], threads: int | None = None) -> None:
        self.threads = thread_count(threads)
        self._network = Network(find_model(model), self.threads)
        self.info: ModelInfo = self._network.info
        self.classes = self.info.scene_classes
        if len(self.classes) == 1:
            raise ModelError(
                f"{printable(self.info.path)} is a hair model: use `hairseg mask`, or hairseg.Segmenter"
            )

    def __reduce__(self) -> tuple[type[SceneSegmenter], tuple[str, int]]:
        """What travels to another process: the model's name or path and the settings, never the weights."""
        return type(self), (spelled(self.info.path), self.threads)

    def __call__(self, photo: PhotoSource | Photo) -> Scene:
        """Parse one photo.

        Args:
            photo: path, bytes, binary file object, PIL image, uint8 array, or a photo already read.

        Raises:
            PhotoError: the photo cannot be read.
        """
        if not isinstance(photo, Photo):
            photo = read_photo(photo)
        labels = to_labels(self.probability(photo.pixels), *photo.pixels.shape[:2])
        return Scene(photo, labels, self.classes)

    def probability(self, photo: NDArray[np.uint8]) -> NDArray[np.float32]:
        """How sure the model is of each class, on its canvas.

        Args:
            photo: (H, W, 3) uint8, sRGB, upright.

        Returns:
            (classes, h, w) float32 in [0, 1]; :func:`to_labels` brings them to the photo's own size.
        """
        return self._network(fit(photo, self.info.fit, self.threads))


class Banded(Protocol):
    """Probabilities that are computed as they are asked for, at the photo's own size.

    Attributes:
        seconds: that the bands have taken so far.
    """

    seconds: float

    def __len__(self) -> int:
        """How many classes."""

    def bands(self) -> Iterator[tuple[slice, NDArray[np.float32]]]:
        """Rows of the photo and their (classes, rows, W) float32, from top to bottom."""


def bands(
    probability: NDArray[np.float32] | Banded, height: int, width: int
) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """The probabilities at the photo's own size, a band of rows at a time.

    All at once, 150 classes of a photo of 12 megapixels would take 7 GB.

    Args:
        probability: (classes, h, w) float32 on the canvas; or what makes the bands itself.
        height: H of the photo.
        width: W of the photo.

    Yields:
        The rows, and their (classes, rows, W) float32; bilinear, as :func:`hairseg.fit.unfit` does it.
    """
    if not isinstance(probability, np.ndarray):
        yield from probability.bands()
        return
    classes, tall, wide = probability.shape
    planes = [Image.fromarray(plane) for plane in probability]
    rows = max(1, BAND // (classes * width))
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        box = (0, top * tall / height, wide, bottom * tall / height)
        size = (width, bottom - top)
        band = [np.asarray(plane.resize(size, Image.Resampling.BILINEAR, box)) for plane in planes]
        yield slice(top, bottom), np.stack(band)


def to_labels(probability: NDArray[np.float32] | Banded, height: int, width: int) -> NDArray[np.uint8]:
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
