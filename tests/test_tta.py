from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hairseg.fit import Fit
from hairseg.segmenter import Segmenter
from hairseg.tta import SCALES, averaged, both_ways, scaled

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]


def red(canvas: Pixels) -> Floats:
    """A network that takes red for hair."""
    return canvas[..., 0].astype(np.float32) / np.float32(255)


def left_half(canvas: Pixels) -> Floats:
    """A network that looks at the place alone."""
    found = np.zeros(canvas.shape[:2], np.float32)
    found[:, : canvas.shape[1] // 2] = 1
    return found


def test_mirror_image_is_mirrored_back() -> None:
    canvas = np.zeros((2, 4, 3), np.uint8)
    canvas[0, 0, 0] = 255
    np.testing.assert_array_equal(both_ways(red, canvas), red(canvas))


def test_what_the_mirror_image_contradicts_is_halved() -> None:
    canvas = np.zeros((2, 4, 3), np.uint8)
    np.testing.assert_array_equal(both_ways(left_half, canvas), np.full((2, 4), 0.5))


def test_every_scale_is_looked_at_twice() -> None:
    shapes = []

    def run(canvas: Pixels) -> Floats:
        shapes.append(canvas.shape[:2])
        return red(canvas)

    photo = np.full((300, 600, 3), 51, np.uint8)
    found = averaged(run, photo, Fit("area", 256, 32))
    assert shapes == [(192, 352)] * 2 + [(224, 448)] * 2
    assert found.shape == (224, 448)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, 0.2, atol=1e-6)


def test_scales_weigh_the_same() -> None:
    def run(canvas: Pixels) -> Floats:
        return np.full(canvas.shape[:2], canvas.shape[0] / 1000, np.float32)

    how = Fit("square", 256, 32)
    heights = [scaled(how, scale).canvas_size(9, 9)[0] for scale in SCALES]
    found = averaged(run, np.zeros((9, 9, 3), np.uint8), how)
    np.testing.assert_allclose(found, np.mean(heights) / 1000, rtol=1e-5)


@pytest.mark.parametrize(("size", "scale", "expected"), [(384, 0.5, 192), (64, 0.5, 64), (2000, 2, 2048)])
def test_scaled_stays_in_range(size: int, scale: float, expected: int) -> None:
    assert scaled(Fit("area", size, 32), scale) == Fit("area", expected, 32)


def test_small_photos_have_a_larger_canvas_too() -> None:
    how = Fit("area", 416, 32, 0.5)
    assert how.canvas_size(100, 100) == (192, 192)  # 204
    assert scaled(how, 1.25).canvas_size(100, 100) == (224, 224)  # 228


def test_segmenter_with_tta(toy_model: Path, portrait: Pixels) -> None:
    plain, steadier = Segmenter(toy_model, 2), Segmenter(toy_model, 2, tta=True)
    hair = steadier(portrait)
    assert hair.probability.shape == portrait.shape[:2]
    assert np.count_nonzero(hair.mask != plain(portrait).mask) <= 60
    assert steadier.beside_others().tta
    np.testing.assert_allclose(steadier.beside_others()(portrait).probability, hair.probability, atol=1e-6)
