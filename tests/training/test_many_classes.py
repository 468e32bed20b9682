"""Training of many classes: the loss, the scores, and a run from photos to pictures."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors import safe_open
from torch.nn import functional as F

from hairseg.data import IGNORE, open_data
from hairseg.errors import DataError, UsageError
from hairseg.net import build
from hairseg.scene import SceneSegmenter, to_labels
from hairseg.training.augment import build_augment, vary
from hairseg.training.checkpoint import read_checkpoint, write_weights
from hairseg.training.export import describe, export
from hairseg.training.finish import finish
from hairseg.training.loop import train
from hairseg.training.loss import class_edge_band, hair_loss, scene_dice, scene_loss, segmentation_loss
from hairseg.training.predict import parser
from hairseg.training.publish import publish
from hairseg.training.recipe import Augment, Recipe, Source, Stage
from hairseg.training.run import Run
from hairseg.training.validate import validate

# ---- loss


def batch(seed: int, classes: int = 5, ignored: float = 0.3) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, classes, 6, 7, generator=generator)
    truth = torch.randint(0, classes, (2, 6, 7), generator=generator, dtype=torch.uint8)
    truth[torch.rand(2, 6, 7, generator=generator) < ignored] = IGNORE
    return logits, truth


@settings(max_examples=25)
@given(st.integers(0, 1000), st.integers(2, 9))
def test_cross_entropy_is_torchs(seed: int, classes: int) -> None:
    logits, truth = batch(seed, classes)
    logits.requires_grad_()
    ours = scene_loss(logits, truth, dice=0)
    theirs = F.cross_entropy(logits, truth.long(), ignore_index=IGNORE)
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(torch.autograd.grad(ours, logits)[0], torch.autograd.grad(theirs, logits)[0])


@pytest.mark.parametrize("classes", [1, 4])
def test_a_batch_that_is_all_ignored_teaches_nothing(classes: int) -> None:
    logits = torch.randn(2, classes, 6, 7, requires_grad=True)
    truth = torch.full((2, 6, 7), IGNORE, dtype=torch.uint8)
    loss = segmentation_loss(logits, truth, dice=0.5, edge=1.0)
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.item() == 0
    assert logits.grad is not None
    assert (logits.grad == 0).all()


def test_ignored_pixels_do_not_teach() -> None:
    logits, truth = batch(3)
    logits.requires_grad_()
    scene_loss(logits, truth, dice=1.0, edge=1.0).backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    taught = (logits.grad != 0).any(dim=1)
    assert torch.equal(taught, truth != IGNORE)


def test_one_logit_is_hair() -> None:
    logits, truth = torch.randn(2, 1, 6, 7), torch.randint(0, 2, (2, 6, 7), dtype=torch.uint8)
    assert torch.equal(segmentation_loss(logits, truth, 0.5, 1.0), hair_loss(logits, truth, 0.5, 1.0))


def test_dice_by_hand() -> None:
    # Class 0 is found (2 of 2 right, 1 invented), class 1 half found, class 2 is nowhere, one pixel is ignored.
    target = torch.tensor([[[0, 0, 1, 1, 0]]])
    valid = torch.tensor([[[1.0, 1.0, 1.0, 1.0, 0.0]]])
    predicted = torch.tensor([[[0, 0, 0, 1, 2]]])
    probability = F.one_hot(predicted, 3).permute(0, 3, 1, 2).float()
    expected = (2 * 2 / (3 + 2) + 2 * 1 / (1 + 2)) / 2
    assert scene_dice(probability, target, valid).item() == pytest.approx(expected)
    assert scene_dice(F.one_hot(target, 3).permute(0, 3, 1, 2).float(), target, valid).item() == 1


def test_perfect_logits_cost_nothing() -> None:
    _, truth = batch(1)
    logits = 60.0 * F.one_hot(truth.long().clamp(max=4), 5).permute(0, 3, 1, 2)
    assert scene_loss(logits, truth, dice=0.5, edge=1.0).item() == pytest.approx(0, abs=1e-6)


def test_the_band_between_classes_knows_no_ignored_pixels() -> None:
    truth = torch.tensor([[[3, 3, 3, 3, 3, 7, 7, 7, 7, IGNORE, IGNORE]]], dtype=torch.uint8)
    assert class_edge_band(truth)[0, 0].tolist() == [0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0]
    assert not class_edge_band(torch.full((1, 4, 4), IGNORE, dtype=torch.uint8)).any()


# ---- a run


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight photos of a red and a blue block on dark noise: three classes, and a frame that is ignored."""
    folder = tmp_path_factory.mktemp("shapes")
    generator = np.random.default_rng(0)
    for name in ("images", "masks"):
        (folder / name).mkdir()
    for number in range(8):
        photo = generator.integers(0, 90, (72, 64, 3), np.uint8)
        truth = np.zeros((72, 64), np.uint8)
        for index, color in ((1, (230, 40, 40)), (2, (40, 40, 230))):
            top, left = generator.integers(4, 40, 2)
            truth[top : top + 26, left : left + 20] = index
            photo[truth == index] = color
        truth[:3] = IGNORE
        Image.fromarray(photo).save(folder / "images" / f"{number}.png")
        Image.fromarray(truth).save(folder / "masks" / f"{number}.png")
    (folder / "classes.csv").write_text("name,color\nground,black\nred,#ff0000\nblue,#0000ff\n")
    return folder


@pytest.fixture
def parsing(recipe: Recipe, shapes: Path) -> Recipe:
    source = Source(f"folder:{shapes}", "")
    return dataclasses.replace(
        recipe,
        name="shapes",
        net=dataclasses.replace(recipe.net, classes=3),
        train=(source,),
        validate=(source,),
        stages=(Stage(epochs=12, size=64, area=(0.8, 1.0), batch=4),),
        validate_every=6,
        augment=Augment(color=0, grey=0, blur=0, jpeg=0),
    )


def test_a_run_learns_three_classes(parsing: Recipe, tmp_path: Path) -> None:
    run = Run.create(tmp_path, parsing)
    best = train(parsing, run, report=lambda line: None)
    assert best["iou"] > 0.5  # calling everything ground gives 0.27
    assert {
        "iou_ground",
        "iou_red",
        "iou_blue",
        "accuracy",
        "mean_accuracy",
        "validation_loss",
    } <= best.keys()
    assert best["iou"] == pytest.approx((best["iou_ground"] + best["iou_red"] + best["iou_blue"]) / 3)
    finish(run, parsing)
    with Image.open(run.folder / "worst.png") as sheet:
        assert (255, 0, 0) in {color for _, color in sheet.getcolors(1 << 20) or ()}  # the legend's
    assert (run.folder / "curves.png").is_file()
    with safe_open(run.best, "pt") as file:
        header = json.loads(file.metadata()["hairseg"])
    assert (header["classes"], header["colors"][1]) == (["ground", "red", "blue"], "#ff0000")

    net, _, _ = read_checkpoint(run.best)
    data = open_data(parsing.train[0].data)
    again = validate(net, parsing.fit, [data], False)
    assert again["iou"] == pytest.approx(best["iou"], abs=1e-6)
    photo = np.zeros((37, 81, 3), np.uint8)
    probability = parser(net, parsing.fit)(photo)
    assert probability.shape[0] == 3
    assert probability.sum(axis=0) == pytest.approx(1, abs=1e-5)
    assert to_labels(probability, 37, 81).shape == (37, 81)


def test_a_network_of_another_number_of_classes_is_told_before_an_epoch(
    parsing: Recipe, tmp_path: Path
) -> None:
    other = dataclasses.replace(parsing, net=dataclasses.replace(parsing.net, classes=4))
    with pytest.raises(DataError, match=r"holds masks of 3 classes \(ground, red, blue, .*set classes to 3"):
        train(other, Run.create(tmp_path, other), report=lambda line: None)


def test_training_and_validation_share_their_classes(parsing: Recipe, shapes: Path, tmp_path: Path) -> None:
    for name in ("images", "masks"):
        (tmp_path / "other" / name).mkdir(parents=True)
        (tmp_path / "other" / name / "0.png").write_bytes((shapes / name / "0.png").read_bytes())
    (tmp_path / "other" / "classes.csv").write_text("name\nground\nblue\nred\n")
    mixed = dataclasses.replace(parsing, validate=(Source(f"folder:{tmp_path / 'other'}", ""),))
    with pytest.raises(DataError, match=r"class 1 is 'red' in shapes.* and 'blue' in other"):
        train(mixed, Run.create(tmp_path / "runs", mixed), report=lambda line: None)


def test_an_exported_network_gives_the_softmax_with_names_and_colours(
    parsing: Recipe, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    net = build(parsing.net).eval()
    path = tmp_path / "shapes.onnx"
    metadata = export(net, parsing, path, classes=["ground", "red", "blue"], colors=["#000", "#f00", "#00f"])
    assert metadata["parity"] <= 1e-4
    segmenter = SceneSegmenter(path, threads=1)
    assert [one.color for one in segmenter.classes] == [(0, 0, 0), (255, 0, 0), (0, 0, 255)]
    photo = np.random.default_rng(0).integers(0, 255, (50, 70, 3), np.uint8)
    ours, theirs = segmenter.probability(photo), parser(net, parsing.fit)(photo)
    np.testing.assert_allclose(ours, theirs, atol=1e-4)
    np.testing.assert_allclose(ours.sum(axis=0), 1, atol=1e-5)
    assert describe(net, parsing)["classes"] == ["class 0", "class 1", "class 2"]


def test_a_network_of_many_classes_is_not_published(parsing: Recipe, tmp_path: Path) -> None:
    write_weights(tmp_path / "best.safetensors", build(parsing.net), parsing)
    (tmp_path / "figaro1k").mkdir()
    (tmp_path / "figaro1k" / "manifest.csv").write_text("split,image,mask\ntrain,a,b\ntest,a,b\n")
    (tmp_path / "figaro1k" / "splits").mkdir()
    (tmp_path / "figaro1k" / "splits" / "val84.txt").write_text("a\n")
    with pytest.raises(
        UsageError, match="tells 3 classes apart, and hair models are published: use `hairseg export`"
    ):
        publish(tmp_path / "best.safetensors", tmp_path, tmp_path, report=lambda line: None)


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1))
def test_variations_invent_no_class(seed: int) -> None:
    generator = np.random.default_rng(seed)
    truth = torch.from_numpy(
        np.kron(generator.choice([0, 3, 5, IGNORE], (5, 6)), np.ones((8, 8))).astype(np.uint8)
    )
    photo = torch.zeros(3, 40, 48, dtype=torch.uint8)
    varied = vary(build_augment(32, (0.3, 1.0), Augment(rotate=1.0)), photo, truth, seed)[1]
    assert set(varied.unique().tolist()) <= {0, 3, 5, IGNORE}
