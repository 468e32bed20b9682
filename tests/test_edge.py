"""Soft edge: composites whose alpha is known, because the test draws every strand."""

from __future__ import annotations

import tracemalloc
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from hairseg import edge
from hairseg.edge import soft_edge, with_colors

# No deadline: a busy machine is no bug.
UNTIMED = settings(deadline=None)

Floats = NDArray[np.float32]
RGB = tuple[int, int, int]


@dataclass(frozen=True)
class Composite:
    """A photo of hair whose alpha is known, and what a coarse network would say about it."""

    photo: NDArray[np.uint8]
    alpha: Floats
    probability: Floats

    def error(self, alpha: Floats) -> float:
        """Mean absolute error of an alpha where the true one is not the same all around."""
        spread = Image.fromarray(((self.alpha > 0) & (self.alpha < 1)).astype(np.uint8) * 255)
        border = np.asarray(spread.filter(ImageFilter.BoxBlur(6))) > 0
        return float(np.abs(alpha - self.alpha)[border].mean())


def composite(
    hair: RGB, left: RGB, right: RGB, height: int = 320, width: int = 280, seed: int = 0
) -> Composite:
    """An oval of hair with loose strands, drawn three times as large, over a texture of two colours."""
    rng = np.random.default_rng(seed)
    alpha = strands(rng, height, width)
    ground = np.where((np.arange(width) < width / 2)[:, None], np.array(left), np.array(right))
    ground = (
        ground + 12 * smooth_noise(rng, height, width, 9)[..., None] + rng.normal(0, 5, (height, width, 3))
    )
    inside = np.array(hair) * np.exp(0.15 * smooth_noise(rng, height, width, 2))[..., None]
    mixed = alpha[..., None] * inside + (1 - alpha[..., None]) * ground + rng.normal(0, 2, (height, width, 3))
    photo = np.clip(np.round(mixed), 0, 255).astype(np.uint8)
    return Composite(photo, alpha, network_like(alpha))


def strands(rng: np.random.Generator, height: int, width: int, scale: int = 3) -> Floats:
    """(H, W) alpha of an oval with 300 curved strands that leave it."""
    canvas = Image.new("L", (width * scale, height * scale))
    draw = ImageDraw.Draw(canvas)
    centre, radii = np.array([width, height]) * scale / 2, np.array([width, height]) * scale * 0.3
    draw.ellipse((*(centre - radii), *(centre + radii)), fill=255)
    for _ in range(300):
        direction = rng.uniform(0, 2 * np.pi)
        point = centre + radii * rng.uniform(0.9, 1) * np.array([np.cos(direction), np.sin(direction)])
        angle, turn = direction + rng.normal(0, 0.9), rng.normal(0, 0.12)
        length = scale * min(width * (0.01 + rng.exponential(0.025)), 0.12 * width)
        line = [tuple(point)]
        for _ in range(10):
            point = point + length / 10 * np.array([np.cos(angle), np.sin(angle)])
            angle += turn
            line.append(tuple(point))
        draw.line(line, fill=255, width=int(rng.integers(1, scale + 1)))
    return np.asarray(canvas.reduce(scale), np.float32) / 255


def smooth_noise(rng: np.random.Generator, height: int, width: int, scale: int) -> Floats:
    """(H, W) noise of deviation 1 or so, ``scale`` pixels wide."""
    coarse = rng.standard_normal((height // scale + 2, width // scale + 2)).astype(np.float32)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def network_like(alpha: Floats, coarse: int = 4) -> Floats:
    """What a network at a quarter of the resolution says: sure of itself, and blind to single strands."""
    height, width = alpha.shape
    small = Image.fromarray(np.round(alpha * 255).astype(np.uint8)).resize(
        (width // coarse, height // coarse)
    )
    seen = np.asarray(small.filter(ImageFilter.GaussianBlur(1.3)), np.float32) / 255
    sure = (1 / (1 + np.exp(-11 * (seen - 0.5)))).astype(np.float32)
    return np.asarray(Image.fromarray(sure).resize((width, height), Image.Resampling.BILINEAR)).clip(0, 1)


SCENES = {
    "dark hair, light wall": ((42, 30, 24), (206, 208, 212), (206, 208, 212)),
    "dark hair, wall and lawn": ((42, 30, 24), (206, 208, 212), (120, 150, 90)),
    "blonde hair, night": ((196, 160, 110), (50, 60, 80), (30, 30, 40)),
    "brown hair, lawn": ((96, 62, 40), (90, 130, 70), (90, 130, 70)),
    "brown hair, skin and cloth": ((96, 62, 40), (214, 170, 140), (70, 60, 70)),
}


@pytest.mark.parametrize("scene", SCENES)
def test_the_edge_is_far_better_than_the_mask_and_the_probability(scene: str) -> None:
    made = composite(*SCENES[scene])
    alpha = soft_edge(made.photo, made.probability)
    plain = min(made.error((made.probability > 0.5).astype(np.float32)), made.error(made.probability))
    assert made.error(alpha) < 0.5 * plain


def test_where_colours_say_nothing_the_probability_stays() -> None:
    made = composite((100, 90, 80), (100, 90, 80), (100, 90, 80))
    alpha = soft_edge(made.photo, made.probability)
    assert made.error(alpha) < 1.1 * made.error(made.probability)


def test_a_strand_that_the_network_missed_is_found() -> None:
    photo = np.full((400, 400, 3), (205, 208, 212), np.uint8)
    photo[200:] = (42, 30, 24)
    photo[180:200, 120] = (42, 30, 24)
    probability = network_like((np.arange(400) >= 200)[:, None] * np.ones((1, 400), np.float32))
    assert probability[194, 120] < 0.3
    assert probability[190, 120] < 0.1
    alpha = soft_edge(photo, probability)
    assert alpha[194:200, 120].min() > 0.8
    assert alpha[190:194, 120].min() > 0.4
    assert alpha[190:198, 80:118].max() < 0.05


def test_far_from_the_border_alpha_is_exactly_0_and_1() -> None:
    rng = np.random.default_rng(1)
    photo = rng.integers(0, 256, (240, 200, 3), np.uint8)
    probability = np.zeros((240, 200), np.float32)
    probability[:, :100] = 0.997
    probability[:, 100:] = 0.004
    alpha = soft_edge(photo, probability)
    assert (alpha[:, :70] == 1).all()
    assert (alpha[:, 130:] == 0).all()
    assert len(np.unique(alpha[:, 90:110])) > 100


@pytest.mark.parametrize(("value", "expected"), [(0.0, 0.0), (0.2, 0.0), (0.8, 1.0), (1.0, 1.0)])
def test_a_photo_without_a_border(value: float, expected: float) -> None:
    alpha = soft_edge(np.zeros((31, 47, 3), np.uint8), np.full((31, 47), value, np.float32))
    assert (alpha == expected).all()


def test_the_border_lies_where_the_threshold_says() -> None:
    # One colour: only the probability, rising from 0 to 1 over 100 columns, can say where the border is.
    photo = np.full((60, 100, 3), 120, np.uint8)
    probability = np.tile(np.linspace(0, 1, 100, dtype=np.float32), (60, 1))
    for threshold in (0.3, 0.5, 0.8):
        border = np.flatnonzero(soft_edge(photo, probability, threshold)[30] > 0.5)[0]
        assert abs(border - 100 * threshold) <= 3


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_a_threshold_at_the_end_of_the_scale(threshold: float) -> None:
    photo = np.full((20, 20, 3), 120, np.uint8)
    alpha = soft_edge(photo, np.full((20, 20), 0.4, np.float32), threshold)
    assert (alpha == 1 - threshold).all()


@UNTIMED
@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 2**32 - 1), st.booleans())
def test_any_size_and_any_content_give_an_alpha(height: int, width: int, seed: int, hard: bool) -> None:
    rng = np.random.default_rng(seed)
    photo = rng.integers(0, 256, (height, width, 3), np.uint8)
    probability = rng.random((height, width)).astype(np.float32)
    alpha = soft_edge(photo, np.round(probability) if hard else probability)
    assert alpha.dtype == np.float32
    assert alpha.shape == (height, width)
    assert alpha.min() >= 0
    assert alpha.max() <= 1


def test_the_inputs_are_left_alone() -> None:
    made = composite(*SCENES["brown hair, lawn"], 100, 80)
    photo, probability = made.photo.copy(), made.probability.copy()
    soft_edge(made.photo, made.probability)
    np.testing.assert_array_equal(made.photo, photo)
    np.testing.assert_array_equal(made.probability, probability)


def test_size_changes_the_edge_little() -> None:
    small = composite(*SCENES["dark hair, light wall"])
    size = (small.photo.shape[1] * 3, small.photo.shape[0] * 3)
    photo = np.asarray(Image.fromarray(small.photo).resize(size, Image.Resampling.BICUBIC))
    probability = np.asarray(Image.fromarray(small.probability).resize(size, Image.Resampling.BILINEAR))
    large = Image.fromarray(soft_edge(photo, probability)).reduce(3)
    assert np.abs(np.asarray(large) - soft_edge(small.photo, small.probability)).mean() < 0.02


def test_doubt_far_from_all_hair_is_no_strand() -> None:
    photo = np.random.default_rng(5).integers(0, 255, (200, 300, 3), np.uint8)
    probability = np.zeros((200, 300), np.float32)
    probability[40:120, 20:90] = 1
    probability[60:100, 220:260] = 0.49
    assert soft_edge(photo, probability)[:, 200:].max() == 0
    probability[80, 240] = 0.51  # now there is some
    assert soft_edge(photo, probability)[:, 200:].max() > 0.2


@UNTIMED
@given(st.integers(0, 3), st.integers(80, 330), st.integers(80, 330), st.sampled_from([0.25, 0.5, 1.0]))
def test_colours_take_their_share_near_the_border_and_nowhere_else(
    seed: int, height: int, width: int, share: float
) -> None:
    made = composite((60, 40, 30), (200, 190, 170), (120, 150, 190), height, width, seed)
    before = made.probability.copy()
    mixed = with_colors(made.photo, made.probability, 0.6, share)
    np.testing.assert_array_equal(made.probability, before)
    alpha = soft_edge(made.photo, made.probability, 0.6)
    mean = (1 - share) * made.probability + share * alpha
    near = np.abs(mixed - mean) < 1e-5
    assert (near | (mixed == made.probability)).all()
    assert near[(alpha > 0) & (alpha < 1)].all()
    assert (mixed != made.probability).any()
    assert mixed.dtype == np.float32
    assert mixed.min() >= 0
    assert mixed.max() <= 1


@pytest.mark.parametrize(("height", "width"), [(700, 613), (613, 700), (400, 1601)])
def test_in_place_is_the_same(monkeypatch: pytest.MonkeyPatch, height: int, width: int) -> None:
    monkeypatch.setattr(edge, "AT_ONCE", 1)  # one tile at a time: none may read what another has written
    made = composite((60, 40, 30), (200, 190, 170), (120, 150, 190), height, width)
    # Hair to the right and the lower end, where tiles lie over each other.
    photo = made.photo[: height // 2, : width // 2]
    probability = np.ascontiguousarray(made.probability[: height // 2, : width // 2])
    mixed = with_colors(photo, probability, 0.6, 0.5)
    assert not np.array_equal(mixed, probability)
    assert with_colors(photo, probability, 0.6, 0.5, in_place=True) is probability
    np.testing.assert_array_equal(probability, mixed)


def test_colours_find_strands_that_a_network_misses() -> None:
    made = composite((60, 40, 30), (200, 190, 170), (120, 150, 190))
    wrong = [
        ((found >= 0.5) != (made.alpha >= 0.5)).mean()
        for found in (made.probability, with_colors(made.photo, made.probability, 0.5, 0.5))
    ]
    assert wrong[1] < 0.8 * wrong[0]


@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_colours_say_nothing_where_there_is_no_border(value: float) -> None:
    probability = np.full((31, 47), value, np.float32)
    assert with_colors(np.zeros((31, 47, 3), np.uint8), probability, 0.5, 0.5) is probability


def test_no_product_is_large_enough_for_threads_of_the_matrix_library(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """OpenBLAS' own threads spin for a while after their work, on cores that the next photo's network wants."""
    sizes, matmul = [], np.matmul

    def counted(first: Floats, second: Floats, *rest: object, **more: object) -> object:
        sizes.append(first.shape[-2] * first.shape[-1] * second.shape[-1])
        return matmul(first, second, *rest, **more)

    monkeypatch.setattr(np, "matmul", counted)
    for height, width in ((900, 1000), (300, 1600), (2500, 2500)):
        made = composite((60, 40, 30), (200, 190, 170), (120, 150, 190), height // 4, width // 4)
        photo = np.repeat(np.repeat(made.photo, 4, 0), 4, 1)
        with_colors(photo, np.repeat(np.repeat(made.probability, 4, 0), 4, 1), 0.5, 0.5)
    assert len(sizes) > 10
    assert max(sizes) <= 1 << 18


@pytest.mark.parametrize("length", [700, 3000])
@pytest.mark.parametrize("reach", [edge.NEAR, edge.REACH])
def test_means_of_a_long_side_are_those_of_a_matrix_of_all_points(length: int, reach: float) -> None:
    planes = np.random.default_rng(length).random((2, length, 3), dtype=np.float32)
    side, around = slice(100, length - 50), slice(60, length)
    wanted = edge._weights(slice(0, length), slice(0, length), reach)[side, around] @ planes[:, around]
    found = edge._means(planes[:, around], side, around, length, reach)
    np.testing.assert_allclose(found, wanted, atol=1e-6)


@pytest.mark.parametrize("size", [(1, 20_000), (20_000, 2)])
def test_a_line_of_pixels_takes_no_square_of_its_length(size: tuple[int, int]) -> None:
    """20,000 points that all weigh each other would be 1.6 GB."""
    noise = np.random.default_rng(0)
    photo = noise.integers(0, 256, (*size, 3), np.uint8)
    probability = np.linspace(0, 1, size[0] * size[1], dtype=np.float32).reshape(size)
    tracemalloc.start()
    try:
        soft = soft_edge(photo, probability)
        mixed = with_colors(photo, probability, 0.5, 0.5)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert soft.shape == mixed.shape == size
    assert peak < 200e6
