from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from hairseg import resample
from hairseg.resample import resize, resize_map

sides = st.integers(1, 200)
seeds = st.integers(0, 2**32 - 1)


def photo_of(seed: int, height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def two_passes(photo: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """By whole images of Pillow, the rows first."""
    tall, wide = photo.shape[:2]
    image = Image.fromarray(photo)
    factors = max(int(wide / width / 1.1), 1), max(int(tall / height / 1.1), 1)
    if factors != (1, 1):
        image = image.reduce(factors)
    rows = image.resize(
        (width, image.height), Image.Resampling.BILINEAR, (0, 0, wide / factors[0], image.height)
    )
    columns = rows.resize((width, height), Image.Resampling.BILINEAR, (0, 0, width, tall / factors[1]))
    return np.asarray(columns)


@given(seeds, sides, sides, st.integers(1, 64), st.integers(1, 64), st.integers(1, 4))
def test_any_number_of_threads_makes_the_same_two_passes(
    seed: int, tall: int, wide: int, height: int, width: int, threads: int
) -> None:
    photo = photo_of(seed, tall, wide)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resample, "SHARED", 0)
        patch.setattr(resample, "BAND", 500)  # several bands a thread
        found = resize(photo, height, width, threads)
    np.testing.assert_array_equal(found, two_passes(photo, height, width))


@pytest.mark.parametrize("shape", [(720, 657), (1000, 1000), (1000, 667), (667, 1000), (250, 300)])
@pytest.mark.parametrize("threads", [1, 2])
def test_photos_of_usual_shapes_come_out_as_pillow_has_them(shape: tuple[int, int], threads: int) -> None:
    photo = photo_of(1, *shape)
    height, width = shape[0] * 320 // shape[1], 320
    expected = Image.fromarray(photo).resize((width, height), Image.Resampling.BILINEAR, reducing_gap=1.1)
    np.testing.assert_array_equal(resize(photo, height, width, threads), np.asarray(expected))


def test_threads_share_large_photos_and_maps_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def side_by_side(work: Callable[[int, int], None], count: int, threads: int) -> None:
        asked.append(threads)
        work(0, count)

    monkeypatch.setattr(resample, "side_by_side", side_by_side)
    resize(photo_of(0, 511, 512), 64, 64, 2)
    resize(photo_of(0, 512, 512), 64, 64, 2)
    assert asked == [1, 1, 2, 2]
    asked.clear()
    resize_map(np.zeros((64, 64), np.float32), 2047, 2048, 2)
    resize_map(np.zeros((64, 64), np.float32), 2048, 2048, 2)
    assert asked == [1, 1, 2, 2]


@given(seeds, sides, sides, sides, sides)
def test_maps_are_resized_as_pillow_does_it(seed: int, tall: int, wide: int, height: int, width: int) -> None:
    plane = np.random.default_rng(seed).random((tall, wide), np.float32)
    expected = Image.fromarray(plane).resize((width, height), Image.Resampling.BILINEAR)
    found = resize_map(plane, height, width)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.asarray(expected), atol=1e-5)


@given(seeds, sides, sides, sides, sides, st.integers(2, 4))
def test_any_number_of_threads_makes_the_same_map(
    seed: int, tall: int, wide: int, height: int, width: int, threads: int
) -> None:
    plane = np.random.default_rng(seed).random((tall, wide), np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resample, "SHARED_MAP", 0)
        patch.setattr(resample, "ROWS", 7)  # several bands a thread
        patch.setattr(resample, "PRODUCT", 1000)  # several products a band
        alone = resize_map(plane, height, width)
        found = resize_map(plane, height, width, threads)
    np.testing.assert_array_equal(found, alone)


def test_maps_are_linear_between_the_middles_of_their_pixels() -> None:
    # As numpy has it, at sizes of which a side takes several bands, and one of a pixel more.
    plane = np.random.default_rng(0).random((40, 30), np.float32)
    height, width = 32 * 3 + 1, 64 * 2 + 1

    def along(values: NDArray[np.float32], new: int) -> NDArray[np.float64]:
        old = len(values)
        return np.interp((np.arange(new) + 0.5) * old / new, np.arange(old) + 0.5, values)

    rows = np.apply_along_axis(along, 1, plane, width)
    np.testing.assert_allclose(
        resize_map(plane, height, width), np.apply_along_axis(along, 0, rows, height), atol=1e-6
    )


@given(seeds, sides, sides, st.integers(0, 900), st.integers(0, 900))
def test_what_grows_stays_between_its_neighbours(
    seed: int, tall: int, wide: int, taller: int, wider: int
) -> None:
    # Zeros and ones: a rounding beyond them would leave the range of a probability.
    plane = np.random.default_rng(seed).integers(0, 2, (tall, wide)).astype(np.float32)
    found = resize_map(plane, tall + taller, wide + wider)
    assert found.min() >= 0
    assert found.max() <= 1


def test_a_slope_is_met_in_the_middles_of_the_pixels() -> None:
    plane = np.array([[0, 4]], np.float32)
    np.testing.assert_allclose(resize_map(plane, 1, 4), [[0, 1, 3, 4]])
    np.testing.assert_allclose(resize_map(plane.T.copy(), 4, 2), [[0, 0], [1, 1], [3, 3], [4, 4]])


def test_a_map_of_its_size_is_itself() -> None:
    plane = np.zeros((3, 4), np.float32)
    assert resize_map(plane, 3, 4) is plane
    photo = photo_of(0, 3, 4)
    assert resize(photo, 3, 4) is photo
