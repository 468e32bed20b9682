"""Decontamination: composites whose foreground colour is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hairseg.foreground import fill, foreground

# No deadline: a busy machine is no bug.
UNTIMED = settings(deadline=None)

Floats = NDArray[np.float32]


def ramp(height: int = 40, width: int = 64, band: int = 16) -> Floats:
    """(H, W) alpha: 1 at the left, 0 at the right, straight over ``band`` columns in the middle."""
    columns = np.arange(width)
    along = np.clip(0.5 - (columns - width / 2 + 0.5) / band, 0, 1)
    return np.tile(along.astype(np.float32), (height, 1))


def mixed(front: Floats, back: Floats, alpha: Floats) -> NDArray[np.uint8]:
    """The photo of ``front`` over ``back``."""
    return np.round(alpha[..., None] * front + (1 - alpha[..., None]) * back).astype(np.uint8)


def test_red_hair_over_green_is_red_up_to_its_edge() -> None:
    alpha = ramp()
    photo = mixed(np.array([200, 30, 20]), np.array([20, 220, 40]), alpha)
    pure = foreground(photo, alpha)
    partly = (alpha > 0) & (alpha < 1)
    assert np.abs(photo[partly].astype(int) - (200, 30, 20)).mean() > 60
    assert np.abs(pure[partly].astype(int) - (200, 30, 20)).max() <= 4
    np.testing.assert_array_equal(pure[~partly], photo[~partly])


def test_strands_of_two_colours_keep_their_own() -> None:
    alpha = ramp()
    front = np.where((np.arange(40) // 10 % 2 == 0)[:, None, None], [150.0, 90, 50], [70.0, 40, 25])
    front = np.broadcast_to(front, (40, 64, 3)).astype(np.float32)
    photo = mixed(front, np.array([235, 240, 250]), alpha)
    partly = (alpha > 0.5) & (alpha < 1)
    before = np.abs(photo[partly] - front[partly]).mean()
    assert np.abs(foreground(photo, alpha)[partly] - front[partly]).mean() < before / 3


def test_a_thin_strand_without_a_sure_pixel_has_no_background_in_it() -> None:
    alpha = ramp(60, 60)
    alpha[30, 30:58] = 0.5
    photo = mixed(np.array([40, 30, 25]), np.array([230, 230, 240]), alpha)
    assert np.abs(foreground(photo, alpha)[30, 45:55].astype(int) - (40, 30, 25)).max() < 25


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_nothing_partly_transparent_nothing_changed(value: float) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    np.testing.assert_array_equal(foreground(photo, np.full((20, 30), value, np.float32)), photo)


@UNTIMED
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_sure_pixels_of_any_photo_are_its_own(height: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    photo = rng.integers(0, 256, (height, width, 3), np.uint8)
    alpha = np.clip(rng.uniform(-1, 2, (height, width)), 0, 1).astype(np.float32)
    pure = foreground(photo, alpha)
    assert (pure.dtype, pure.shape) == (photo.dtype, photo.shape)
    sure = (alpha == 0) | (alpha == 1)
    np.testing.assert_array_equal(pure[sure], photo[sure])


def test_large_photos_are_estimated_on_a_grid() -> None:
    alpha = ramp(600, 900, 200)
    photo = mixed(np.array([200, 30, 20]), np.array([20, 220, 40]), alpha)
    partly = (alpha > 0) & (alpha < 1)
    assert np.abs(foreground(photo, alpha)[partly].astype(int) - (200, 30, 20)).max() <= 6


def test_fill_keeps_what_is_sure_and_spreads_it() -> None:
    planes = np.zeros((1, 9, 13), np.float32)
    weight = np.zeros((9, 13), np.float32)
    planes[0, 4, 2], weight[4, 2] = 7, 1
    np.testing.assert_allclose(fill(planes, weight), 7, rtol=1e-5)


def test_fill_is_nearer_to_the_nearer_colour() -> None:
    planes, weight = np.zeros((1, 8, 16), np.float32), np.zeros((8, 16), np.float32)
    weight[:, [0, 15]] = 1
    planes[0, :, 15] = 1
    filled = fill(planes, weight)[0, 4]
    assert filled[0] == 0
    assert filled[15] == 1
    assert (np.diff(filled) >= -1e-6).all()
    assert filled[3] < 0.4 < 0.6 < filled[12]


def test_fill_without_any_weight_is_finite() -> None:
    assert np.isfinite(fill(np.ones((2, 5, 6), np.float32), np.zeros((5, 6), np.float32))).all()
