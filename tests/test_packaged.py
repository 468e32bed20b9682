"""The models as they ship: whole, described, and right on photos."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from PIL import Image

from hairseg import Segmenter
from hairseg.data import open_data, read_item
from hairseg.data.dyed import dyed
from hairseg.evaluation.metrics import count, pooled
from hairseg.evaluation.views import blurred
from hairseg.fit import fit, unfit
from hairseg.models import DEFAULT, list_models, packaged

Pixels = NDArray[np.uint8]

ROOT = Path(__file__).parents[1]
ASTRONAUT = ROOT / "samples" / "astronaut.jpg"


def test_the_default_is_there_and_every_model_is_whole() -> None:
    models = list_models()  # checks every checksum
    assert models[0].path.stem == DEFAULT
    assert {info.path.stem for info in models} == set(packaged())


@pytest.mark.parametrize("name", packaged())
def test_a_model_is_small_scored_and_has_its_card_and_recipe(name: str) -> None:
    info = next(info for info in list_models() if info.path.stem == name)
    card = info.path.with_suffix(".md").read_text(encoding="utf-8")
    assert info.bytes < 16e6
    assert info.sha256() in card
    assert f"**{info.scores['figaro1k:test']['iou']:.4f}**" in card
    assert (ROOT / "recipes" / info.recipe).is_file()
    assert "non-commercial" in info.licence


@pytest.mark.parametrize("name", packaged())
def test_any_size_in_one_file(name: str) -> None:
    session = onnxruntime.InferenceSession(str(packaged()[name]), providers=["CPUExecutionProvider"])
    for height, width in ((33, 33), (35, 301), (128, 97)):
        photo = np.zeros((1, 3, height, width), np.float32)
        (probability,) = session.run(None, {"photo": photo})
        assert probability.shape == (1, 1, height, width)


@pytest.fixture(scope="module")
def default() -> Segmenter:
    return Segmenter()


# docs/evaluation.md shows it. Strict: a model that has it no longer takes the mark away.
collar = pytest.mark.xfail(strict=True, reason="the default sees hair in the collar of the astronaut's suit")


def test_the_astronauts_hair(default: Segmenter) -> None:
    hair = default(ASTRONAUT)
    # Drawn by hand: hair surely inside the first boxes, surely none in the others (face, flag, shuttle).
    inside = [(60, 200, 75, 255), (75, 165, 100, 178), (90, 280, 110, 292)]
    outside = [(110, 200, 170, 250), (0, 0, 180, 110), (0, 380, 240, 460)]
    for top, left, bottom, right in inside:
        assert hair.mask[top:bottom, left:right].mean() > 0.97
    for top, left, bottom, right in outside:
        assert hair.mask[top:bottom, left:right].mean() < 0.01
    head = np.argwhere(hair.mask[:150])
    found = [*head.min(axis=0)[::-1], *head.max(axis=0)[::-1] + 1]
    assert np.abs(np.subtract(found, (153, 16, 301, 130))).max() <= 8
    assert hair.color is not None
    assert "brown" in hair.color.name


# What a model found that had seen neither dyed hair nor poor photos in training: 0.82, 0.84, 0.83.
@pytest.mark.parametrize(
    ("change", "least"),
    [
        (lambda photo, truth: dyed(photo, truth, "pink"), 0.9),
        (lambda photo, truth: dyed(photo, truth, "lilac"), 0.93),
        (lambda photo, truth: blurred(photo, truth)[0], 0.9),
    ],
    ids=["pink", "lilac", "out of focus"],
)
def test_hair_is_found_again_in_another_colour_and_out_of_focus(
    default: Segmenter, change: Callable[[Pixels, Pixels], Pixels], least: float
) -> None:
    with Image.open(ASTRONAUT) as image:
        photo = np.asarray(image.convert("RGB").resize((500, 500)))
    head = default(photo).mask.copy()
    head[150:] = False
    found = default(change(photo, head.astype(np.uint8))).mask[:150]
    assert count(found, head[:150].astype(np.uint8)).iou > least


@pytest.mark.parametrize("side", [90, 416, 500])
def test_colours_leave_what_was_found_alone_on_photos_of_any_size(default: Segmenter, side: int) -> None:
    with Image.open(ASTRONAUT) as image:
        photo = np.asarray(image.convert("RGB").resize((side, side)))
    found = default.on_canvas(fit(photo, default.info.fit))
    before = found.copy()
    mixed = default.at_full_size(found, photo)
    np.testing.assert_array_equal(found, before)
    assert (mixed != unfit(found, side, side)).any()


@collar
def test_there_is_no_hair_in_the_astronauts_suit(default: Segmenter) -> None:
    hair = default(ASTRONAUT)
    assert hair.mask[260:500, 60:300].mean() < 0.01
    assert hair.box is not None
    assert np.abs(np.subtract(hair.box, (153, 16, 301, 130))).max() <= 8


def both_ways(segmenter: Segmenter, path: Path) -> list[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """The mask of a photo, beside that of its mirror image and that of its grey copy."""
    with Image.open(path) as image:
        photo = np.asarray(image.convert("RGB"))
        grey = np.asarray(image.convert("L"))
    first = segmenter(photo).mask
    return [(first, segmenter(photo[:, ::-1]).mask[:, ::-1]), (first, segmenter(grey).mask)]


def overlap(first: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return float((first & other).sum() / (first | other).sum())


def test_grey_and_mirrored_astronauts_agree_about_the_head(default: Segmenter) -> None:
    # The collar begins at row 150.
    for first, other in both_ways(default, ASTRONAUT):
        assert overlap(first[:150], other[:150]) > 0.95


@collar
def test_grey_and_mirrored_astronauts_agree(default: Segmenter) -> None:
    for first, other in both_ways(default, ASTRONAUT):
        assert overlap(first, other) > 0.93


@pytest.mark.parametrize("name", ["obama.jpg", "photographer.jpg"])
def test_grey_and_mirrored_photos_agree(default: Segmenter, name: str) -> None:
    for first, other in both_ways(default, ROOT / "samples" / name):
        assert first.mean() > 0.01
        assert overlap(first, other) > 0.8


def test_a_cat_has_no_hair(default: Segmenter) -> None:
    assert default(ROOT / "samples" / "cat.jpg").fraction < 0.01


@pytest.mark.data
def test_the_default_reaches_its_score_on_a_seventh_of_the_validation_photos(default: Segmenter) -> None:
    home = os.environ.get("HAIRSEG_DATA")
    if not home:
        pytest.skip("needs the research photos: set HAIRSEG_DATA to the folder that holds figaro1k")
    items = open_data(f"figaro1k:{home}/figaro1k", "val84").items[::7]
    counts = []
    for item in items:
        photo, truth = read_item(item)
        counts.append(count(default.probability(photo) >= default.info.threshold, truth))
    assert len(counts) == 12
    assert pooled(counts).iou > 0.89
