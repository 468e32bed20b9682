from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import hairseg.scene
from hairseg.errors import ModelError, UsageError
from hairseg.fit import unfit
from hairseg.scene import SceneSegmenter, bands, to_labels
from hairseg.segmenter import Segmenter
from toys import write_toy_scene_model


@pytest.fixture(scope="module")
def rgb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_toy_scene_model(tmp_path_factory.mktemp("rgb") / "rgb.onnx")


@pytest.fixture
def flag() -> NDArray[np.uint8]:
    """(60, 90): thirds of red, green and blue."""
    photo = np.zeros((60, 90, 3), np.uint8)
    for index in range(3):
        photo[:, 30 * index : 30 * (index + 1), index] = 220
    return photo


def test_every_pixel_gets_its_class(rgb: Path, flag: NDArray[np.uint8]) -> None:
    scene = SceneSegmenter(rgb, threads=1)(flag)
    assert scene.labels.shape == (60, 90)
    assert scene.labels.dtype == np.uint8
    wrong = scene.labels != flag.argmax(axis=2)
    assert not wrong[:, np.abs(np.arange(90) % 30 - 15) < 13].any()  # but for the lines between the thirds
    assert list(scene.shares) == sorted(scene.shares, key=lambda name: -scene.shares[name])
    assert sum(scene.shares.values()) == pytest.approx(1)
    assert np.array_equal(np.asarray(scene.image()), scene.labels)
    assert scene.image().convert("RGB").getpixel((10, 10)) == (255, 0, 0)
    overlay = scene.overlay()
    assert overlay.width == 90
    assert overlay.height > 60


def test_a_hair_model_and_a_scene_model_are_not_taken_for_each_other(rgb: Path, toy_model: Path) -> None:
    with pytest.raises(ModelError, match=r"toy\.onnx is a hair model: use `hairseg mask`"):
        SceneSegmenter(toy_model)
    with pytest.raises(
        ModelError, match=r"rgb\.onnx tells 3 classes apart and is no hair model: use `hairseg labels`"
    ):
        Segmenter(rgb)
    with pytest.raises(UsageError, match="threads 0 is out of range"):
        SceneSegmenter(rgb, threads=0)


def test_metadata_that_does_not_fit_the_graph(tmp_path: Path, flag: NDArray[np.uint8]) -> None:
    two = write_toy_scene_model(tmp_path / "two.onnx", classes=["red", "green"], colors=[])
    with pytest.raises(ModelError, match=r"gives \(1, 3, .*export it again"):
        SceneSegmenter(two)(flag)
    for changes, reason in (
        ({"colors": ["#ff0000"]}, "3 classes have 1 colours"),
        ({"classes": []}, "classes have 3 colours"),
        ({"classes": ["a", "a", "b"]}, "two classes are called 'a'"),
    ):
        broken = write_toy_scene_model(tmp_path / "broken.onnx", **changes)
        with pytest.raises(ModelError, match=reason):
            SceneSegmenter(broken)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 5), st.integers(1, 400))
def test_bands_are_the_whole(height: int, width: int, classes: int, band: int) -> None:
    probability = np.random.default_rng(0).random((classes, 9, 7), np.float32)
    whole = np.stack([unfit(plane, height, width) for plane in probability])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hairseg.scene, "BAND", band)
        parts = list(bands(probability, height, width))
        labels = to_labels(probability, height, width)
    assert [rows.start for rows, _ in parts] == [0, *(rows.stop for rows, _ in parts[:-1])]
    np.testing.assert_allclose(np.concatenate([part for _, part in parts], axis=1), whole, atol=1e-5)
    best = np.sort(whole, axis=0)
    clear = best[-1] - best[-2] > 1e-4 if classes > 1 else np.ones((height, width), bool)
    assert np.array_equal(labels[clear], whole.argmax(axis=0)[clear])


def test_memory_is_bounded_for_many_classes_of_a_large_photo() -> None:
    probability = np.zeros((150, 8, 8), np.float32)
    _, band = next(bands(probability, 4000, 3000))
    assert band.nbytes <= 4 * hairseg.scene.BAND
