"""Colours: OKLab against its published formulas in float64, names, and the readout."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hairseg.color import (
    FANTASY,
    NATURAL,
    SWATCHES,
    from_linear,
    from_oklab,
    hair_color,
    nearest_swatch,
    oklab_pixels,
    oklab_planes,
    parse_color,
    to_hex,
    to_linear,
    to_oklab,
    weighted_quantile,
)
from hairseg.errors import UsageError

# No deadline: a busy machine is no bug.
UNTIMED = settings(deadline=None)

LEVEL = st.integers(0, 255)
COLOUR = st.tuples(LEVEL, LEVEL, LEVEL)


def oklab_float64(rgb: tuple[int, int, int]) -> NDArray[np.float64]:
    """OKLab by the formulas of the web page, one scalar at a time, in float64."""

    def linear(level: int) -> float:
        share = level / 255
        return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4

    r, g, b = map(linear, rgb)
    cone_l = (0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b) ** (1 / 3)
    cone_m = (0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b) ** (1 / 3)
    cone_s = (0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b) ** (1 / 3)
    return np.array(
        [
            0.2104542553 * cone_l + 0.7936177850 * cone_m - 0.0040720468 * cone_s,
            1.9779984951 * cone_l - 2.4285922050 * cone_m + 0.4505937099 * cone_s,
            0.0259040371 * cone_l + 0.7827717662 * cone_m - 0.8086757660 * cone_s,
        ]
    )


@UNTIMED
@given(COLOUR)
def test_oklab_is_the_published_formula(rgb: tuple[int, int, int]) -> None:
    np.testing.assert_allclose(to_oklab(np.array(rgb, np.uint8)), oklab_float64(rgb), atol=2e-5)


def test_two_pixels_have_a_colour() -> None:
    """Both are the darkest and the brightest tenth, which are left out elsewhere."""
    photo = np.array([[[60, 40, 30], [80, 50, 40]]], np.uint8)
    assert hair_color(photo, np.ones((1, 2), np.float32)) is not None


def test_oklab_of_known_colours() -> None:
    known = np.array([[255, 255, 255], [0, 0, 0], [255, 0, 0], [0, 255, 0], [0, 0, 255]], np.uint8)
    # To three digits, as listed by colorjs.io.
    expected = [[1, 0, 0], [0, 0, 0], [0.628, 0.225, 0.126], [0.866, -0.234, 0.179], [0.452, -0.032, -0.312]]
    np.testing.assert_allclose(to_oklab(known), expected, atol=6e-4)


def test_oklab_round_trip_of_all_sampled_colours() -> None:
    steps = np.arange(0, 256, 5)
    grid = np.stack(np.meshgrid(steps, steps, steps), axis=-1).astype(np.uint8)
    back = from_oklab(to_oklab(grid))
    assert back.dtype == np.uint8
    assert np.abs(back.astype(int) - grid).max() <= 1


@UNTIMED
@given(COLOUR)
def test_oklab_round_trip(rgb: tuple[int, int, int]) -> None:
    assert np.abs(from_oklab(to_oklab(np.array(rgb, np.uint8))).astype(int) - rgb).max() <= 1


def test_planes_are_the_same_as_interleaved(rng: np.random.Generator) -> None:
    pixels = rng.integers(0, 256, (5, 7, 3), np.uint8)
    planes = oklab_planes(pixels)
    np.testing.assert_array_equal(np.stack(planes, axis=-1), to_oklab(pixels))
    np.testing.assert_array_equal(oklab_pixels(*planes), from_oklab(to_oklab(pixels)))


@UNTIMED
@given(st.floats(0, 1), st.floats(0, 0.5), st.floats(0, 2 * np.pi))
def test_a_colour_outside_srgb_keeps_its_lightness(lightness: float, chroma: float, hue: float) -> None:
    lab = np.array([lightness, chroma * np.cos(hue), chroma * np.sin(hue)], np.float32)
    shown = to_oklab(from_oklab(lab))
    # Clipping channel by channel would be off by up to 0.3.
    assert abs(shown[0] - lightness) < 0.12
    assert np.hypot(*shown[1:]) <= chroma + 0.02


@UNTIMED
@given(LEVEL)
def test_linear_light_round_trip(level: int) -> None:
    levels = np.array([level], np.uint8)
    assert from_linear(to_linear(levels)) == levels


def test_linear_light_is_clipped() -> None:
    assert from_linear(np.array([-1.0, 2.0], np.float32)).tolist() == [0, 255]


@pytest.mark.parametrize(
    ("written", "rgb"),
    [
        ("#abc", (170, 187, 204)),
        ("#7A3b1d", (122, 59, 29)),
        (" rebeccapurple ", (102, 51, 153)),
        ("rgb(1, 2, 3)", (1, 2, 3)),
        ("Honey_Blonde", parse_color(SWATCHES["honey blonde"])),
        ("honey-blonde", parse_color(SWATCHES["honey blonde"])),
        ("dark  gray", parse_color(SWATCHES["dark grey"])),
        ("blue", parse_color(SWATCHES["blue"])),
        ((1, 2, 3), (1, 2, 3)),
    ],
)
def test_colours_that_a_person_writes(written: str | tuple[int, int, int], rgb: tuple[int, int, int]) -> None:
    assert parse_color(written) == rgb


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("honey blond", "did you mean 'honey blonde'"),
        ("chesnut", "did you mean 'chestnut'"),
        ("rebecapurple", "did you mean 'rebeccapurple'"),
        ("#12345", "use '#rrggbb'"),
        ("", "use '#rrggbb'"),
        ("zzzzzzzz", "copper"),
        ((1, 2), "three whole levels"),
        (None, "three whole levels"),
        (7, "three whole levels"),
        (("a", "b", "c"), "three whole levels"),
        ((float("nan"), 0, 0), "three whole levels"),
        ((1, 2, 256), "three whole levels"),
        ((0.5, 0.5, 0.5), "three whole levels"),
    ],
)
def test_what_is_no_colour_says_what_is(written: str, hint: str) -> None:
    with pytest.raises(UsageError, match=hint) as raised:
        parse_color(written)
    assert repr(written) in str(raised.value)


@UNTIMED
@given(COLOUR)
def test_hex_and_back(rgb: tuple[int, int, int]) -> None:
    assert parse_color(to_hex(rgb)) == rgb


def test_swatches_are_told_apart() -> None:
    assert set(SWATCHES) == set(NATURAL) | set(FANTASY)
    lab = {name: to_oklab(np.array(parse_color(name), np.uint8)) for name in SWATCHES}
    names = list(lab)
    for index, name in enumerate(names):
        for other in names[index + 1 :]:
            assert np.linalg.norm(lab[name] - lab[other]) > 0.035, (name, other)


@pytest.mark.parametrize("name", FANTASY)
def test_a_fantasy_swatch_is_named_after_itself(name: str) -> None:
    assert nearest_swatch(to_oklab(np.array(parse_color(name), np.uint8))) == name


@pytest.mark.parametrize(
    ("pixel", "name"),
    [
        ((32, 26, 24), "black"),
        ((62, 44, 36), "dark brown"),
        ((92, 68, 52), "brown"),
        ((150, 118, 88), "dark blonde"),
        ((200, 164, 118), "honey blonde"),
        ((174, 82, 40), "copper"),
        ((120, 119, 118), "grey"),
        ((224, 223, 221), "white"),
    ],
)
def test_hair_is_called_what_a_person_calls_it(pixel: tuple[int, int, int], name: str) -> None:
    photo = np.full((20, 20, 3), pixel, np.uint8)
    color = hair_color(photo, np.ones((20, 20), np.float32))
    assert color is not None
    assert (color.name, color.hex) == (name, to_hex(pixel))


def test_the_readout_ignores_glare_gaps_and_what_is_not_hair(rng: np.random.Generator) -> None:
    photo = np.full((60, 60, 3), (0, 255, 0), np.uint8)
    alpha = np.zeros((60, 60), np.float32)
    alpha[10:50, 10:50] = 1
    photo[10:50, 10:50] = np.clip(rng.normal((120, 60, 40), 4, (40, 40, 3)), 0, 255)
    photo[12:15, 10:50] = 250
    photo[40:43, 10:50] = 2
    photo[9, 10:50], alpha[9, 10:50] = (200, 200, 200), 0.4
    color = hair_color(photo, alpha)
    assert color is not None
    assert np.abs(np.array(parse_color(color.hex)) - (120, 60, 40)).max() <= 3
    lab = oklab_float64((120, 60, 40))
    assert color.lightness == pytest.approx(lab[0], abs=0.01)
    assert color.chroma == pytest.approx(np.hypot(lab[1], lab[2]), abs=0.01)
    assert color.hue == pytest.approx(np.degrees(np.arctan2(lab[2], lab[1])), abs=3)


@pytest.mark.parametrize("value", [0.0, 0.4])
def test_no_hair_has_no_colour(value: float) -> None:
    photo = np.full((30, 30, 3), 90, np.uint8)
    assert hair_color(photo, np.full((30, 30), value, np.float32)) is None


def test_an_uncertain_head_has_a_colour() -> None:
    photo = np.full((30, 30, 3), (92, 68, 52), np.uint8)
    color = hair_color(photo, np.full((30, 30), 0.7, np.float32))
    assert color is not None
    assert color.name == "brown"


def test_the_readout_of_a_large_photo_samples_it() -> None:
    photo = np.full((900, 1200, 3), (92, 68, 52), np.uint8)
    alpha = np.zeros((900, 1200), np.float32)
    alpha[300:600, 300:900] = 1
    color = hair_color(photo, alpha)
    assert color is not None
    assert color.name == "brown"


def test_weighted_quantile() -> None:
    values = np.array([3.0, 1.0, 2.0], np.float32)
    assert weighted_quantile(values, np.ones(3, np.float32), 0.5) == 2.0
    assert weighted_quantile(values, np.array([8.0, 1.0, 1.0], np.float32), 0.5) == 3.0
    assert weighted_quantile(values, np.ones(3, np.float32), 1.0) == 3.0


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)
