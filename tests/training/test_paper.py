"""The paper's recipe: its crop, its optimiser, its auxiliary loss, and the recipes that are shipped."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch.nn import functional as F
from torchvision import tv_tensors

from hairseg.data import IGNORE
from hairseg.errors import UsageError
from hairseg.net import build
from hairseg.training.augment import build_augment, vary
from hairseg.training.loop import train
from hairseg.training.optimize import build_optimizer, rate_factor
from hairseg.training.paper_crop import PaperCrop, crop_grid
from hairseg.training.recipe import Augment, Recipe, Stage, read_recipe
from hairseg.training.run import Run

MEAN = (124, 116, 104)
STILL = Augment(crop="paper", scale=(1.0, 1.0), rotate=0, flip=0, color=0, grey=0, blur=0, jpeg=0)


def noise(height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(height * 1000 + width)
    photo = torch.randint(0, 256, (3, height, width), dtype=torch.uint8, generator=generator)
    return photo, torch.randint(0, 7, (height, width), dtype=torch.uint8, generator=generator)


# ---- the crop


def test_a_crop_at_scale_1_is_a_piece_of_the_photo() -> None:
    photo, truth = noise(50, 70)
    seen = set()
    for seed in range(12):
        square, labels = vary(build_augment(33, (0.3, 1.0), STILL, MEAN), photo, truth, seed)
        places = [
            (top, left)
            for top in range(18)
            for left in range(38)
            if torch.equal(square, photo[:, top : top + 33, left : left + 33])
        ]
        assert len(places) == 1
        top, left = places[0]
        assert torch.equal(labels, truth[top : top + 33, left : left + 33])
        seen.add(places[0])
    assert len(seen) > 6


def test_a_photo_smaller_than_the_crop_lies_in_the_middle_of_the_mean_colour() -> None:
    photo, truth = noise(20, 28)
    square, labels = vary(build_augment(33, (0.3, 1.0), STILL, MEAN), photo, truth, 0)
    expected = torch.tensor(MEAN, dtype=torch.uint8).view(3, 1, 1).repeat(1, 33, 33)
    expected[:, 6:26, 2:30] = photo
    assert torch.equal(square, expected)
    assert torch.equal(labels[6:26, 2:30], truth)
    assert int((labels != IGNORE).sum()) == 20 * 28


def test_scaling_is_bilinear_without_smoothing() -> None:
    # torch's own resize, as OpenCV's, for an independent answer.
    photo, truth = noise(24, 40)
    for factor in (0.5, 0.75, 2.0, 3.0):
        size = (round(24 * factor), round(40 * factor))
        square = max(size)
        crop = PaperCrop(square, (factor, factor), 0.0, 10.0, MEAN)
        found, labels = crop(tv_tensors.Image(photo), tv_tensors.Mask(truth[None]))
        top = (square - size[0]) // 2
        resized = F.interpolate(photo[None].float(), size, mode="bilinear", align_corners=False)[0]
        inside = found[:, top : top + size[0]].float()
        assert (inside - resized).abs().max() <= 0.51
        nearest = F.interpolate(truth[None, None].float(), size, mode="nearest-exact")[0, 0]
        # Where a place is as near to two pixels, either may be taken.
        if factor >= 2:
            assert torch.equal(labels[0, top : top + size[0]].float(), nearest)


def test_a_quarter_turn() -> None:
    grid, inside = crop_grid((6, 6), (0, 0), 6, math.pi / 2)
    photo = torch.arange(36.0).view(1, 1, 6, 6)
    turned = F.grid_sample(photo, grid, align_corners=False, padding_mode="border")[0, 0]
    assert torch.allclose(turned, torch.rot90(photo[0, 0], -1), atol=1e-4) or torch.allclose(
        turned, torch.rot90(photo[0, 0], 1), atol=1e-4
    )
    assert inside.all()


def test_the_corners_of_a_turned_photo_are_the_mean_colour_and_ignored() -> None:
    photo, truth = noise(64, 64)
    turning = dataclasses.replace(STILL, rotate=1.0, degrees=10.0)
    uncovered = 0
    for seed in range(6):
        square, labels = vary(build_augment(64, (0.3, 1.0), turning, MEAN), photo, truth, seed)
        ignored = labels == IGNORE
        assert (square[:, ignored] == torch.tensor(MEAN, dtype=torch.uint8)[:, None]).all()
        assert not ignored[20:44, 20:44].any()
        uncovered += int(ignored.sum())
    assert uncovered > 0


@given(st.integers(5, 90), st.integers(5, 90), st.integers(0, 2**32 - 1))
def test_truth_is_ignored_exactly_where_the_photo_ends(height: int, width: int, seed: int) -> None:
    photo = torch.full((3, height, width), 255, dtype=torch.uint8)
    truth = torch.ones(height, width, dtype=torch.uint8)
    varied = dataclasses.replace(STILL, scale=(0.5, 2.0), rotate=0.5, degrees=10.0)
    square, labels = vary(build_augment(41, (0.3, 1.0), varied, MEAN), photo, truth, seed)
    beyond = (square == torch.tensor(MEAN, dtype=torch.uint8).view(3, 1, 1)).all(0)
    assert torch.equal(beyond, labels == IGNORE)
    assert (labels[~beyond] == 1).all()
    assert (square[:, ~beyond] == 255).all()


def test_scales_that_make_no_sense() -> None:
    for scale in ((0.0, 1.0), (2.0, 0.5)):
        with pytest.raises(UsageError, match="give the smallest and the largest factor"):
            Augment(scale=scale)


# ---- the recipe


def test_the_papers_rates_and_decay(recipe: Recipe) -> None:
    paper = dataclasses.replace(
        recipe,
        optimizer="sgd",
        backbone_rate=0.01,
        head_rate=0.1,
        weight_decay=1e-4,
        decay_all=True,
        warmup=0,
    )
    groups = build_optimizer(build(recipe.net), paper).param_groups
    assert {group["momentum"] for group in groups} == {0.9}
    assert {group["weight_decay"] for group in groups} == {1e-4}
    assert {group["lr"] for group in groups} == {0.01, 0.1}
    factors = [rate_factor(step, 10, paper) for step in range(10)]
    assert factors == pytest.approx([(1 - step / 10) ** 0.9 for step in range(10)])


def with_head(recipe: Recipe, **changes: object) -> Recipe:
    net = dataclasses.replace(recipe.net, auxiliary=True, auxiliary_width=8)
    stages = (dataclasses.replace(recipe.stages[0], epochs=1),)
    return dataclasses.replace(recipe, net=net, stages=stages, validate=(), **changes)  # type: ignore[arg-type]


def test_the_auxiliary_loss_weighs_0_4_unless_said(recipe: Recipe) -> None:
    assert recipe.auxiliary_weight == 0
    assert with_head(recipe).auxiliary_weight == 0.4
    assert with_head(recipe, auxiliary=0.9).auxiliary_weight == 0.9
    assert with_head(recipe, auxiliary=0.0).auxiliary_weight == 0


def test_a_weight_without_an_auxiliary_head(recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"auxiliary = 0\.3 weighs .* but the network has none"):
        dataclasses.replace(recipe, auxiliary=0.3)
    with pytest.raises(UsageError, match="auxiliary is -1: give a weight of 0 or more"):
        with_head(recipe, auxiliary=-1.0)
    path = tmp_path / "mine.toml"
    path.write_text("auxiliary = 0.4\n")
    with pytest.raises(UsageError, match=r"mine\.toml: auxiliary = 0\.4 weighs"):
        read_recipe(path)
    path.write_text("auxiliary = 'much'\n")
    with pytest.raises(UsageError, match="it must be of type float"):
        read_recipe(path)


def test_the_loss_is_the_heads_plus_the_weighted_auxiliary(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first step's loss is linear in the weight, and 0 is the head alone."""
    first = {}
    for weight in (0.0, 0.4, 0.8):
        chosen = with_head(recipe, auxiliary=weight)
        seen: list[float] = []
        train(
            chosen,
            Run.create(tmp_path, chosen),
            report=lambda line: None,
            progress=lambda step, steps, loss, seen=seen: seen.append(loss),  # type: ignore[misc]
        )
        first[weight] = seen[0]
    assert first[0.4] > first[0.0]
    assert first[0.4] - first[0.0] == pytest.approx(first[0.8] - first[0.4], rel=1e-4)


def test_a_stage_of_nothing() -> None:
    with pytest.raises(UsageError, match="a stage has 1 epochs of 0 px in batches of 8: give positive"):
        Stage(epochs=1, size=0)


# ---- what is shipped


def scene(folder: Path, photo: str, mask: str, labels: list[int]) -> None:
    """A photo of 60 x 40 pixels in three stripes, with the labels of the stripes as its mask."""
    truth = np.repeat(np.array(labels, np.uint8), 20)[None].repeat(40, axis=0)
    pixels = np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)
    for path, array in ((folder / photo, pixels), (folder / mask, truth)):
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(array).save(path)


def tree(kind: str, folder: Path) -> Path:
    """Two training photos and one for validation, in the layout of a public set."""
    for number in range(3):
        part = "train" if number < 2 else "val"
        if kind == "ade20k":
            long = {"train": "training", "val": "validation"}[part]
            scene(folder, f"images/{long}/{number}.jpg", f"annotations/{long}/{number}.png", [0, 1, 150])
        elif kind == "voc":
            scene(folder, f"JPEGImages/{number}.jpg", f"SegmentationClassAug/{number}.png", [0, 20, 255])
            scene(folder, f"JPEGImages/{number}.jpg", f"SegmentationClass/{number}.png", [0, 20, 255])
        else:
            stem = f"{part}/bonn/bonn_{number}_0"
            mask = f"gtFine/{stem}_gtFine_labelTrainIds.png"
            scene(folder, f"leftImg8bit/{stem}_leftImg8bit.png", mask, [0, 18, 255])
    if kind == "voc":
        lists = folder / "ImageSets" / "Segmentation"
        lists.mkdir(parents=True)
        (lists / "trainaug.txt").write_text("0\n1\n")
        (lists / "val.txt").write_text("2\n")
    return folder


SHIPPED = [
    ("ade20k", "ADE20K", 473, 100),
    ("voc", "VOC2012", 473, 50),
    ("cityscapes", "CITYSCAPES", 713, 200),
]


@pytest.mark.parametrize(("kind", "variable", "size", "epochs"), SHIPPED)
def test_a_shipped_recipe_starts(
    kind: str, variable: str, size: int, epochs: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, str(tree(kind, tmp_path / "data")))
    path = Path(__file__).parents[2] / "recipes" / f"pspnet50_{kind}.toml"
    whole = read_recipe(path)
    assert whole.net.backbone == "resnet50"
    assert whole.auxiliary_weight == 0.4
    assert whole.stages == (Stage(epochs=epochs, size=size, batch=16),)
    small = {
        "net.backbone": "test_resnet",
        "net.head_width": 16,
        "pretrained": "none",
        "workers": 0,
        "fit.size": 64,
        "stages": [{"epochs": 2, "size": 49, "batch": 2}],
    }
    recipe = read_recipe(path, small)
    run = Run.create(tmp_path, recipe)
    train(recipe, run, report=lambda line: None)
    lines = run.lines()
    assert [line["epoch"] for line in lines] == [1, 2]
    assert all(0 < line["loss"] < 20 for line in lines)
    assert 0 <= lines[-1]["iou"] <= 1
