from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from hairseg.errors import UsageError
from hairseg.fit import LONGEST_SIDE, SHORTEST_SIDE, Fit, fit, unfit

ASTRONAUT = Path(__file__).parent.parent / "samples" / "astronaut.jpg"

sides = st.integers(1, 300)
hows = st.builds(
    Fit,
    mode=st.sampled_from(["area", "square"]),
    size=st.integers(SHORTEST_SIDE, 256),
    multiple=st.sampled_from([1, 8, 32]),
    enlarge=st.just(1.0) | st.floats(0, 1),
)


@given(hows, sides, sides)
def test_fit_then_unfit_gives_the_size_back(how: Fit, height: int, width: int) -> None:
    canvas = fit(np.zeros((height, width, 3), np.uint8), how)
    assert canvas.shape == (*how.canvas_size(height, width), 3)
    assert canvas.dtype == np.uint8
    back = unfit(np.zeros(canvas.shape[:2], np.float32), height, width)
    assert back.shape == (height, width)
    assert back.dtype == np.float32


@given(hows, st.integers(1, 100_000), st.integers(1, 100_000))
def test_sides_divide_and_stay_in_range(how: Fit, height: int, width: int) -> None:
    for side in how.canvas_size(height, width):
        assert side % how.multiple == 0
        assert SHORTEST_SIDE - how.multiple / 2 <= side <= LONGEST_SIDE + how.multiple / 2


@given(st.integers(64, 1024), st.floats(1 / 3, 3), st.integers(100, 8000))
def test_area_keeps_the_area_and_the_proportions(size: int, ratio: float, width: int) -> None:
    height = max(1, round(width * ratio))
    how = Fit("area", size, 32)
    tall, wide = how.canvas_size(height, width)
    exact = size * math.sqrt(height / width), size / math.sqrt(height / width)
    if min(exact) < SHORTEST_SIDE:
        return  # strips are made wider on purpose
    # Rounding moves each side by half a multiple at most.
    assert abs(tall - exact[0]) <= 16
    assert abs(wide - exact[1]) <= 16
    assert math.isclose(tall * wide, size * size, rel_tol=16 * sum(1 / side for side in exact) + 0.07)


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [(1000, 1000, (384, 384)), (1333, 1000, (448, 320)), (600, 900, (320, 480)), (10, 10_000, (64, 2048))],
)
def test_canvas_of_usual_photos(height: int, width: int, expected: tuple[int, int]) -> None:
    assert Fit("area", 384, 32).canvas_size(height, width) == expected


@pytest.mark.parametrize(
    ("enlarge", "height", "width", "expected"),
    [
        (0.5, 1000, 1000, (416, 416)),
        (0.5, 416, 416, (416, 416)),
        (0.5, 104, 104, (192, 192)),  # 208, and 6.5 multiples are rounded to the even 6
        (0.5, 256, 256, (320, 320)),  # 326.3
        (0.5, 52, 208, (96, 416)),  # of the area of 104 x 104: 104 and 416
        (0.0, 256, 256, (256, 256)),
        (0.0, 20, 30, (64, 64)),
        (1.0, 20, 30, (352, 512)),
    ],
)
def test_small_photos_are_enlarged_as_far_as_asked(
    enlarge: float, height: int, width: int, expected: tuple[int, int]
) -> None:
    assert Fit("area", 416, 32, enlarge).canvas_size(height, width) == expected


@given(st.integers(64, 512), st.floats(0, 1), st.floats(0, 1), st.integers(1, 3000), st.integers(1, 3000))
def test_less_enlarging_makes_smaller_canvases_of_small_photos_alone(
    size: int, one: float, other: float, height: int, width: int
) -> None:
    less, more, full = (
        Fit("area", size, 1, enlarge).canvas_size(height, width)
        for enlarge in (min(one, other), max(one, other), 1.0)
    )
    assert all(a <= b <= c for a, b, c in zip(less, more, full, strict=True))
    if size**2 <= height * width:
        assert less == full


@pytest.mark.parametrize("how", [Fit("area", 384, 32), Fit("square", 473, 1), Fit("area", 416, 32, 0.5)])
def test_a_fit_is_described_by_what_makes_it(how: Fit) -> None:
    assert Fit(**how.described()) == how
    assert ("enlarge" in how.described()) == (how.enlarge != 1)


def test_square_stretches() -> None:
    assert Fit("square", 473, 1).canvas_size(100, 900) == (473, 473)


@given(hows, sides, sides, st.integers(0, 255))
def test_constants_stay_constant(how: Fit, height: int, width: int, level: int) -> None:
    canvas = fit(np.full((height, width, 3), level, np.uint8), how)
    assert (canvas == level).all()
    probability = np.full(canvas.shape[:2], level / 255, np.float32)
    np.testing.assert_allclose(unfit(probability, height, width), level / 255, atol=1e-6)


@given(st.integers(0, 2**32 - 1), sides, sides)
def test_probabilities_stay_in_range(seed: int, height: int, width: int) -> None:
    probability = np.random.default_rng(seed).random((64, 96), np.float32)
    back = unfit(probability, height, width)
    assert back.min() >= probability.min() - 1e-6
    assert back.max() <= probability.max() + 1e-6


@pytest.mark.parametrize("shape", [(40, 50), (64, 64), (200, 250)])
def test_fit_is_pillows_bilinear_filter(shape: tuple[int, int]) -> None:
    photo = np.random.default_rng(3).integers(0, 256, (*shape, 3), np.uint8)
    how = Fit("area", 128, 32)
    height, width = how.canvas_size(*shape)
    expected = Image.fromarray(photo).resize((width, height), Image.Resampling.BILINEAR)
    difference = np.abs(fit(photo, how).astype(int) - np.asarray(expected))
    assert difference.max() <= 1


@pytest.mark.parametrize("side", [400, 512])
def test_boxes_before_the_filter_hardly_change_a_large_photo(side: int) -> None:
    photo = Image.open(ASTRONAUT).convert("RGB").resize((side, side), Image.Resampling.LANCZOS)
    expected = np.asarray(photo.resize((128, 128), Image.Resampling.BILINEAR))
    difference = np.abs(fit(np.asarray(photo), Fit("area", 128, 32)).astype(int) - expected)
    assert 0 < difference.mean() < 1.5
    assert np.percentile(difference, 99) <= 10


def test_nothing_is_resampled_where_the_size_fits() -> None:
    photo = np.random.default_rng(4).integers(0, 256, (64, 96, 3), np.uint8)
    assert fit(photo, Fit("area", 78, 32)) is photo
    probability = np.zeros((64, 96), np.float32)
    assert unfit(probability, 64, 96) is probability


def test_photo_and_probability_lie_on_each_other() -> None:
    # A white square in the middle of its photo is found again where it was.
    photo = np.zeros((120, 200, 3), np.uint8)
    photo[30:90, 60:140] = 255
    canvas = fit(photo, Fit("area", 128, 32))
    back = unfit((canvas[..., 0] / 255).astype(np.float32), 120, 200) >= 0.5
    found = np.argwhere(back)
    np.testing.assert_allclose(found.min(axis=0), [30, 60], atol=1)
    np.testing.assert_allclose(found.max(axis=0), [89, 139], atol=1)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"mode": "round"}, "fit mode 'round' is unknown: use one of area, square"),
        ({"size": 63}, "canvas size 63"),
        ({"size": 5000}, "canvas size 5000"),
        ({"multiple": 0}, "multiple 0"),
        ({"enlarge": 1.5}, "fit enlarge 1.5 is out of range: use a number from 0 to 1"),
        ({"enlarge": math.nan}, "fit enlarge nan"),
    ],
)
def test_wrong_settings_are_named(options: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Fit(**options)  # type: ignore[arg-type]
