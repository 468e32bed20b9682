"""Resampling: photos of 8 bits to another size, and maps of float32 back to theirs.

Bilinear in two passes, along the rows first and then along the columns, as Pillow does it for all but very tall photos
(its releases choose the order by different rules). Said here, so that a canvas is the same with any of them, and with
any number of threads: both passes fall into parts that know nothing of each other.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hairseg.bands import side_by_side

# Photos are averaged over whole pixels first, down to between this and twice this many times their new size. Pillow
# names 2 or 3 where a picture is to be looked at; a network finds the same hair with 1.1 (docs/experiments.md), in two
# thirds of the time.
REDUCING_GAP = 1.1
# Pixels of a photo that are held twice at a time, since an image of Pillow's takes more memory than the photo itself, and
# memory that was used a moment ago costs less than new pages.
BAND = 1 << 18
# Pixels of a photo from which on threads share the work; below, starting them takes as long as they save.
SHARED = 1 << 18
# Pixels of a map from which on threads share the work: below, they wait for memory, and for each other.
SHARED_MAP = 1 << 22
# Pixels along a side of a map that one matrix product makes: few enough that zeros among its weights, which are
# multiplied like the others, cost less than starting more products.
COLUMNS, ROWS = 64, 32
# Multiplications of one product, from more of which on OpenBLAS starts threads of its own.
PRODUCT = 1 << 18


def resize(photo: NDArray[np.uint8], height: int, width: int, threads: int = 1) -> NDArray[np.uint8]:
    """A photo at another size: bilinear with antialiasing.

    Bit for bit what Pillow's ``resize(..., reducing_gap=REDUCING_GAP)`` gives where it takes the rows first: integer
    box reduction before, for photos much larger than the new size.

    Args:
        photo: (H, W, 3) uint8.
        height: of the result.
        width: of the result.
        threads: that share the work; the result is the same.

    Returns:
        (height, width, 3) uint8; the photo itself where the size fits.
    """
    from PIL import Image  # here and below, since a model is opened before Pillow is imported

    tall, wide = photo.shape[:2]
    if (tall, wide) == (height, width):
        return photo
    threads = threads if tall * wide >= SHARED else 1
    across, down = max(int(wide / width / REDUCING_GAP), 1), max(int(tall / height / REDUCING_GAP), 1)
    rows = -(-tall // down)
    # An image between the passes, since every way from one to an array, or back, copies it.
    narrow = Image.new("RGB", (width, rows))
    step = max(1, BAND // (wide * down))

    def along_rows(first: int, last: int) -> None:
        for top in range(first, last, step):
            bottom = min(top + step, last)
            image = Image.fromarray(photo[top * down : bottom * down])
            if (across, down) != (1, 1):
                image = image.reduce((across, down))
            box = (0, 0, wide / across, bottom - top)
            narrow.paste(image.resize((width, bottom - top), Image.Resampling.BILINEAR, box), (0, top))

    side_by_side(along_rows, rows, threads)
    resized = np.empty((height, width, 3), np.uint8)

    def along_columns(first: int, last: int) -> None:
        image = narrow.crop((first, 0, last, rows))
        box = (0, 0, last - first, tall / down)
        resized[:, first:last] = np.asarray(
            image.resize((last - first, height), Image.Resampling.BILINEAR, box)
        )

    side_by_side(along_columns, width, threads)
    return resized


def resize_map(plane: NDArray[np.float32], height: int, width: int, threads: int = 1) -> NDArray[np.float32]:
    """A map at another size: bilinear, with antialiasing along a side that shrinks.

    Args:
        plane: (h, w) float32.
        height: of the result.
        width: of the result.
        threads: that share the work; the result is the same.

    Returns:
        (height, width) float32, nowhere beyond the map's own range by more than a rounding; the map itself where the
        size fits.
    """
    tall, wide = plane.shape
    if height < tall or width < wide:
        from PIL import Image

        smaller = min(width, wide), min(height, tall)
        plane = np.asarray(Image.fromarray(plane).resize(smaller, Image.Resampling.BILINEAR))
    if plane.shape == (height, width):
        return plane
    threads = threads if height * width >= SHARED_MAP else 1
    if plane.shape[1] != width:
        plane = _longer_rows(plane, width, COLUMNS, np.empty((plane.shape[0], width), np.float32), threads)
    if plane.shape[0] != height:
        resized = np.empty((height, width), np.float32)
        _longer_rows(plane.T, height, ROWS, resized.T, threads)
        plane = resized
    return plane


class _Band(NamedTuple):
    """Neighbouring pixels of what is made, ``first:last``, and what they are made of: ``begin:end``."""

    first: int
    last: int
    begin: int
    end: int
    # (end - begin, last - first), two of a column not zero; less time than gathering them by index (docs/experiments.md).
    weights: NDArray[np.float32]


def _longer_rows(
    plane: NDArray[np.float32], width: int, columns: int, out: NDArray[np.float32], threads: int
) -> NDArray[np.float32]:
    """Every row enlarged to ``width``, into ``out``, by matrix products of ``columns`` columns.

    The products are the same ones with any number of threads, and so are their roundings.
    """
    bands = _bands(plane.shape[1], width, columns)

    def make(first: int, last: int) -> None:
        for band in bands[first:last]:
            step = max(1, PRODUCT // band.weights.size)
            for top in range(0, len(plane), step):
                rows = slice(top, top + step)
                np.matmul(
                    plane[rows, band.begin : band.end], band.weights, out=out[rows, band.first : band.last]
                )

    side_by_side(make, len(bands), threads)
    return out


@lru_cache(maxsize=8)
def _bands(old: int, new: int, size: int) -> list[_Band]:
    """The ``new`` pixels, ``size`` at a time."""
    before, share = _neighbours(old, new)
    firsts = np.arange(0, new, size)
    lasts = np.minimum(firsts + size, new)
    begins, ends = before[firsts], np.minimum(before[lasts - 1] + 2, old)
    # One row too many for the last, which has no next. All of them at once: photos of a folder differ in size.
    weights = np.zeros((len(firsts), int((ends - begins).max()) + 1, size), np.float32)
    which = np.arange(new)
    band, column = which // size, which % size
    at = before - begins[band]
    weights[band, at, column] = 1 - share
    weights[band, at + 1, column] = share
    places = zip(firsts.tolist(), lasts.tolist(), begins.tolist(), ends.tolist(), weights, strict=True)
    return [
        _Band(first, last, begin, end, of[: end - begin, : last - first])
        for first, last, begin, end, of in places
    ]


def _neighbours(old: int, new: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """For each of ``new`` pixels, the one of ``old`` before its middle, and how far it is on the way to the next."""
    middles = np.clip((np.arange(new) + 0.5) * (old / new) - 0.5, 0, old - 1)
    # A share that is 1 but for a rounding would carry a value beyond its neighbours'.
    middles = np.round(middles, 6)
    before = middles.astype(np.intp)
    return before, (middles - before).astype(np.float32)
