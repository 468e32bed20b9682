"""One photo with its true mask, and how both are read."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hairseg.classes import Classes
from hairseg.data.labels import Labels, opened
from hairseg.errors import DataError, PhotoError
from hairseg.photo import read_photo


@dataclass(frozen=True)
class Item:
    """One photo of a data set.

    Attributes:
        photo: path of the photo.
        mask: path of the true mask; None for a photo without people, whose mask is empty.
        name: the photo's path inside its data set, with forward slashes.
        style: hairstyle, or an empty string where the data set does not say.
        tags: what else the data set says, for example ``gray``.
        labels: the mask holds class indices instead of hair or not, stored like this.
    """

    photo: Path
    mask: Path | None
    name: str
    style: str = ""
    tags: frozenset[str] = field(default_factory=frozenset)
    labels: Labels | None = None


@dataclass(frozen=True)
class DataSet:
    """A list of photos with a name, for example ``figaro1k:test``."""

    name: str
    items: tuple[Item, ...]

    @property
    def classes(self) -> Classes:
        """What the masks' indices mean; empty where they hold hair or not."""
        labels = next((item.labels for item in self.items), None)
        return labels.classes if labels else ()


def read_item(item: Item) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The photo and its truth.

    Returns:
        photo (H, W, 3) uint8 sRGB; truth (H, W) uint8: 0 background, 1 hair (or the class index), 255 ignore.

    Raises:
        DataError: either is missing or broken, or they differ in size.
    """
    try:
        photo = read_photo(item.photo).pixels
    except PhotoError as error:
        raise DataError(str(error)) from error
    if item.mask is None:
        return photo, np.zeros(photo.shape[:2], np.uint8)
    truth = read_mask(item.mask, item.labels)
    if truth.shape != photo.shape[:2]:
        raise DataError(
            f"{item.mask}: the mask is {truth.shape[1]}x{truth.shape[0]} but its photo {item.photo.name} is "
            f"{photo.shape[1]}x{photo.shape[0]}: both must have one size"
        )
    return photo, truth


def read_mask(path: Path, labels: Labels | None = None) -> NDArray[np.uint8]:
    """A true mask as (H, W) uint8: 0 background, 1 hair, or class indices and 255 where ``labels`` tell of them.

    A hair mask may be 1-bit, or 8-bit with exactly two values, the larger being hair (0 and 1, or 0 and 255).

    Raises:
        DataError: missing, broken, or with values that are not a mask's.
    """
    if labels:
        return labels.read(path)
    with opened(path) as image:
        values = np.asarray(image.convert("L"))
    present = np.unique(values)
    if present.size > 2 or (present.size == 2 and present[0] != 0) or not set(present) <= {0, 1, 255}:
        shown = ", ".join(map(str, present[:6])) + (", ..." if present.size > 6 else "")
        raise DataError(f"{path}: a hair mask holds 0 and 1 or 0 and 255, but this one holds {shown}")
    return (values > 0).astype(np.uint8)
