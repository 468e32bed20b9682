"""A look at every file of a data set before an epoch is spent on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from hairseg.classes import IGNORE
from hairseg.data.items import Item, read_item
from hairseg.errors import DataError

SHOWN = 20

T = TypeVar("T")


def check(items: Sequence[Item]) -> None:
    """Read every photo and mask once.

    Raises:
        DataError: names every missing, broken or mismatching file.
    """
    read_all(items, lambda photo, truth: None)


def read_all(
    items: Sequence[Item], keep: Callable[[NDArray[np.uint8], NDArray[np.uint8]], T], threads: int = 2
) -> list[T]:
    """``keep(photo, truth)`` of every item, in order.

    Raises:
        DataError: names every missing, broken or mismatching file, not only the first; or the masks of class
            indices hold nothing but 0 and 255.
    """
    seen = np.zeros(256, bool)

    def one(item: Item) -> T | DataError:
        try:
            photo, truth = read_item(item)
        except DataError as error:
            return error
        seen[truth.ravel()] = True
        return keep(photo, truth)

    with ThreadPoolExecutor(threads) as pool:
        results = list(pool.map(one, items))
    problems = [str(result) for result in results if isinstance(result, DataError)]
    if problems:
        more = [f"... and {len(problems) - SHOWN} more"] if len(problems) > SHOWN else []
        count = f"{len(problems)} of {len(items)} photos of the data cannot be used:"
        raise DataError("\n  ".join([count, *problems[:SHOWN], *more]))
    if any(item.labels for item in items) and seen[IGNORE] and not seen[1:IGNORE].any():
        # Masks of 0 and 255 are those of two classes for many tools; here all of this would be ignored.
        raise DataError(
            f"the {len(items)} masks of class indices, {items[0].mask} for one, hold nothing but 0 and 255, "
            "and 255 is ignored: write the indices 0, 1, 2, ... into them"
        )
    return [result for result in results if not isinstance(result, DataError)]
