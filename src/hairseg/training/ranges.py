"""Numbers of a recipe within their ranges, said in one way."""

from __future__ import annotations

import math

from hairseg.errors import UsageError


def within(where: str, name: str, value: float, low: float = 0.0, high: float = math.inf) -> None:
    """Refuse a number outside [low, high].

    Args:
        where: the recipe's table, or empty for its top.
        name: of the key.
        value: of it.
        low: the smallest that is allowed.
        high: the largest.

    Raises:
        UsageError: it is outside, or no number at all.
    """
    if low <= value <= high and math.isfinite(value):
        return
    allowed = f"a number of {low:g} or more" if high == math.inf else f"a number from {low:g} to {high:g}"
    raise UsageError(f"{_key(where, name)} is {value:g}: give {allowed}")


def above_zero(where: str, name: str, value: float) -> None:
    """Refuse what is not a positive number.

    Raises:
        UsageError: it is none.
    """
    if not (value > 0 and math.isfinite(value)):
        raise UsageError(f"{_key(where, name)} is {value:g}: give a positive number")


def shares(where: str, name: str, values: tuple[float, float], example: str) -> None:
    """Refuse what is not the smallest and the largest share of a whole.

    Raises:
        UsageError: they are not in (0, 1], or not in this order.
    """
    if not 0 < values[0] <= values[1] <= 1:
        raise UsageError(
            f"{_key(where, name)} is {list(values)}: give the smallest and the largest share, such as {example}"
        )


def _key(where: str, name: str) -> str:
    return f"{where}: {name}" if where else name
