"""Learning on every view from what the training started from."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from hairseg.errors import UsageError
from hairseg.net import NetConfig
from hairseg.net.hidden import hidden_channels
from hairseg.training.batches import Photos
from hairseg.training.checkpoint import read_checkpoint
from hairseg.training.loop import IMITATED, train
from hairseg.training.loss import QUIET, feature_loss
from hairseg.training.processes import Processes
from hairseg.training.recipe import Distil, Recipe, Stage
from hairseg.training.run import Run
from hairseg.training.step import Objective, normalised

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
    objective = Objective(net, mixed, Processes(), imitated)  # type: ignore[arg-type]
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
