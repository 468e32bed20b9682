"""Learning on every view from what the training started from."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

from hairseg.errors import HairsegError, UsageError
from hairseg.net import NetConfig, build
from hairseg.net.backbones import Backbone
from hairseg.net.hidden import hidden_channels
from hairseg.training.batches import Photos
from hairseg.training.checkpoint import read_checkpoint, write_weights
from hairseg.training.imitate import IMITATED, another, as_large, reduced, shrunk
from hairseg.training.loop import train
from hairseg.training.loss import QUIET, feature_loss
from hairseg.training.processes import Processes
from hairseg.training.recipe import Augment, Distil, Recipe, Source, Stage, read_recipe
from hairseg.training.run import Run
from hairseg.training.step import Objective, normalised
from toys import ModelMaker

WHOLE = NetConfig(
    backbone="tf_efficientnet_lite0", backbone_stages=2, bins=(1, 2), decoder="fine", widths=(12, 8)
)
NARROW = dataclasses.replace(WHOLE, backbone_hidden=(24, 80, 128), widths=(8, 8))


def quiet(line: str) -> None:
    pass


class Says(nn.Module):
    """A network that says one logit everywhere, and hands on one feature and its double."""

    auxiliary = None

    def __init__(self, logit: float) -> None:
        super().__init__()
        self.logit = nn.Parameter(torch.tensor(logit))

    def forward(self, photo: torch.Tensor) -> torch.Tensor:
        return self.logit.expand(len(photo), 1, *photo.shape[2:])

    def with_features(self, photo: torch.Tensor) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        feature = self.logit * torch.tensor([-1.0, 1.0, -1.0, 1.0]).view(1, 1, 2, 2)
        return [self(photo)], [feature, torch.cat([feature, 2 * feature], dim=1)]


@pytest.mark.parametrize("features", [0.0, 0.5])
@pytest.mark.parametrize("lessons", [False, True], ids=["masks", "lessons"])
def test_the_target_is_mixed_of_mask_teachers_and_what_is_imitated(
    recipe: Recipe, lessons: bool, features: float
) -> None:
    distil = Distil(share=0.5, imitate=0.75, features=features)
    mixed = dataclasses.replace(recipe, dice=0.0, pretrained="x.onnx", distil=distil)
    imitated, net = Says(2.0), Says(-1.0)

    def asked(views: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        (logits,), handed_on = imitated.with_features(views)
        return torch.sigmoid(logits[:, 0]), handed_on

    objective = Objective(net, mixed, Processes(), asked)  # type: ignore[arg-type]
    mask = torch.ones(2, 4, 4, dtype=torch.uint8)
    truth = torch.stack([mask, torch.full_like(mask, 51)], dim=1) if lessons else mask
    target = 0.25 * (0.5 * 1 + 0.5 * 51 / 255 if lessons else 1.0) + 0.75 * torch.sigmoid(torch.tensor(2.0))
    loss = objective(torch.zeros(2, 3, 4, 4), truth)
    expected = F.binary_cross_entropy_with_logits(torch.tensor(-1.0), target)
    # Ours are 1 and -1 where theirs are -2 and 2, and have a variance of 4; doubled, one of 16: 10 in the mean.
    single = 9 / (4 + QUIET * 4)
    double = (9 / (4 + QUIET * 10) + 36 / (16 + QUIET * 10)) / 2
    expected = expected + features * (single + double) / 2
    assert float(loss.detach()) == pytest.approx(float(expected), abs=1e-6)
    loss.backward()
    assert net.logit.grad is not None
    assert imitated.logit.grad is None
    assert [*objective.parameters()] == [net.logit]  # what is imitated is no part of what learns


def test_a_narrower_network_comes_nearer_to_what_it_imitates(recipe: Recipe, tmp_path: Path) -> None:
    first = Run.create(tmp_path, dataclasses.replace(recipe, name="first", net=WHOLE))
    train(dataclasses.replace(recipe, name="first", net=WHOLE), first, report=quiet)
    theirs = read_checkpoint(first.best)[0].eval()
    narrow = dataclasses.replace(
        recipe,
        name="narrow",
        net=NARROW,
        pretrained=str(first.best),
        stages=(Stage(epochs=4, size=64, area=(0.6, 1.0), batch=4),),
        distil=Distil(imitate=1.0),
        dice=0.0,
        warmup=0,
        ema=0.0,
        backbone_rate=1e-3,
        head_rate=1e-3,
    )
    run = Run.create(tmp_path, narrow)
    train(narrow, run, report=quiet)
    kept, described, _ = read_checkpoint(run.folder / IMITATED)
    assert [one.width for one in hidden_channels(kept)] == [32, 96, 144, 12, 12]
    assert described.net == dataclasses.replace(WHOLE, backbone_hidden=(32, 96, 144))
    state = theirs.state_dict()
    assert all(torch.equal(state[name], value) for name, value in kept.state_dict().items())
    losses = [line["loss"] for line in run.lines()]
    assert losses[-1] < losses[0]


def test_a_resumed_run_imitates_the_same(recipe: Recipe, tmp_path: Path) -> None:
    before = dataclasses.replace(recipe, name="before", net=WHOLE)
    first = Run.create(tmp_path, before)
    train(before, first, report=quiet)
    start = first.folder / "start.safetensors"
    start.write_bytes(first.best.read_bytes())
    again = dataclasses.replace(
        recipe, name="again", net=NARROW, pretrained=str(start), distil=Distil(imitate=0.5)
    )
    through = Run.create(tmp_path, again)
    train(again, through, report=quiet)

    class Stopped(Exception):
        pass

    def stop(line: str) -> None:
        if line.startswith("epoch 1/"):
            raise Stopped

    cut = Run.create(tmp_path, again)
    with pytest.raises(Stopped):
        train(again, cut, report=stop)
    start.unlink()  # what it came from may be gone
    train(again, cut, resume=True, report=quiet)
    ours, theirs = (read_checkpoint(run.best)[0].state_dict() for run in (through, cut))
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_features_come_nearer_and_norms_keep_their_statistics(recipe: Recipe, tmp_path: Path) -> None:
    first = Run.create(tmp_path, dataclasses.replace(recipe, name="first", net=WHOLE))
    train(dataclasses.replace(recipe, name="first", net=WHOLE), first, report=quiet)
    changed = dataclasses.replace(
        recipe,
        name="features",
        net=dataclasses.replace(NARROW, backbone_hidden=(16, 32, 48)),
        pretrained=str(first.best),
        stages=(Stage(epochs=10, size=64, area=(0.6, 1.0), batch=4),),
        validate=(),  # so that the last epoch is kept
        distil=Distil(imitate=1.0, features=1.0),
        dice=0.0,
        warmup=0,
        ema=0.0,
        backbone_rate=3e-4,
        head_rate=3e-4,
    )
    still = dataclasses.replace(changed, name="still", backbone_rate=1e-12, head_rate=1e-12)
    runs = []
    for each in (changed, still):
        runs.append(Run.create(tmp_path, each))
        train(each, runs[-1], report=quiet)
    learnt, start = (read_checkpoint(run.best)[0].eval() for run in runs)
    whole = read_checkpoint(first.best)[0].eval()
    views = normalised(Photos(changed).sample(changed.stages[0], 8), whole.backbone)
    with torch.inference_mode():
        theirs = whole.with_features(views)[1]
        after, before = (feature_loss(net.with_features(views)[1], theirs) for net in (learnt, start))
    assert float(after) < 0.98 * float(before)
    ours, begun = learnt.state_dict(), start.state_dict()
    assert all(torch.equal(ours[name], begun[name]) for name in ours if "running" in name)
    assert not torch.equal(ours["head.weight"], begun["head.weight"])


def test_features_are_those_of_what_is_imitated() -> None:
    with pytest.raises(UsageError, match="features are those of what is imitated: give imitate, too"):
        Distil(features=1.0)
    with pytest.raises(UsageError, match="features is -1: give a weight, 0 or more"):
        Distil(imitate=1.0, features=-1.0)


@pytest.mark.parametrize("start", ["none", "imagenet"])
def test_only_what_finds_hair_is_imitated(recipe: Recipe, start: str) -> None:
    with pytest.raises(
        UsageError, match=f"imitate is 0.5 beside pretrained = '{start}', which finds no hair"
    ):
        dataclasses.replace(recipe, pretrained=start, distil=Distil(imitate=0.5))


def test_the_share_is_one(recipe: Recipe) -> None:
    with pytest.raises(UsageError, match=r"distil: imitate is 1\.5: give a number from 0 to 1"):
        Distil(imitate=1.5)
    scene = dataclasses.replace(recipe.net, classes=3)
    with pytest.raises(UsageError, match="teachers know hair alone, and the network tells 3 classes apart"):
        dataclasses.replace(recipe, net=scene, pretrained="x.onnx", distil=Distil(imitate=0.5))


def test_views_are_reduced_to_whole_grids_and_masks_at_the_middle_of_their_pixels() -> None:
    views = torch.zeros(1, 3, 96, 96)
    views[..., 40:56] = 1.0  # a sixth, in the middle
    truth = (views[:, 0] > 0).to(torch.uint8)
    small, true = reduced(views, truth, 1.5)
    assert small.shape == (1, 3, 64, 64)
    assert true.shape == (1, 64, 64)
    assert true.dtype == torch.uint8
    # 40 and 56 of 96 lie at 26.7 and 37.3 of 64.
    assert true[0, 0].nonzero().flatten().tolist() == [*range(27, 37)]
    assert float(small.mean()) == pytest.approx(float(views.mean()), abs=1e-3)
    torch.testing.assert_close(small, small.flip(3))
    both, answers = reduced(views, torch.stack([truth, 2 * truth], dim=1), 1.5)
    assert torch.equal(both, small)
    assert torch.equal(answers, torch.stack([true, 2 * true], dim=1))
    assert reduced(views, truth, 1.0) == (views, truth)
    assert [shrunk(side, 1.6) for side in (224, 320, 448)] == [144, 192, 288]
    said = as_large(truth.float(), small)
    assert said.shape == (1, 64, 64)
    assert float(said.mean()) == pytest.approx(float(truth.float().mean()), abs=1e-3)


def three_colors(backbone: Backbone) -> torch.Tensor:
    """Two views of three vertical stripes, as a network with ``backbone`` takes them."""
    colors = torch.tensor([[200, 100, 0], [100, 101, 0], [10, 90, 7]], dtype=torch.uint8)
    views = colors.T[None, :, None, :].expand(2, 3, 64, 3).repeat_interleave(32, dim=3)
    return normalised(views, backbone)


def said_of_colors(
    name: str, backbone: Backbone, recipe: Recipe, folder: Path, resume: bool = False
) -> torch.Tensor:
    """What the model of a name says of them."""
    ask = another(name, backbone, recipe, folder / IMITATED, resume, Processes())
    said, features = ask(three_colors(backbone))
    assert features == []
    assert said.shape == (2, 64, 96)
    return said


def test_an_exported_model_is_asked_with_its_own_normalisation(
    recipe: Recipe, toy_model: Path, tmp_path: Path
) -> None:
    net = build(dataclasses.replace(WHOLE, backbone="squeezenet1_1"))
    assert net.backbone.mean != (0, 0, 0)
    said = said_of_colors(str(toy_model), net.backbone, recipe, tmp_path)
    # The toy says sigmoid(20 (red - green)) of values in [0, 1].
    expected = torch.sigmoid(torch.tensor([100.0, -1.0, -80.0]) * 20 / 255)
    for column, value in zip((16, 48, 80), expected, strict=True):
        torch.testing.assert_close(said[:, :, column], value.expand(2, 64), atol=1e-4, rtol=0)
    assert not (tmp_path / IMITATED).exists()  # whoever has the recipe has the file


def test_a_checkpoint_is_asked_and_kept_for_a_resume(recipe: Recipe, tmp_path: Path) -> None:
    torch.manual_seed(1)
    other = build(WHOLE).eval()
    write_weights(tmp_path / "other.safetensors", other, dataclasses.replace(recipe, net=WHOLE))
    learner = build(NetConfig(backbone="squeezenet1_1", bins=(1, 2), decoder="fine", widths=(8, 8, 8, 8)))
    name = str(tmp_path / "other.safetensors")
    said = said_of_colors(name, learner.backbone, recipe, tmp_path)
    (tmp_path / "other.safetensors").unlink()
    again = said_of_colors(name, learner.backbone, recipe, tmp_path, resume=True)
    assert torch.equal(said, again)
    with torch.inference_mode():
        expected = torch.sigmoid(other(three_colors(other.backbone)))[:, 0]
    torch.testing.assert_close(said, expected, atol=1e-5, rtol=0)


def test_a_network_from_nothing_learns_what_another_one_says(
    recipe: Recipe, toy_model: Path, tmp_path: Path
) -> None:
    """The masks say that there is no hair at all; the toy takes red for hair."""
    shutil.copytree(Path(recipe.train[0].data.partition(":")[2]), tmp_path / "lies")
    for mask in (tmp_path / "lies" / "masks").iterdir():
        with Image.open(mask) as image:
            size = image.size
        Image.new("L", size).save(mask)
    told = dataclasses.replace(
        recipe,
        train=(Source(f"folder:{tmp_path / 'lies'}", ""),),
        validate=(),
        stages=(Stage(epochs=10, size=96, area=(0.6, 1.0), batch=4),),
        distil=Distil(imitate=1.0, imitate_of=str(toy_model), reduce=1.5),
        augment=Augment(),
        dice=0.0,
    )
    run = Run.create(tmp_path, told)
    train(told, run, report=quiet)
    net = read_checkpoint(run.best)[0].eval()
    photos = Photos(told).sample(told.stages[0], 8)
    with torch.inference_mode():
        found = torch.sigmoid(net(normalised(photos, net.backbone)))[:, 0]
    # The block of plain red.
    block = (photos[:, 0] > 150) & (photos[:, 1] < 60) & (photos[:, 2] < 60)
    assert float(block.float().mean()) > 0.05
    assert float(found[block].mean()) > 0.7
    assert float(found[~block].mean()) < 0.55


def test_a_run_that_imitates_another_model_goes_on_as_if_nothing_had_been(
    recipe: Recipe, tmp_path: Path
) -> None:
    write_weights(tmp_path / "other.safetensors", build(WHOLE), dataclasses.replace(recipe, net=WHOLE))
    told = dataclasses.replace(
        recipe, distil=Distil(imitate=0.7, imitate_of=str(tmp_path / "other.safetensors"), reduce=1.5)
    )

    class Stopped(Exception):
        pass

    def stop(line: str) -> None:
        if line.startswith("epoch 1/"):
            raise Stopped

    through, cut = Run.create(tmp_path, told), Run.create(tmp_path, told)
    train(told, through, report=quiet)
    with pytest.raises(Stopped):
        train(told, cut, report=stop)
    (tmp_path / "other.safetensors").unlink()
    train(told, cut, resume=True, report=quiet)
    ours, theirs = (read_checkpoint(run.best)[0].state_dict() for run in (through, cut))
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_recipes_that_are_imitated_are_trained_first(recipe: Recipe, tmp_path: Path) -> None:
    text = """
    name = "{name}"
    {first}
    validate = []
    bf16 = false
    workers = 0
    {distil}
    [net]
    backbone = "test_efficientnet"
    bins = [1, 2]
    decoder = "fine"
    widths = [8, 8, 8, 8, 8]
    [fit]
    mode = "area"
    size = 64
    [[train]]
    data = "{data}"
    split = ""
    [[stages]]
    epochs = 1
    size = 64
    batch = 4
    """
    place = {"data": recipe.train[0].data}
    (tmp_path / "teacher.toml").write_text(
        text.format(name="teacher", first='pretrained = "none"', distil="", **place)
    )
    (tmp_path / "student.toml").write_text(
        text.format(
            name="student",
            first='pretrained = "none"',
            distil='distil = {imitate = 1.0, imitate_of = "teacher.toml"}',
            **place,
        )
    )
    told = read_recipe(tmp_path / "student.toml")
    assert told.distil.imitate_of == str(tmp_path / "teacher.toml")
    run = Run.create(tmp_path / "runs", told)
    train(told, run, report=quiet)
    teacher = read_checkpoint(run.folder / "teacher" / "best.safetensors")[0].state_dict()
    kept = read_checkpoint(run.folder / IMITATED)[0].state_dict()
    assert all(torch.equal(teacher[name], kept[name]) for name in teacher)


def test_what_cannot_be_imitated(recipe: Recipe, tmp_path: Path, make_model: ModelMaker) -> None:
    backbone = build(WHOLE).backbone
    for name, sentence in (
        ("hairsec", "imitate_of is 'hairsec': use a packaged model's name"),
        (str(tmp_path / "gone.safetensors"), "gone.safetensors"),
        (str(make_model(classes=["a", "b", "c"])), "tells 3 classes apart: give one that finds hair"),
    ):
        with pytest.raises(HairsegError, match=sentence):
            another(name, backbone, recipe, tmp_path / IMITATED, False, Processes())
    for wrong, sentence in (
        ({"imitate_of": "x.onnx"}, "imitate_of and reduce say how imitate is meant: give imitate, too"),
        ({"imitate": 1.0, "reduce": 5.0}, "reduce is 5: give a number from 1 to 4"),
        (
            {"imitate": 1.0, "imitate_of": "x.onnx", "features": 1.0},
            "leave imitate_of and reduce out, or features",
        ),
    ):
        with pytest.raises(UsageError, match=sentence):
            Distil(**wrong)
