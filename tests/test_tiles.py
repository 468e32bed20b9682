"""Tiles: gathering, scattering and interpolation against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hairseg.tiles import Tiles, at_points

# No deadline: a busy machine is no bug.
UNTIMED = settings(deadline=None)


def test_a_tile_is_the_square_below_and_right_of_its_point() -> None:
    pixels = np.arange(48).reshape(6, 8)
    chosen = np.zeros(at_points(pixels, 2).shape, bool)
    chosen[1, 3] = True
    assert Tiles.where(chosen, 2).gather(pixels).tolist() == [[[22, 23], [30, 31]]]


def test_colour_tiles_have_their_channels_first() -> None:
    pixels = np.arange(4 * 4 * 3).reshape(4, 4, 3)
    tiles = Tiles.where(np.ones((2, 2), bool), 2).gather(pixels)
    assert tiles.shape == (4, 3, 2, 2)
    np.testing.assert_array_equal(tiles[3, 1], pixels[2:, 2:, 1])


@UNTIMED
@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 7))
def test_scatter_undoes_gather_and_all_tiles_cover_the_photo(height: int, width: int, step: int) -> None:
    step = min(step, height, width)
    pixels = np.random.default_rng(0).random((height, width, 3)).astype(np.float32)
    tiles = Tiles.where(np.ones(at_points(pixels, step).shape[:2], bool), step)
    copy = np.full_like(pixels, np.nan)
    tiles.scatter(tiles.gather(pixels), copy)
    np.testing.assert_array_equal(copy, pixels)


def test_scatter_leaves_other_tiles_alone() -> None:
    pixels = np.zeros((6, 6), np.float32)
    chosen = np.zeros((3, 3), bool)
    chosen[0, 2] = True
    Tiles.where(chosen, 2).scatter(np.ones((1, 2, 2), np.float32), pixels)
    assert pixels.sum() == 4
    assert (pixels[:2, 4:] == 1).all()


def test_interpolation_is_bilinear_between_the_corners() -> None:
    grid = np.array([[[0, 4, 8], [8, 12, 16]]], np.float32)
    chosen = np.array([[True, False, True], [False, False, False]])
    first, last = Tiles.where(chosen, 4).interpolate(grid)[0]
    rows, columns = np.mgrid[:4, :4]
    np.testing.assert_allclose(first, columns + 2 * rows)
    # The last column has no corner to its right: its own value continues.
    np.testing.assert_allclose(last, 8 + 2 * rows)


@UNTIMED
@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 7))
def test_tiles_apart_share_no_pixel(height: int, width: int, step: int) -> None:
    step = min(step, height, width)
    seen = np.zeros((height, width), int)
    apart, over = Tiles.where(np.ones(at_points(seen, step).shape, bool), step).apart(seen)
    for row, column in zip(apart.rows, apart.columns, strict=True):
        seen[row * step : (row + 1) * step, column * step : (column + 1) * step] += 1
    assert seen.max(initial=0) <= 1
    assert seen.sum() == len(apart) * step**2
    assert len(apart) + len(over) == at_points(seen, step).size
    assert (len(over) == 0) == (height % step == 0 and width % step == 0)


@pytest.mark.parametrize(("pixels", "sizes"), [(1, [1] * 5), (8, [2, 2, 1]), (1000, [5])])
def test_parts_are_bounded_and_complete(pixels: int, sizes: list[int]) -> None:
    tiles = Tiles.where(np.ones((1, 5), bool), 2)
    parts = list(tiles.parts(pixels))
    assert [len(part) for part in parts] == sizes
    np.testing.assert_array_equal(np.concatenate([part.columns for part in parts]), tiles.columns)


def test_no_tiles_have_no_parts() -> None:
    assert list(Tiles.where(np.zeros((2, 2), bool), 2).parts(8)) == []
