from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from hairseg.errors import UsageError
from hairseg.fit import Fit
from hairseg.hair import Hair
from hairseg.models import ModelInfo
from hairseg.photo import Photo
from hairseg.rle import from_rle

MODEL = ModelInfo("toy", Path("toy.onnx"), "toy", (0, 0, 0), (1, 1, 1), Fit(size=64), threshold=0.5)
Pixels = NDArray[np.uint8]


def found(probability: list[list[float]] | NDArray[np.float32], **options: float) -> Hair:
    array = np.array(probability, np.float32)
    pixels = np.full((*array.shape, 3), 90, np.uint8)
    return Hair(Photo(pixels, "portrait.jpg", notes=("a note",)), array, MODEL, **options)  # type: ignore[arg-type]


@pytest.fixture
def hair(portrait: Pixels) -> Hair:
    probability = (portrait[..., 0] > portrait[..., 1]).astype(np.float32)
    return Hair(Photo(portrait, "portrait.jpg"), probability, MODEL)


class TestReading:
    def test_literal_case(self) -> None:
        hair = found([[0, 0, 0, 0], [0, 0.6, 0.5, 0], [0, 0, 0.9, 0.1]])
        assert hair.mask.tolist() == [[False] * 4, [False, True, True, False], [False, False, True, False]]
        assert hair.fraction == 0.25
        assert hair.box == (1, 1, 3, 3)
        assert repr(hair) == "<Hair 4x3, 25.0% hair, model toy>"

    def test_no_hair(self) -> None:
        hair = found(np.zeros((30, 30), np.float32))
        assert hair.fraction == 0
        assert hair.box is None
        assert hair.color is None
        assert hair.to_dict()["box"] is None
        assert not np.asarray(hair.cutout()).any()

    def test_threshold(self) -> None:
        assert found([[0.2, 0.8]], threshold=0.1).fraction == 1
        assert found([[0.2, 0.8]], threshold=0.9).fraction == 0
        with pytest.raises(UsageError, match=r"threshold 1\.5 is out of range"):
            found([[0.2]], threshold=1.5)

    def test_no_color_without_hair(self, hair: Hair) -> None:
        assert hair.cleaned(min_area=1.0).color is None
        half = hair.probability * np.float32(0.7)
        assert Hair(hair.photo, half, hair.model, threshold=0.9).color is None

    def test_color(self, hair: Hair) -> None:
        assert hair.color is not None
        red, green, blue = (int(hair.color.hex[i : i + 2], 16) for i in (1, 3, 5))
        assert np.abs(np.array([red, green, blue]) - [200, 30, 30]).max() <= 3

    def test_to_dict_is_json(self) -> None:
        hair = found([[0, 0.6, 0.5, 0]])
        as_dict = hair.to_dict(rle=True)
        assert json.loads(json.dumps(as_dict)) == as_dict
        assert as_dict["width"] == 4
        assert as_dict["height"] == 1
        assert as_dict["fraction"] == 0.5
        assert as_dict["box"] == [1, 0, 3, 1]
        assert as_dict["model"] == "toy"
        assert as_dict["notes"] == ["a note"]
        np.testing.assert_array_equal(from_rle(as_dict["rle"]), hair.mask)
        assert "rle" not in hair.to_dict()


class TestCleaned:
    def test_specks_and_holes(self) -> None:
        probability = np.zeros((40, 40), np.float32)
        probability[10:30, 10:30] = 1
        probability[18:22, 18:22] = 0  # a hole
        probability[0, 0] = 1  # a speck
        hair = found(probability)
        cleaned = hair.cleaned()
        assert hair.mask[0, 0]
        assert not hair.mask[20, 20]
        assert not cleaned.mask[0, 0]
        assert cleaned.mask[20, 20]
        assert cleaned.fraction == 0.25
        np.testing.assert_array_equal(cleaned.probability, hair.probability)

    def test_the_soft_edge_follows(self) -> None:
        probability = np.zeros((40, 40), np.float32)
        probability[10:30, 10:30] = 1
        probability[0:8, 0:8] = 1
        cleaned = found(probability).cleaned(min_area=0.05)
        assert found(probability).alpha("soft")[1, 1] > 0.5
        assert cleaned.alpha("soft")[1, 1] == 0


class TestPictures:
    def test_mask_picture(self) -> None:
        image = found([[0, 0.6, 1.0]]).mask_image()
        assert image.mode == "L"
        assert np.asarray(image).tolist() == [[0, 255, 255]]

    def test_probability_picture(self) -> None:
        assert np.asarray(found([[0, 0.2, 1.0]]).probability_image()).tolist() == [[0, 51, 255]]

    def test_hard_alpha_is_the_mask(self, hair: Hair) -> None:
        np.testing.assert_array_equal(hair.alpha("hard"), hair.mask.astype(np.float32))

    def test_soft_alpha(self, hair: Hair) -> None:
        alpha = hair.alpha("soft")
        assert alpha.dtype == np.float32
        assert alpha[16, 32] == 1
        assert alpha[44, 4] == 0
        assert hair.alpha("soft") is alpha

    def test_overlay(self, hair: Hair, portrait: Pixels) -> None:
        pixels = np.asarray(hair.overlay("#0000ff", 1.0))
        assert pixels[16, 32].tolist() == [0, 0, 255]
        np.testing.assert_array_equal(pixels[~hair.mask], portrait[~hair.mask])

    def test_cutout(self, hair: Hair) -> None:
        image = hair.cutout(edge="hard")
        assert image.mode == "RGBA"
        np.testing.assert_array_equal(np.asarray(image)[..., 3] == 255, hair.mask)

    def test_recolor(self, hair: Hair, portrait: Pixels) -> None:
        pixels = np.asarray(hair.recolor("#2040c0", edge="hard"))
        assert pixels[16, 32, 2] > pixels[16, 32, 0]
        np.testing.assert_array_equal(pixels[~hair.mask], portrait[~hair.mask])

    def test_wrong_wishes_are_named(self, hair: Hair) -> None:
        with pytest.raises(UsageError, match="edge 'fuzzy' is unknown: use one of hard, soft"):
            hair.cutout(edge="fuzzy")  # type: ignore[arg-type]
        with pytest.raises(UsageError, match="not a colour"):
            hair.recolor("#12")

    def test_save(self, hair: Hair, tmp_path: Path) -> None:
        hair.save(tmp_path / "out.png")
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out.png")) == 255, hair.mask)
        with pytest.raises(UsageError, match=r"out\.xyz ends in '\.xyz'"):
            hair.save(tmp_path / "out.xyz")
