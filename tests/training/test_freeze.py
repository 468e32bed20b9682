"""Training of parts of a network."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from torch.nn.modules.batchnorm import _BatchNorm

from hairseg.errors import UsageError
from hairseg.net import PSPNet, build
from hairseg.training.checkpoint import read_checkpoint
from hairseg.training.depthwise import speed_up_depthwise
from hairseg.training.freeze import freeze, to_training
from hairseg.training.loop import train
from hairseg.training.optimize import build_optimizer
from hairseg.training.recipe import Recipe
from hairseg.training.run import Run

DEEP = ("backbone.body.blocks.4", "pyramid", "decoder.reduce")


def quiet(line: str) -> None:
    pass


@pytest.fixture
def begun(recipe: Recipe, tmp_path: Path) -> Recipe:
    """A recipe that goes on from three epochs with the deep parts alone."""
    first = Run.create(tmp_path, recipe)
    train(recipe, first, report=quiet)
    return dataclasses.replace(recipe, name="deep", pretrained=str(first.best), trainable=DEEP, seed=1)


def test_only_the_named_parts_change(begun: Recipe, tmp_path: Path) -> None:
    run = Run.create(tmp_path, begun)
    train(begun, run, report=quiet)
    before = read_checkpoint(Path(begun.pretrained))[0].state_dict()
    after = read_checkpoint(run.best)[0].state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    # Statistics of batch norms and weights of every kind; `blocks.4` is the toy's last stage.
    assert changed == {name for name in before if name.startswith(DEEP)}
    assert {name.split(".")[0] for name in set(before) - changed} == {"backbone", "decoder", "head"}


def test_still_norms_keep_their_statistics_while_all_weights_learn(begun: Recipe, tmp_path: Path) -> None:
    still = dataclasses.replace(begun, trainable=(), still_norms=True)
    run = Run.create(tmp_path, still)
    train(still, run, report=quiet)
    before = read_checkpoint(Path(begun.pretrained))[0].state_dict()
    after = read_checkpoint(run.best)[0].state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {
        name for name in before if not name.endswith(("running_mean", "running_var", "num_batches_tracked"))
    }
    with pytest.raises(UsageError, match="there are no statistics yet that norms could keep"):
        dataclasses.replace(still, pretrained="none")


def test_a_killed_run_of_parts_goes_on_to_the_same_weights(begun: Recipe, tmp_path: Path) -> None:
    whole, killed = Run.create(tmp_path, begun), Run.at(tmp_path / "killed", begun)
    train(begun, whole, report=quiet)

    def stop_after_the_first(line: str) -> None:
        if line.startswith("epoch 1/"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(begun, killed, report=stop_after_the_first)
    train(begun, killed, resume=True, report=quiet)
    one, other = (read_checkpoint(run.best)[0].state_dict() for run in (whole, killed))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_gradients_are_those_of_the_whole_network(recipe: Recipe) -> None:
    """The oracle: all parameters learn, and the batch norms that would not learn stand still by hand."""
    torch.manual_seed(0)
    oracle, net = build(recipe.net), build(recipe.net)
    net.load_state_dict(oracle.state_dict())
    photo = torch.randn(2, 3, 64, 64)
    freeze(net, dataclasses.replace(recipe, pretrained="x.safetensors", trainable=DEEP))
    speed_up_depthwise(net)  # its own backward pass meets weights that ask for no gradient
    to_training(net)
    oracle.train()
    for name, module in oracle.named_modules():
        if isinstance(module, _BatchNorm) and not name.startswith(DEEP):
            module.eval()
    for one in (net, oracle):
        one(photo).square().mean().backward()
    ours, theirs = (dict(one.named_parameters()) for one in (net, oracle))
    assert {name for name, parameter in ours.items() if parameter.grad is not None} == {
        name for name in ours if name.startswith(DEEP)
    }
    for name in ours:
        if name.startswith(DEEP):
            torch.testing.assert_close(ours[name].grad, theirs[name].grad, rtol=1e-3, atol=1e-6)


def test_without_names_everything_learns(recipe: Recipe) -> None:
    net = build(recipe.net)
    freeze(net, recipe)
    to_training(net)
    assert all(parameter.requires_grad for parameter in net.parameters())
    assert all(module.training for module in net.modules())
    learned = [p for group in build_optimizer(net, recipe).param_groups for p in group["params"]]
    assert len(learned) == len(list(net.parameters()))


def test_the_optimiser_has_the_trainable_parts_alone(recipe: Recipe) -> None:
    net: PSPNet = build(recipe.net)
    freeze(net, dataclasses.replace(recipe, pretrained="x.safetensors", trainable=("pyramid",)))
    learned = {id(p) for group in build_optimizer(net, recipe).param_groups for p in group["params"]}
    assert learned == {id(parameter) for parameter in net.pyramid.parameters()}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"trainable": ("piramid",)}, "trainable: the network has no part 'piramid': give the beginning of a name"),
        ({"pretrained": "imagenet", "trainable": ("pyramid", "decoder")}, r"trainable: head\.weight starts anew"),
        ({"pretrained": "none", "trainable": ("head",)}, r"trainable: backbone\.\S+ starts anew"),
        ({"fresh": ("pyramid",), "trainable": ("head",)}, r"trainable: pyramid\.\S+ starts anew and would never"),
    ],
)  # fmt: skip
def test_what_cannot_be_trained_in_parts(recipe: Recipe, changes: dict[str, object], said: str) -> None:
    one = dataclasses.replace(recipe, **{"pretrained": "hairseg", **changes})  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=said):
        freeze(build(recipe.net), one)


def test_a_head_on_an_imagenet_backbone_learns_alone(recipe: Recipe) -> None:
    net = build(recipe.net)
    freeze(net, dataclasses.replace(recipe, pretrained="imagenet", trainable=("pyramid", "decoder", "head")))
    assert {name.split(".")[0] for name, p in net.named_parameters() if not p.requires_grad} == {"backbone"}
