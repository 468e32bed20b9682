"""Our network and the independent reference of each preset: same random weights, same logits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from reference.gluon import Gluon
from reference.mmseg import Mmseg
from reference.paddle import Paddle
from reference.seed import Seed
from reference.semseg import Semseg
from reference.smp import Smp
from reference.weights import randomise
from torch import Tensor, nn

from hairseg.net import NetConfig, PSPNet, build, preset
from hairseg.net.published import from_state

PUBLISHED: dict[str, tuple[Callable[[], nn.Module], NetConfig, tuple[int, int]]] = {
    "semseg 50": (Semseg, preset("semseg", classes=150), (49, 65)),
    "semseg without auxiliary head": (
        lambda: Semseg(18, 21, auxiliary=False),
        preset("semseg", backbone="resnet18", classes=21, auxiliary=False),
        (49, 81),
    ),
    "mmseg 18": (lambda: Mmseg(18), preset("mmseg", backbone="resnet18", classes=19), (57, 70)),
    "mmseg 50": (lambda: Mmseg(50, 21), preset("mmseg", classes=21), (49, 65)),
    "mmseg 18b": (
        lambda: Mmseg(18, stem="v1b", auxiliary=False),
        preset("mmseg", backbone="resnet18", stem="7x7", classes=19, auxiliary=False),
        (57, 70),
    ),
    "mmseg 18d": (
        lambda: Mmseg(18, stem="v1d"),
        preset("mmseg", backbone="resnet18", stem="vd", classes=19),
        (57, 70),
    ),
    "smp 18": (lambda: Smp("resnet18"), preset("smp", backbone="resnet18"), (64, 96)),
    "smp 50": (lambda: Smp("resnet50", 6), preset("smp", classes=6), (64, 96)),
    "smp 18, depth 4": (
        lambda: Smp("resnet18", encoder_depth=4, width=128),
        preset("smp", backbone="resnet18", backbone_stages=4, head_width=128),
        (96, 112),
    ),
    "smp 18, depth 5": (
        lambda: Smp("resnet18", encoder_depth=5),
        preset("smp", backbone="resnet18", backbone_stages=5),
        (96, 160),
    ),
    "seed": (lambda: Seed(bias=True), preset("seed"), (101, 131)),
    "seed, published": (Seed, preset("seed"), (101, 131)),
    "seed 18": (lambda: Seed("resnet18", 2), preset("seed", backbone="resnet18", classes=2), (101, 131)),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_logits_are_the_published_codes(name: str) -> None:
    make, config, size = PUBLISHED[name]
    torch.manual_seed(0)
    reference = randomise(make())
    converted = from_state(reference.state_dict())
    assert converted.config == config
    assert converted.preset == name.split()[0].rstrip(",")
    _compare(reference.double(), converted.net.double(), size)


@pytest.mark.parametrize(
    "change",
    [
        {"contract_dilation": False},
        {"dilate_second": True},
        {"align_corners": True},
        {"align_logits": True},
        {"output_stride": 16},
        {"concat": "last"},
        {"bins": (1, 2, 3, 4)},
        {"pooling": "max"},
    ],
)
def test_each_difference_of_the_codes_shows_in_the_logits(change: dict[str, Any], mmseg18: Mmseg) -> None:
    photo = torch.randn(1, 3, 57, 70)
    with torch.inference_mode():
        theirs = mmseg18(photo)
        ours = from_state(mmseg18.state_dict(), **change).net(photo)
    assert (ours - theirs).abs().max() > 1e-3


@pytest.fixture(scope="module")
def mmseg18() -> nn.Module:
    """mmsegmentation's on ResNet-18, whose answer depends on all of it."""
    torch.manual_seed(0)
    return randomise(Mmseg(18, auxiliary=False))


def _compare(reference: nn.Module, net: PSPNet, size: tuple[int, int]) -> None:
    photo = torch.randn(1, 3, *size, dtype=torch.float64)
    with torch.inference_mode():
        theirs = reference(photo)
        assert theirs.std() > 1e-2  # a network that answers something
        torch.testing.assert_close(net(photo), theirs, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("name", "reference"), [("paddle", Paddle), ("gluon", Gluon)])
def test_logits_are_those_of_other_frameworks(name: str, reference: Callable[..., nn.Module]) -> None:
    torch.manual_seed(0)
    theirs = randomise(reference(50, 3)).double()
    ours = build(preset(name, classes=3, auxiliary=False)).double().eval()
    _copy_in_order(_without_biases(theirs), ours)
    _compare(theirs, ours, (49, 65))


def _without_biases(net: nn.Module) -> dict[str, Tensor]:
    """The state of ``net`` with each bias before a batch norm moved into the norm's mean."""
    state = dict(net.state_dict())
    for module, norm in zip(net.modules(), list(net.modules())[1:], strict=False):
        if isinstance(module, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d) and module.bias is not None:
            bias = next(key for key, value in state.items() if value.data_ptr() == module.bias.data_ptr())
            mean = next(
                key for key, value in state.items() if value.data_ptr() == norm.running_mean.data_ptr()
            )
            state[mean] = state[mean] - state.pop(bias)
    return state


def _copy_in_order(state: dict[str, Tensor], net: PSPNet) -> None:
    """Both register their modules in the order of the photo's way."""
    values = iter(state.values())
    net.load_state_dict({key: next(values).reshape(own.shape) for key, own in net.state_dict().items()})
    assert next(values, None) is None


def test_auxiliary_logits_are_the_published_codes() -> None:
    torch.manual_seed(0)
    for make in (lambda: Semseg(18, 21), lambda: Mmseg(18)):
        reference: Any = randomise(make())
        photo = torch.randn(1, 3, 57, 73)
        with torch.inference_mode():
            _, ours = from_state(reference.state_dict()).net.with_auxiliary(photo)
            torch.testing.assert_close(ours, reference.auxiliary(photo), rtol=0, atol=1e-5)
