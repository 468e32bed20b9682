"""Masks of class indices: what the numbers in the file mean, and where names and colours come from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hairseg.classes import IGNORE, Classes, make_classes
from hairseg.data.text import read_table
from hairseg.errors import DataError
from hairseg.photo import DRAWINGS

LIST = "classes.csv"
NO_CLASSES = frozenset({"ignore", "ignored", "void", "unlabeled", "unlabelled"})
# Modes of a picture with one whole number a pixel: palette, 8 bit, 1 bit, 16 bit.
MODES = frozenset({"P", "L", "1", "I", "I;16", "I;16B"})


@dataclass(frozen=True)
class Labels:
    """How the numbers in a mask's file become class indices.

    Attributes:
        classes: names and colours, in the order of the indices.
        stored: (number in the file, class index or 255) for every number that may occur; empty where the
            file holds the indices themselves and 255 for what is ignored.
    """

    classes: Classes
    stored: tuple[tuple[int, int], ...] = ()

    def read(self, path: Path) -> NDArray[np.uint8]:
        """The class indices of a file.

        Returns:
            (H, W) uint8: 0 to the number of classes - 1, and 255 to ignore.

        Raises:
            DataError: missing, broken, a colour picture, or with a number that is no class.
        """
        with opened(path) as image:
            if image.mode not in MODES:
                raise DataError(
                    f"{path}: a mask of class indices holds one number a pixel, grey or palette, "
                    f"but this one is {image.mode}: save the indices as a PNG"
                )
            values = np.asarray(image)
        outside = values[(values < 0) | (values > IGNORE)] if values.itemsize > 1 else values[:0]
        if outside.size:
            raise DataError(self._wrong(path, int(outside[0])))
        table = np.full(256, -1, np.int16)
        for number, index in self.stored or tuple((i, i) for i in [*range(len(self.classes)), IGNORE]):
            table[number] = index
        truth = table[values.astype(np.uint8)]
        if truth.min(initial=0) < 0:
            raise DataError(self._wrong(path, int(values[truth < 0].min())))
        return truth.astype(np.uint8)

    def _wrong(self, path: Path, value: int) -> str:
        count = len(self.classes)
        if not self.stored:
            numbers = f"0 to {count - 1}"
            hint = ", and 255 for pixels to ignore"
        else:
            numbers = _ranges(number for number, index in self.stored if index != IGNORE)
            hint = f", and {_ranges(number for number, index in self.stored if index == IGNORE)} to ignore"
        return f"{path}: the mask holds {value}, but the {count} classes are stored as {numbers}{hint}"


def opened(path: Path) -> Image.Image:
    """An open, decoded picture of a mask.

    Raises:
        DataError: missing or broken.
    """
    try:
        with path.open("rb") as file:
            image = Image.open(file)
            if image.format in DRAWINGS:
                raise ValueError(f"it is a drawing, {image.format}")
            image.load()
    except FileNotFoundError as error:
        raise DataError(f"{path}: the mask is missing") from error
    except (
        Exception
    ) as error:  # as for photos: decoders raise nearly everything when a file lies about itself
        raise DataError(f"{path}: the mask cannot be read ({error or type(error).__name__})") from error
    return image


def _ranges(numbers: Iterable[int]) -> str:
    """``7, 8, 11 to 13``."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)


def read_classes(path: Path) -> Classes:
    """The classes of a ``classes.csv``: the columns ``name`` and, if you like, ``color`` and ``index``.

    The first row is class 0. Pixels to ignore are 255 in the masks and have no row.

    Raises:
        DataError: not such a file, or with a row that is no class.
    """
    columns, table = read_table(path)
    rows = [{key: (row.get(key) or "").strip() for key in ("name", "color", "index")} for row in table]
    if "name" not in columns:
        raise DataError(f"{path}: the column 'name' is missing: write name,color in the first line")
    for number, row in enumerate(rows):
        if row["index"] == str(IGNORE) or row["name"].lower() in NO_CLASSES:
            raise DataError(
                f"{path}: {row['name']!r} is no class: pixels to ignore are {IGNORE} in the masks and have "
                "no row here"
            )
        if row["index"] not in ("", str(number)):
            raise DataError(
                f"{path}: row {number} has the index {row['index']}: rows stand in the order 0, 1, 2"
            )
    if len(rows) < 2:
        raise DataError(f"{path}: lists {len(rows)} classes: list at least two, the background too")
    try:
        return make_classes([row["name"] for row in rows], [row["color"] for row in rows])
    except ValueError as error:
        raise DataError(f"{path}: {error}") from error


@cache
def known_classes(name: str) -> Classes:
    """The classes of a public data set: ``ade20k``, ``cityscapes``, ``fasseg`` or ``voc``."""
    return read_classes(Path(__file__).with_name("classes") / f"{name}.csv")
