"""Mask <-> COCO's compressed run-length encoding, as pycocotools and most annotation tools read it.

Runs alternate background, hair, background ... down the columns, beginning with background (maybe 0 long).
From the fourth on, a run is written as its difference from the one before the last. Numbers are in base 32,
lowest digits first: five bits, bit 6 set where more follow, plus 48 to be printable; bit 5 of the last is the
sign.
"""

from __future__ import annotations

from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from hairseg.errors import UsageError

# Of a run's length: no photo has more pixels.
_MOST_BITS = 60


class Rle(TypedDict):
    """COCO's ``segmentation`` of an object: ``size`` is [H, W], ``counts`` the encoded runs."""

    size: list[int]
    counts: str


def to_rle(mask: NDArray[np.bool_]) -> Rle:
    """COCO's form of a mask (H, W) bool."""
    height, width = mask.shape
    return {"size": [height, width], "counts": _encode(_runs(mask))}


def from_rle(rle: Rle) -> NDArray[np.bool_]:
    """The mask (H, W) bool of COCO's form.

    Raises:
        UsageError: these are no run lengths, or they do not add up to the size.
    """
    height, width = rle["size"]
    runs = _decode(rle["counts"])
    if min(height, width) < 0 or min(runs, default=0) < 0 or sum(runs) != height * width:
        raise UsageError(
            f"the run lengths add up to {sum(runs)} pixels, not to {height} x {width}: encode them again"
        )
    hair = np.arange(len(runs)) % 2 == 1
    return np.repeat(hair, runs).reshape(width, height).T


def _runs(mask: NDArray[np.bool_]) -> list[int]:
    """Lengths of alternating runs down the columns, background first."""
    column_major = mask.T.ravel()
    changes = np.nonzero(column_major[1:] != column_major[:-1])[0] + 1
    lengths = np.diff(changes, prepend=0, append=column_major.size).tolist()
    return [0, *lengths] if column_major.size and column_major[0] else list(lengths)


def _encode(runs: list[int]) -> str:
    """COCO's string of run lengths."""
    digits = bytearray()
    for index, run in enumerate(runs):
        value = run - runs[index - 2] if index > 2 else run
        more = True
        while more:
            digit = value & 31
            value >>= 5
            more = value != (-1 if digit & 16 else 0)
            digits.append(48 + (digit | 32 if more else digit))
    return digits.decode("ascii")


def _decode(counts: str) -> list[int]:
    """Run lengths of COCO's string."""
    runs: list[int] = []
    value = shift = 0
    for letter in counts:
        digit = ord(letter) - 48
        if not 0 <= digit < 64 or shift > _MOST_BITS:
            raise UsageError(f"{counts[:20]!r} are no run lengths of COCO's: encode them again")
        value |= (digit & 31) << shift
        shift += 5
        if not digit & 32:
            if digit & 16:
                value -= 1 << shift
            runs.append(value + runs[-2] if len(runs) > 2 else value)
            value = shift = 0
    return runs
