import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hairseg.evaluation.boundary import boundary, boundary_f, near

from .conftest import UNTIMED


def slow_boundary(mask, valid):
    height, width = mask.shape
    out = np.zeros_like(mask)
    for y in range(height):
        for x in range(width):
            sides = [(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)]
            inside = [(a, b) for a, b in sides if 0 <= a < height and 0 <= b < width]
            out[y, x] = mask[y, x] and valid[y, x] and any(valid[s] and not mask[s] for s in inside)
    return out


def slow_boundary_f(mask, truth, tolerance):
    """Every distance between every pair of boundary pixels."""
    valid = truth != 255
    radius = math.ceil(tolerance * math.hypot(*truth.shape))
    a = np.argwhere(slow_boundary(mask, valid))
    b = np.argwhere(slow_boundary(truth == 1, valid))
    if len(a) == 0 or len(b) == 0:
        return float(len(a) == len(b))
    squared = ((a[:, None] - b[None]) ** 2).sum(-1)
    precision = (squared.min(1) <= radius**2).mean()
    recall = (squared.min(0) <= radius**2).mean()
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def blobs(seed, height=23, width=31):
    rng = np.random.default_rng(seed)
    coarse = rng.random((4, 5))
    smooth = np.kron(coarse, np.ones((8, 8)))[:height, :width] + 0.4 * rng.random((height, width))
    return smooth > 0.7


seeds = st.integers(0, 2**32 - 1)


@UNTIMED
@given(seeds, seeds, st.floats(0.01, 0.2))
def test_agrees_with_all_pairs_of_distances(first, second, tolerance):
    mask, truth = blobs(first), blobs(second).astype(np.uint8)
    truth[:3, 5:9] = 255
    assert boundary_f(mask, truth, tolerance) == pytest.approx(slow_boundary_f(mask, truth, tolerance))


@UNTIMED
@given(seeds, seeds)
def test_is_symmetric_and_perfect_on_itself(first, second):
    a, b = blobs(first), blobs(second)
    assert boundary_f(a, b.astype(np.uint8)) == pytest.approx(boundary_f(b, a.astype(np.uint8)))
    assert boundary_f(a, a.astype(np.uint8)) == 1


def test_boundary_of_a_literal_mask_leaves_out_frame_and_ignored():
    mask = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 0, 0], [1, 1, 1, 0, 0], [0, 0, 0, 0, 0]], bool)
    valid = np.ones_like(mask)
    valid[1, 3] = False
    expected = np.array([[0, 0, 1, 0, 0], [0, 0, 0, 0, 0], [1, 1, 1, 0, 0], [0, 0, 0, 0, 0]], bool)
    assert np.array_equal(boundary(mask, valid), expected)


@pytest.mark.parametrize("radius", [1, 2, 3, 5, 7.5])
def test_near_reaches_exactly_a_disk(radius):
    others = np.zeros((25, 25), bool)
    others[12, 12] = True
    reached = near(np.ones_like(others), others, radius).reshape(25, 25)
    y, x = np.mgrid[-12:13, -12:13]
    assert np.array_equal(reached, y**2 + x**2 <= radius**2)


def test_a_shift_inside_the_tolerance_is_free_and_one_beyond_is_not():
    truth = np.zeros((300, 400), np.uint8)  # diagonal 500, radius 3.75, rounded up
    truth[100:200, 100:200] = 1
    assert boundary_f(np.roll(truth, 4, axis=0) == 1, truth) == 1
    assert boundary_f(np.roll(truth, 5, axis=0) == 1, truth) < 0.6


def test_empty_masks():
    empty, full = np.zeros((9, 9), np.uint8), np.zeros((9, 9), np.uint8)
    full[3:6, 3:6] = 1
    assert boundary_f(empty == 1, empty) == 1
    assert boundary_f(full == 1, empty) == boundary_f(empty == 1, full) == 0
