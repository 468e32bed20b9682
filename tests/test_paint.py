"""Overlay, cutout, recolour: what is promised of every pixel, on toys and on any photo."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hairseg.color import SWATCHES, parse_color, to_oklab
from hairseg.errors import UsageError
from hairseg.paint import cutout, overlay, recolor

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]
Call = Callable[[Pixels, Floats], Pixels]

# No deadline: a busy machine is no bug.
FEW = settings(max_examples=40, deadline=None)
NAMES = st.sampled_from([*SWATCHES, "#e5484d", "rebeccapurple", (1, 2, 3)])


@st.composite
def photos_with_hair(draw: st.DrawFn) -> tuple[Pixels, Floats]:
    """Any small photo and an alpha with all of 0, between and 1 in it, or only one of them."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    height, width = draw(st.integers(1, 24)), draw(st.integers(1, 24))
    photo = rng.integers(0, 256, (height, width, 3), np.uint8)
    low, high = draw(st.sampled_from([(-1, 2), (-1, 0), (1, 2), (0, 1), (-0.2, 0.3)]))
    return photo, np.clip(rng.uniform(low, high, (height, width)), 0, 1).astype(np.float32)


def head(lightness: float, spread: float = 0.06, size: int = 64) -> tuple[Pixels, Floats]:
    """Vertical strands of grey-brown hair of this OKLab lightness in the middle, on blue."""
    rng = np.random.default_rng(3)
    photo = np.full((size, size, 3), (60, 90, 200), np.uint8)
    strands = np.clip(lightness + spread * rng.standard_normal(size - 20), 0.02, 0.97)
    level = np.round(
        255 * (np.where(strands > 0.2, 1.055 * strands ** (3 / 2.4) - 0.055, strands**3 * 12.92))
    )
    photo[10:-10, 10:-10] = np.clip(level, 0, 255).astype(np.uint8)[None, :, None]
    alpha = np.zeros((size, size), np.float32)
    alpha[10:-10, 10:-10] = 1
    alpha[10:-10, 9] = 0.5
    return photo, alpha


def lab_of(photo: Pixels, alpha: Floats) -> Floats:
    """(N, 3) OKLab of the pixels that are wholly hair."""
    return to_oklab(photo[alpha == 1])


@FEW
@given(photos_with_hair(), NAMES, st.floats(0, 1))
def test_overlay_changes_nothing_outside_and_mixes_inside(
    given_photo: tuple[Pixels, Floats], color: str, strength: float
) -> None:
    photo, alpha = given_photo
    shown = overlay(photo, alpha, color, strength)
    assert (shown.dtype, shown.shape) == (np.uint8, photo.shape)
    np.testing.assert_array_equal(shown[alpha == 0], photo[alpha == 0])
    share = (alpha.astype(np.float64) * strength)[..., None]
    expected = photo + (np.array(parse_color(color)) - photo.astype(np.float64)) * share
    assert np.abs(shown - expected).max() <= 0.51


def test_overlay_of_a_literal_photo() -> None:
    photo = np.array([[[0, 0, 0], [100, 100, 100], [200, 200, 200]]], np.uint8)
    alpha = np.array([[1, 0.5, 0]], np.float32)
    shown = overlay(photo, alpha, "#640000", strength=1.0)
    assert shown.tolist() == [[[100, 0, 0], [100, 50, 50], [200, 200, 200]]]


@FEW
@given(photos_with_hair())
def test_cutout_is_the_photo_with_its_alpha(given_photo: tuple[Pixels, Floats]) -> None:
    photo, alpha = given_photo
    rgba = cutout(photo, alpha)
    assert (rgba.dtype, rgba.shape) == (np.uint8, (*alpha.shape, 4))
    assert np.abs(rgba[..., 3] - alpha * 255.0).max() <= 0.501
    np.testing.assert_array_equal(rgba[alpha == 1][:, :3], photo[alpha == 1])
    assert not rgba[rgba[..., 3] == 0].any()


def test_a_cutout_of_red_hair_over_green_shows_no_green_on_any_background() -> None:
    alpha = np.tile(np.clip(np.linspace(1.6, -0.6, 60), 0, 1).astype(np.float32), (40, 1))
    red, green = np.array([180.0, 40, 30]), np.array([30.0, 200, 60])
    photo = np.round(alpha[..., None] * red + (1 - alpha[..., None]) * green).astype(np.uint8)
    rgba = cutout(photo, alpha).astype(np.float64)
    for background in ((0, 0, 0), (255, 255, 255), (0, 177, 64)):
        share = rgba[..., 3:] / 255
        laid = rgba[..., :3] * share + np.array(background) * (1 - share)
        true = alpha[..., None] * red + (1 - alpha[..., None]) * background
        with_halo = alpha[..., None] * photo + (1 - alpha[..., None]) * background
        assert np.abs(laid - true).max() < 4
        assert np.abs(with_halo - true).max() > 30


@FEW
@given(photos_with_hair(), NAMES, st.none() | NAMES, st.floats(0, 1), st.floats(0, 1))
def test_recolor_changes_nothing_outside(
    given_photo: tuple[Pixels, Floats], color: str, tips: str | None, strength: float, lift: float
) -> None:
    photo, alpha = given_photo
    before = photo.copy()
    dyed = recolor(photo, alpha, color, strength, tips=tips, lift=lift)
    assert (dyed.dtype, dyed.shape) == (np.uint8, photo.shape)
    np.testing.assert_array_equal(dyed[alpha == 0], photo[alpha == 0])
    np.testing.assert_array_equal(photo, before)
    assert not np.shares_memory(dyed, photo)


@FEW
@given(photos_with_hair(), NAMES, st.none() | NAMES)
def test_no_strength_is_the_photo(given_photo: tuple[Pixels, Floats], color: str, tips: str | None) -> None:
    photo, alpha = given_photo
    np.testing.assert_array_equal(recolor(photo, alpha, color, 0.0, tips=tips), photo)


@pytest.mark.parametrize("target", ["black", "chestnut", "honey blonde", "platinum", "blue", "pink", "grey"])
@pytest.mark.parametrize("lightness", [0.18, 0.35, 0.6, 0.82])
def test_hair_of_any_lightness_gets_the_colour(lightness: float, target: str) -> None:
    photo, alpha = head(lightness)
    median = np.median(lab_of(recolor(photo, alpha, target), alpha), axis=0)
    wanted = to_oklab(np.array(parse_color(target), np.uint8))
    assert median[0] == pytest.approx(wanted[0], abs=0.03)
    assert np.linalg.norm(median[1:] - wanted[1:]) < 0.03


@pytest.mark.parametrize("target", ["black", "honey blonde", "violet"])
@pytest.mark.parametrize("lightness", [0.2, 0.5, 0.8])
def test_lighter_strands_stay_lighter(lightness: float, target: str) -> None:
    photo, alpha = head(lightness)
    old, new = lab_of(photo, alpha)[:, 0], lab_of(recolor(photo, alpha, target), alpha)[:, 0]
    order = np.argsort(old)
    # One level of rounding is up to 0.02 in the darkest colours.
    assert (np.diff(new[order]) > -0.02).all()
    assert np.corrcoef(old, new)[0, 1] > 0.85


def test_black_hair_turned_blonde_has_visible_strands_in_many_tones() -> None:
    photo, alpha = head(0.2, 0.05)
    blonde = recolor(photo, alpha, "honey blonde")
    strands = np.unique(lab_of(blonde, alpha)[:, 0])
    assert np.ptp(strands) > 0.12
    assert len(strands) >= len(np.unique(lab_of(photo, alpha)[:, 0])) - 1


def test_strength_goes_all_the_way_without_turning_back() -> None:
    photo, alpha = head(0.25)
    wanted = to_oklab(np.array(parse_color("copper"), np.uint8))
    dyed = [lab_of(recolor(photo, alpha, "copper", strength), alpha) for strength in (0, 0.25, 0.5, 0.75, 1)]
    distances = [float(np.linalg.norm(np.median(lab, axis=0) - wanted)) for lab in dyed]
    assert distances == sorted(distances, reverse=True)
    assert distances[2] == pytest.approx(distances[0] / 2, rel=0.15)


def test_without_lift_black_hair_stays_dark() -> None:
    photo, alpha = head(0.2)
    tinted = np.median(lab_of(recolor(photo, alpha, "pink", lift=0.0), alpha), axis=0)
    assert tinted[0] == pytest.approx(np.median(lab_of(photo, alpha)[:, 0]), abs=0.03)
    assert np.hypot(*tinted[1:]) > 0.02


def test_two_tones_run_from_the_roots_to_the_ends_of_this_head() -> None:
    photo, alpha = head(0.4)
    dyed = to_oklab(recolor(photo, alpha, "dark brown", tips="platinum")[:, 11:-11])
    rows = np.median(dyed[..., 0], axis=1)
    roots, ends = (to_oklab(np.array(parse_color(name), np.uint8))[0] for name in ("dark brown", "platinum"))
    assert rows[12] == pytest.approx(roots, abs=0.04)
    assert rows[52] == pytest.approx(ends, abs=0.04)
    assert (np.diff(rows[10:54]) > -0.01).all()


def test_a_speck_far_from_the_head_takes_no_tips_away() -> None:
    photo, alpha = (np.pad(array, ((0, 300), (0, 0), (0, 0))[: array.ndim]) for array in head(0.4))
    photo[340:352, 30:42], alpha[340:352, 30:42] = photo[20:32, 30:42], 1
    dyed = to_oklab(recolor(photo, alpha, "dark brown", tips="platinum")[52, 11:-11])
    ends = to_oklab(np.array(parse_color("platinum"), np.uint8))[0]
    assert np.median(dyed[:, 0]) == pytest.approx(ends, abs=0.04)


def test_grey_strands_are_covered() -> None:
    photo, alpha = head(0.3, 0.02)
    photo[10:-10, 12:-12:6] = 200
    old, new = lab_of(photo, alpha), lab_of(recolor(photo, alpha, "dark brown"), alpha)
    grey = old[:, 0] > 0.7
    assert np.median(old[grey, 0]) - np.median(old[~grey, 0]) > 0.45
    assert np.median(new[grey, 0]) - np.median(new[~grey, 0]) < 0.35
    brown = to_oklab(np.array(parse_color("dark brown"), np.uint8))
    assert np.linalg.norm(np.median(new[grey, 1:], axis=0) - brown[1:]) < 0.03


def test_a_half_transparent_pixel_changes_by_the_hairs_half() -> None:
    hair, wall = np.array([30.0, 25, 22]), np.array([220.0, 225, 230])
    alpha = np.tile(np.clip(np.linspace(2.5, -1.5, 80), 0, 1).astype(np.float32), (40, 1))
    photo = np.round(alpha[..., None] * hair + (1 - alpha[..., None]) * wall).astype(np.uint8)
    dyed = recolor(photo, alpha, "blue")
    pure = dyed[alpha == 1][0].astype(np.float64)
    true = alpha[..., None] * pure + (1 - alpha[..., None]) * wall
    assert np.abs(dyed - true).max() < 8


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda photo, alpha: recolor(photo, alpha, "blond"), "'blond' is not a colour"),
        (lambda photo, alpha: recolor(photo, alpha, None), "None is not a colour: three whole levels"),  # type: ignore[arg-type]
        (lambda photo, alpha: recolor(photo, alpha, "red", tips="blu"), "did you mean 'blue'"),
        (lambda photo, alpha: recolor(photo, alpha, "red", 1.5), "strength 1.5 is out of range"),
        (lambda photo, alpha: recolor(photo, alpha, "red", float("nan")), "strength nan is out of range"),
        (lambda photo, alpha: recolor(photo, alpha, "red", lift=-0.1), "lift -0.1 is out of range"),
        (lambda photo, alpha: overlay(photo, alpha, "red", -1), "strength -1 is out of range"),
        (lambda photo, alpha: overlay(photo, alpha, "#12"), "'#12' is not a colour"),
    ],
)
def test_wrong_use_says_what_is_wrong(call: Call, message: str) -> None:
    photo, alpha = head(0.3)
    with pytest.raises(UsageError, match=message):
        call(photo, alpha)


def test_a_photo_that_is_a_view_works() -> None:
    photo, alpha = head(0.3)
    view = photo[::-1, ::-1]
    np.testing.assert_array_equal(recolor(view, alpha, "red"), recolor(view.copy(), alpha, "red"))
    np.testing.assert_array_equal(overlay(view, alpha), overlay(view.copy(), alpha))
    np.testing.assert_array_equal(cutout(view, alpha), cutout(view.copy(), alpha))


@pytest.mark.parametrize("level", [0, 255])
@pytest.mark.parametrize("name", ["black", "red", "white"])
def test_hair_that_is_black_or_burnt_out_takes_the_colour(level: int, name: str) -> None:
    """There light has no contrast that could be compared with what is usual."""
    photo = np.full((24, 24, 3), 120, np.uint8)
    photo[6:] = level
    alpha = np.zeros((24, 24), np.float32)
    alpha[6:] = 1
    photo[20] = 128  # a strand that is neither
    dyed = recolor(photo, alpha, name)
    assert np.abs(to_oklab(dyed[14, 12]) - to_oklab(np.array(parse_color(name), np.uint8))).max() < 0.03
    assert np.array_equal(dyed[:6], photo[:6])
