"""Which hair belongs to which head, and how far down each reaches."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from hairseg.heads import heads

Box = tuple[int, int, int, int]


def hair(*boxes: Box, size: int = 480) -> NDArray[np.float32]:
    """(size, size) with hair in boxes (top, bottom, left, right)."""
    alpha = np.zeros((size, size), np.float32)
    for top, bottom, left, right in boxes:
        alpha[top:bottom, left:right] = 1
    return alpha


def spans(alpha: NDArray[np.float32]) -> list[tuple[int, int]]:
    found = heads(alpha)
    return [(round(top), round(bottom)) for top, bottom in zip(found.top, found.bottom, strict=True)]


def test_one_head() -> None:
    assert spans(hair((100, 200, 50, 250))) == [(103, 197)]


@pytest.mark.parametrize("size", [64, 480, 1000])
def test_a_speck_far_away_stretches_nothing(size: int) -> None:
    near = size // 8
    head = (near, 2 * near, near, 2 * near)
    speck = (7 * near, 7 * near + near // 8, 7 * near, 7 * near + near // 8)
    assert spans(hair(head, speck, size=size)) == spans(hair(head, size=size))


def test_everyone_in_a_group_has_roots_and_ends() -> None:
    alpha = hair((50, 150, 50, 150), (300, 350, 300, 360), (400, 402, 360, 362))
    found = heads(alpha)
    assert spans(alpha) == [(53, 147), (302, 348)]
    rows, columns = np.array([50, 149, 300, 349, 401]), np.array([100, 100, 330, 330, 361])
    first, last, top, bottom, speck = found.height(rows, columns)
    assert (first, top) == pytest.approx((-0.03, -0.03), abs=0.02)
    assert (last, bottom) == pytest.approx((1.03, 1.03), abs=0.02)
    assert speck > 1.5  # the nearest head's ends


def test_an_arm_across_the_hair_makes_no_second_head() -> None:
    assert spans(hair((50, 150, 50, 150), (162, 300, 50, 150))) == [(57, 293)]
    assert len(spans(hair((50, 150, 50, 150), (250, 300, 50, 150)))) == 2


def test_faint_hair_has_a_head_too() -> None:
    assert spans(hair((100, 200, 50, 250)) * np.float32(0.01)) == [(103, 197)]


@given(st.integers(1, 230), st.integers(1, 230), st.integers(0, 2**32 - 1), st.sampled_from([0.001, 0.1, 1]))
def test_any_hair_has_heads(height: int, width: int, seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    alpha = (rng.random((height, width)) * (rng.random((height, width)) < share)).astype(np.float32)
    alpha[rng.integers(height), rng.integers(width)] = 1
    found = heads(alpha)
    assert found.of.min() >= 0
    assert found.of.max() < len(found.top) == len(found.bottom)
    assert (found.top < found.bottom).all()
    rows, columns = np.nonzero(alpha)
    assert np.isfinite(found.height(rows, columns)).all()
