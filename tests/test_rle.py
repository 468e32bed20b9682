from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from hairseg.errors import UsageError
from hairseg.rle import from_rle, to_rle

Mask = NDArray[np.bool_]
masks = arrays.arrays(bool, arrays.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40))


def columns(height: int, *runs: int) -> Mask:
    """A mask of ``height`` with these runs down its columns, background first."""
    flat = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return flat.reshape(-1, height).T


# Worked out by hand from the definition, and printed by pycocotools 2.0.11.
@pytest.mark.parametrize(
    ("mask", "counts"),
    [
        (np.zeros((2, 2), bool), "4"),
        (np.ones((2, 2), bool), "04"),
        (columns(2, 1, 2, 1), "121"),
        (columns(4, 5, 5, 5, 1), "555L"),  # 1 - 5 = -4
        (columns(1, 15, 1), "?1"),
        (columns(1, 16, 1), "`01"),  # 16 alone would read as negative
        (columns(1, 31, 1), "o01"),
        (columns(1, 32, 1), "P11"),
        (columns(10, 1000, 20), "Xo0d0"),
    ],
)
def test_literal_cases(mask: Mask, counts: str) -> None:
    assert to_rle(mask) == {"size": list(mask.shape), "counts": counts}
    np.testing.assert_array_equal(from_rle({"size": list(mask.shape), "counts": counts}), mask)


@given(masks)
def test_decoding_is_the_inverse(mask: Mask) -> None:
    np.testing.assert_array_equal(from_rle(to_rle(mask)), mask)


@given(st.lists(st.integers(1, 100_000), min_size=1, max_size=8))
def test_long_runs(runs: list[int]) -> None:
    mask = columns(1, *runs)
    np.testing.assert_array_equal(from_rle(to_rle(mask)), mask)


def test_runs_that_do_not_fit_are_refused() -> None:
    with pytest.raises(UsageError, match="add up to 4 pixels, not to 3 x 3"):
        from_rle({"size": [3, 3], "counts": "4"})
