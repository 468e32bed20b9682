from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from hairseg import steady
from hairseg.errors import UsageError
from hairseg.steady import Steady, blend, coarser, difference, exposure_change, finer, is_cut, keeping

Floats = NDArray[np.float32]
Canvas = NDArray[np.uint8]
RATE = 30


def flicker(frames: list[Floats]) -> float:
    """Mean change of probability from frame to frame."""
    return float(np.mean([np.abs(after - before).mean() for before, after in pairwise(frames)]))


def smoothed(canvases: list[Canvas], probabilities: list[Floats], memory: float = 0.2) -> list[Floats]:
    steadied = Steady(memory)
    return [steadied(canvas, p, 1 / RATE) for canvas, p in zip(canvases, probabilities, strict=True)]


def scene(left: int, *, noise: int = 0, seed: int = 0) -> Canvas:
    """(64, 96, 3): a dark square of 32 pixels before a light wall, seen by a sensor with noise."""
    canvas = np.full((64, 96, 3), 200, np.uint8)
    canvas[16:48, left : left + 32] = 40
    if noise:
        rng = np.random.default_rng(seed)
        canvas = (canvas + rng.integers(-noise, noise + 1, canvas.shape)).astype(np.uint8)
    return canvas


def exact(left: int) -> Floats:
    """What a perfect network says of :func:`scene`."""
    probability = np.zeros((64, 96), np.float32)
    probability[16:48, left : left + 32] = 1
    return probability


def test_a_still_scene_flickers_much_less() -> None:
    rng = np.random.default_rng(0)
    canvases = [scene(30, noise=4, seed=index) for index in range(40)]
    raw = [np.clip(exact(30) + rng.normal(0, 0.2, (64, 96)), 0, 1).astype(np.float32) for _ in canvases]
    steadied = smoothed(canvases, raw)
    # Exponential smoothing with weight k leaves (1 - k) / (1 + k) of the variance; k is exp(-1/6) here.
    assert flicker(steadied[10:]) < 0.2 * flicker(raw[10:])
    wrong = [((frame > 0.5) != (exact(30) > 0.5)).sum() for frame in (raw[-1], steadied[-1])]
    assert wrong[1] < 0.1 * wrong[0]


def test_a_dropout_of_one_frame_is_bridged() -> None:
    raw = [exact(30)] * 10 + [np.zeros((64, 96), np.float32)] + [exact(30)] * 5
    steadied = smoothed([scene(30)] * 16, raw)
    assert ((steadied[10] > 0.5) == (exact(30) > 0.5)).all()


@pytest.mark.parametrize("speed", [1, 2, 5])
def test_a_moving_head_neither_lags_nor_smears(speed: int) -> None:
    lefts = [4 + speed * index for index in range(12)]
    canvases = [scene(left, noise=2, seed=left) for left in lefts]
    steadied = smoothed(canvases, [exact(left) for left in lefts])
    for left, probability in zip(lefts, steadied, strict=True):
        assert ((probability > 0.5) != (exact(left) > 0.5)).mean() < 0.002
        assert np.abs(probability - exact(left)).max() < 0.5


def test_slow_motion_adds_up() -> None:
    # Half a pixel a frame: each frame differs little from the one before.
    lefts = [4 + index // 2 for index in range(60)]
    canvases = [scene(left, noise=2, seed=index) for index, left in enumerate(lefts)]
    last = smoothed(canvases, [exact(left) for left in lefts])[-1]
    wrong = (last > 0.5) != (exact(lefts[-1]) > 0.5)
    assert wrong.sum() <= 2 * 32  # at most a column on either side


def test_a_new_scene_begins_anew() -> None:
    first, second = np.full((64, 96, 3), 40, np.uint8), np.full((64, 96, 3), 200, np.uint8)
    second[:8] = 40  # what happens to look alike is no more the same thing
    sure, none = np.ones((64, 96), np.float32), np.zeros((64, 96), np.float32)
    steadied = smoothed([first] * 5 + [second], [sure] * 5 + [none])
    assert steadied[-1].max() == 0


def test_a_lamp_is_no_motion() -> None:
    canvases = [scene(30)] * 8 + [np.minimum(scene(30).astype(int) + 20, 255).astype(np.uint8)]
    raw = [exact(30)] * 8 + [np.zeros((64, 96), np.float32)]
    assert smoothed(canvases, raw)[-1][32, 46] > 0.5


def test_a_pause_and_another_size_begin_anew() -> None:
    sure, none = np.ones((64, 96), np.float32), np.zeros((64, 96), np.float32)
    steadied = Steady()
    steadied(scene(30), sure, 0)
    assert steadied(scene(30), none, steady.GAP + 0.1).max() == 0
    steadied(scene(30), sure, 0)
    assert steadied(scene(30)[:32], none[:32], 0.03).max() == 0


def test_no_memory_changes_nothing() -> None:
    rng = np.random.default_rng(0)
    raw = [rng.random((64, 96), np.float32) for _ in range(5)]
    for before, after in zip(raw, smoothed([scene(30)] * 5, raw, memory=0), strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("memory", [-1, math.nan, math.inf])
def test_wrong_memory(memory: float) -> None:
    with pytest.raises(UsageError, match="use 0 or more"):
        Steady(memory)


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 40), st.floats(0, 2))
def test_probabilities_stay_in_range(seed: int, height: int, width: int, elapsed: float) -> None:
    rng = np.random.default_rng(seed)
    steadied = Steady()
    for _ in range(3):
        canvas = rng.integers(0, 256, (height, width, 3), np.uint8)
        found = steadied(canvas, rng.random((height, width), np.float32), elapsed)
        assert found.shape == (height, width)
        assert found.dtype == np.float32
        assert found.min() >= 0
        assert found.max() <= 1


def test_difference_is_the_root_mean_square_of_a_window() -> None:
    past = np.zeros((9, 9, 3), np.float32)
    photo = past.copy()
    photo[4, 4] = 30
    found = difference(photo, past)
    np.testing.assert_allclose(found[2:7, 2:7], 30 / 5, rtol=1e-5)  # one pixel of 25
    assert found[1, 4] == 0
    photo[0, 0] = 30
    np.testing.assert_allclose(difference(photo, past)[0, 0], 30 / 3, rtol=1e-5)  # one of the 9 inside


def test_exposure_change_is_that_of_most_pixels() -> None:
    past = np.zeros((80, 80, 3), np.float32)
    photo = past + np.float32([3, 4, 5])
    photo[:24] = 200
    np.testing.assert_array_equal(exposure_change(photo, past), [3, 4, 5])
    assert exposure_change(photo + 100, past).max() == steady.EXPOSURE


def test_keeping_falls_with_difference_and_time() -> None:
    differing = np.array([[0, steady.SAME, (steady.SAME + steady.OTHER) / 2, steady.OTHER, 99]], np.float32)
    most = math.exp(-0.5)
    np.testing.assert_allclose(keeping(differing, 0.1, 0.2), [[most, most, most / 2, 0, 0]], rtol=1e-5)
    assert not keeping(differing, 0.1, 0).any()


def test_is_cut() -> None:
    differing = np.zeros((10, 10), np.float32)
    differing[:6] = steady.OTHER
    assert not is_cut(differing)
    differing[:7] = steady.OTHER
    assert is_cut(differing)


def test_blend() -> None:
    past, new = np.zeros((1, 3), np.float32), np.ones((1, 3), np.float32)
    np.testing.assert_array_equal(blend(past, new, np.array([[0, 0.25, 1]], np.float32)), [[1, 0.75, 0]])


@pytest.mark.parametrize("shape", [(4, 6), (5, 7), (1, 1)])
def test_coarser_and_finer_fit(shape: tuple[int, int]) -> None:
    photo = coarser(np.full((*shape, 3), 9, np.uint8))
    assert photo.shape == (-(-shape[0] // 2), -(-shape[1] // 2), 3)
    assert (photo == 9).all()
    keep = finer(np.full(photo.shape[:2], 0.5, np.float32), shape)
    np.testing.assert_array_equal(keep, np.full(shape, 0.5))
