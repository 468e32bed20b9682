"""Resampling: photos of 8 bits to another size, and maps of float32 back to theirs.

Bilinear in two passes, along the rows first and then along the columns, as Pillow does it for all but very tall photos
(its releases choose the order by different rules). Said here, so that a canvas is the same with any of them, and with
any number of threads: both passes fall into parts that know nothing of each other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hairseg.bands import side_by_side

# Photos are averaged over whole pixels first, down to between this and twice this many times their new size. Pillow
# names 2 or 3 where a picture is to be looked at; a network finds the same hair with 1.3 (docs/experiments.md), in two
# thirds of the time.
REDUCING_GAP = 1.3
# Pixels of a photo that are held twice at a time, since an image of Pillow's takes more memory than the photo itself.
BAND = 1 << 22
# Pixels of a photo from which on threads share the work; below, starting them takes as long as they save.
SHARED = 1 << 18
# Pixels of a map from which on threads share the work: below, they wait for memory, and for each other.
SHARED_MAP = 1 << 22
# Rows of a map that are made at a time, from beginning to end: they stay in the processor's cache, and their memory is
# that of the rows before instead of pages that the system has to find and clear.
ROWS = 128


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
    narrow = np.empty((-(-tall // down), width, 3), np.uint8)
    step = max(1, BAND // (wide * down))

    def along_rows(first: int, last: int) -> None:
        for top in range(first, last, step):
            bottom = min(top + step, last)
            image = Image.fromarray(photo[top * down : bottom * down])
            if (across, down) != (1, 1):
                image = image.reduce((across, down))
            box = (0, 0, wide / across, bottom - top)
            row_band = image.resize((width, bottom - top), Image.Resampling.BILINEAR, box)
            narrow[top:bottom] = np.asarray(row_band)

    side_by_side(along_rows, len(narrow), threads)
    resized = np.empty((height, width, 3), np.uint8)

    def along_columns(first: int, last: int) -> None:
        image = Image.fromarray(np.ascontiguousarray(narrow[:, first:last]))
        box = (0, 0, last - first, tall / down)
        column_band = image.resize((last - first, height), Image.Resampling.BILINEAR, box)
        resized[:, first:last] = np.asarray(column_band)

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
    resized = np.empty((height, width), np.float32)
    before, share = _neighbours(plane.shape[0], height)

    def rows(first: int, last: int) -> None:
        scratch = np.empty((ROWS, width), np.float32)
        for begin in range(first, last, ROWS):
            end = min(begin + ROWS, last)
            top, bottom = before[begin], before[end - 1] + 2
            longer = _longer_rows(plane[top:bottom], width)
            _longer_columns(longer, before[begin:end] - top, share[begin:end], resized[begin:end], scratch)

    side_by_side(rows, height, threads if height * width >= SHARED_MAP else 1)
    return resized


def _longer_rows(plane: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    """Every row enlarged to ``width``."""
    if plane.shape[1] == width:
        return plane
    before, share = _neighbours(plane.shape[1], width)
    # take, since an index in brackets leaves the result in another order in memory, which costs the columns dearly.
    longer = np.take(plane, before, axis=1)
    longer += np.take(np.diff(plane, axis=1, append=plane[:, -1:]), before, axis=1) * share
    return longer


def _longer_columns(
    plane: NDArray[np.float32],
    before: NDArray[np.intp],
    share: NDArray[np.float32],
    out: NDArray[np.float32],
    scratch: NDArray[np.float32],
) -> None:
    """``out`` becomes the rows between ``before`` and the next one of ``plane``, by ``share``."""
    part = scratch[: len(out)]
    # clip never clips an index here; unlike the default mode it writes into ``out`` at once.
    np.take(plane, before, axis=0, out=out, mode="clip")
    np.take(np.diff(plane, axis=0, append=plane[-1:]), before, axis=0, out=part, mode="clip")
    part *= share[:, None]
    out += part


def _neighbours(old: int, new: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """For each of ``new`` pixels, the one of ``old`` before its middle, and how far it is on the way to the next."""
    middles = np.clip((np.arange(new) + 0.5) * (old / new) - 0.5, 0, old - 1)
    # A share that is 1 but for a rounding would carry a value beyond its neighbours'.
    middles = np.round(middles, 6)
    before = middles.astype(np.intp)
    return before, (middles - before).astype(np.float32)
