"""One photo with its true mask, and how both are read."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hairseg.errors import DataError, PhotoError
from hairseg.photo import read_photo

IGNORE = 255


@dataclass(frozen=True)
class Item:
    """One photo of a data set.

    Attributes:
        photo: path of the photo.
        mask: path of the true mask; None for a photo without people, whose mask is empty.
        name: the photo's path inside its data set, with forward slashes.
        style: hairstyle, or an empty string where the data set does not say.
        tags: what else the data set says, for example ``gray``.
        class_index: the mask holds class indices (0, 1, 2, ... and 255 to ignore) instead of hair or not.
    """

    photo: Path
    mask: Path | None
    name: str
    style: str = ""
    tags: frozenset[str] = field(default_factory=frozenset)
    class_index: bool = False


@dataclass(frozen=True)
class DataSet:
    """A list of photos with a name, for example ``figaro1k:test``."""

    name: str
    items: tuple[Item, ...]


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
    truth = read_mask(item.mask, item.class_index)
    if truth.shape != photo.shape[:2]:
        raise DataError(
            f"{item.mask}: the mask is {truth.shape[1]}x{truth.shape[0]} but its photo {item.photo.name} is "
            f"{photo.shape[1]}x{photo.shape[0]}: both must have one size"
        )
    return photo, truth


def read_mask(path: Path, class_index: bool = False) -> NDArray[np.uint8]:
    """A true mask as (H, W) uint8: 0 background, 1 hair, or class indices as they stand.

    A hair mask may be 1-bit, or 8-bit with exactly two values, the larger being hair (0 and 1, or 0 and 255).

    Raises:
        DataError: missing, broken, or with values that are not a mask's.
    """
    try:
        with Image.open(path) as image:
            # A palette image of class indices keeps the indices; every other hair mask is looked at in grey.
            keep = class_index and image.mode in ("P", "L", "1")
            values = np.asarray(image if keep else image.convert("L"))
    except FileNotFoundError as error:
        raise DataError(f"{path}: the mask is missing") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise DataError(f"{path}: the mask cannot be read ({error})") from error
    if class_index:
        return values.astype(np.uint8)
    present = np.unique(values)
    if present.size > 2 or (present.size == 2 and present[0] != 0) or not set(present) <= {0, 1, 255}:
        shown = ", ".join(map(str, present[:6])) + (", ..." if present.size > 6 else "")
        raise DataError(f"{path}: a hair mask holds 0 and 1 or 0 and 255, but this one holds {shown}")
    return (values > 0).astype(np.uint8)
