"""Dye: the lightness curve and the tone, on literal looks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hairseg.color import to_oklab
from hairseg.dye import Look, Tone, lightness_curve, photographed_spread

# No deadline: a busy machine is no bug.
UNTIMED = settings(deadline=None)

AXIS = np.linspace(0, 1, 4096)


def a_look(median: float, contrast: float = 1.0) -> Look:
    """Hair as photographed at this median lightness, with more or less contrast than usual."""
    quantiles = np.clip(median + contrast * photographed_spread(median), 0, 1)
    return Look(quantiles, median, 0.01, 0.02)


@UNTIMED
@given(st.floats(0.02, 0.95), st.floats(0.0, 2.0), st.floats(0.02, 0.97))
def test_the_curve_never_falls_and_carries_the_median(median: float, contrast: float, goal: float) -> None:
    curve = lightness_curve(a_look(median, contrast), goal)
    assert (np.diff(curve) >= 0).all()
    assert curve.min() >= 0
    assert curve.max() <= 1
    assert np.interp(median, AXIS, curve) == pytest.approx(goal, abs=2e-3)


@UNTIMED
@given(st.floats(0.1, 0.5), st.floats(0.6, 0.9))
def test_lightening_never_multiplies_noise_by_more_than_two(median: float, goal: float) -> None:
    curve = lightness_curve(a_look(median), goal)
    assert np.diff(curve).max() <= 2.01 / 4096 + 1e-6


@pytest.mark.parametrize("median", [0.2, 0.4, 0.6, 0.75])
def test_its_own_lightness_changes_usual_hair_little(median: float) -> None:
    look = a_look(median)
    curve = lightness_curve(look, median)
    inner = (look.quantiles[0] < AXIS) & (look.quantiles[-1] > AXIS)
    assert np.abs(curve - AXIS)[inner].max() < 0.035


def test_black_hair_gets_the_contrast_of_blonde_hair() -> None:
    look = a_look(0.22)
    new = np.interp(look.quantiles, AXIS, lightness_curve(look, 0.72))
    usual = 0.72 + photographed_spread(0.72)
    # The gaps stay less deep than in photographed blonde hair: opening them further would show noise.
    assert 0.4 < new[0] < 0.65
    assert np.abs(new[2:] - usual[2:]).max() < 0.09


def test_the_photo_keeps_its_own_kind_of_light() -> None:
    flat, usual, harsh = (
        np.ptp(np.interp(look.quantiles, AXIS, lightness_curve(look, 0.5)))
        for look in (a_look(0.3, 0.3), a_look(0.3), a_look(0.3, 1.25))
    )
    assert flat < usual / 2 < usual < harsh


def test_grey_strands_in_dark_hair_are_covered() -> None:
    usual, grey = a_look(0.3), a_look(0.3, 2.5)
    curves = [lightness_curve(look, 0.25) for look in (usual, grey)]
    bright = [
        np.interp(look.quantiles[4], AXIS, curve) for look, curve in zip((usual, grey), curves, strict=True)
    ]
    assert grey.quantiles[4] - usual.quantiles[4] > 0.3
    assert bright[1] - bright[0] < 0.1


def test_a_single_lightness_has_a_curve() -> None:
    look = Look.of((np.full(9, 0.3, np.float32), np.zeros(9, np.float32), np.zeros(9, np.float32)))
    curve = lightness_curve(look, 0.7)
    assert np.isfinite(curve).all()
    assert np.interp(0.3, AXIS, curve) == pytest.approx(0.7, abs=2e-3)


@pytest.mark.parametrize("median", [0.0, 0.05, 0.2, 0.5, 0.8, 0.95, 1.0])
def test_spread_stays_inside_black_and_white(median: float) -> None:
    spread = photographed_spread(median)
    assert (np.diff(spread) >= 0).all()
    assert median + spread.min() >= -1e-9
    assert median + spread.max() <= 1 + 1e-9


def test_a_look_is_medians_and_quantiles() -> None:
    lightness = np.linspace(0, 1, 101, dtype=np.float32)
    look = Look.of((lightness, lightness - 0.5, -lightness))
    assert (look.lightness, look.a, look.b) == pytest.approx((0.5, 0.0, -0.5))
    np.testing.assert_allclose(look.quantiles, [0.01, 0.05, 0.25, 0.75, 0.95, 0.99], atol=1e-6)


def test_a_tone_has_the_target_at_the_median_and_less_chroma_around_it() -> None:
    look, target = a_look(0.3), to_oklab(np.array([44, 87, 174], np.uint8))
    lightness = np.array([0.12, 0.3, 0.75], np.float32)
    shade = lightness / 0.3
    new = Tone.of(target, look, 1.0).apply((lightness, look.a * shade, look.b * shade), look)
    np.testing.assert_allclose([plane[1] for plane in new], target, atol=0.01)
    chroma = np.hypot(new[1], new[2])
    assert chroma[0] < 0.75 * chroma[1]
    assert chroma[2] < 0.95 * chroma[1]


def test_without_lift_only_the_hue_changes() -> None:
    look, target = a_look(0.25), to_oklab(np.array([238, 134, 178], np.uint8))
    planes = tuple(np.array([value], np.float32) for value in (0.25, look.a, look.b))
    lightness, a, b = Tone.of(target, look, 0.0).apply((planes[0], planes[1], planes[2]), look)
    assert lightness[0] == pytest.approx(0.25, abs=0.01)
    assert np.arctan2(b[0], a[0]) == pytest.approx(np.arctan2(target[2], target[1]), abs=0.1)
    assert 0.02 < np.hypot(a[0], b[0]) < np.hypot(target[1], target[2])
