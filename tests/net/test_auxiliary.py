from __future__ import annotations

import pytest
import torch
from torch import nn

from hairseg.errors import UsageError
from hairseg.net import NetConfig, build, preset
from hairseg.net.auxiliary import AuxiliaryHead

TINY = preset("paper", backbone="test_resnet", stem="own", head_width=8, classes=3)


def test_the_head_is_the_papers() -> None:
    # hszhao/semseg: 3x3 to a quarter of 1024 channels without bias, BN, ReLU, dropout 0.1, 1x1 to the classes.
    kinds = [module for module in AuxiliaryHead(1024, 150).modules() if not list(module.children())]
    assert [type(kind) for kind in kinds] == [nn.Conv2d, nn.BatchNorm2d, nn.ReLU, nn.Dropout2d, nn.Conv2d]
    assert [tuple(kind.weight.shape) for kind in kinds if isinstance(kind, nn.Conv2d)] == [
        (256, 1024, 3, 3),
        (150, 256, 1, 1),
    ]
    assert next(kind.p for kind in kinds if isinstance(kind, nn.Dropout2d)) == 0.1


def test_both_logits_have_the_photos_size_and_the_first_are_the_answer() -> None:
    net = build(TINY).eval()
    photo = torch.randn(2, 3, 75, 101)
    with torch.inference_mode():
        logits, auxiliary = net.with_auxiliary(photo)
        assert torch.equal(logits, net(photo))
    assert auxiliary.shape == (2, 3, 75, 101)
    assert not torch.equal(auxiliary, logits)


def test_it_stands_on_the_third_stage() -> None:
    net = build(TINY).eval()
    assert net.auxiliary is not None
    photo = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        _, auxiliary = net.with_auxiliary(photo)
        layer3 = net.backbone.body.layer3
        seen: list[torch.Tensor] = []
        handle = layer3.register_forward_hook(lambda module, inputs, output: seen.append(output.clone()))
        net(photo)
        handle.remove()
        expected = nn.functional.interpolate(
            net.auxiliary(seen[0]), (64, 64), mode="bilinear", align_corners=True
        )
    assert torch.equal(auxiliary, expected)


def test_another_stage_and_width() -> None:
    net = build(NetConfig(auxiliary=True, auxiliary_stage=1, auxiliary_width=5))
    assert net.auxiliary is not None
    assert net.auxiliary.bottleneck[0].weight.shape == (5, 128, 3, 3)


def test_it_is_there_or_not_by_construction() -> None:
    with_it, without = build(TINY), build(preset("paper", **{**vars(TINY), "auxiliary": False}))
    assert {key.partition(".")[0] for key in with_it.state_dict()} - {
        key.partition(".")[0] for key in without.state_dict()
    } == {"auxiliary"}
    with pytest.raises(UsageError, match="no auxiliary head: build it with auxiliary = true"):
        without.with_auxiliary(torch.randn(2, 3, 64, 64))


def test_it_learns_like_the_other_new_layers() -> None:
    net = build(TINY)
    assert net.auxiliary is not None
    new = {id(parameter) for parameter in net.new_parameters()}
    assert {id(parameter) for parameter in net.auxiliary.parameters()} <= new


@pytest.mark.parametrize("training", [True, False])
def test_without_it_the_network_is_the_same(training: bool) -> None:
    net = build(TINY).train(training)
    twin = net.without_auxiliary()
    assert twin.training is training
    assert twin.auxiliary is None
    own = dict(net.named_parameters())
    assert all(parameter is own[key] for key, parameter in twin.named_parameters())
    photo = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(twin.eval()(photo), net.eval()(photo))


@pytest.mark.parametrize("stage", [5, -6])
def test_a_stage_that_does_not_exist(stage: int) -> None:
    with pytest.raises(
        UsageError, match=rf"auxiliary_stage is {stage}, but test_resnet has 5 stages: use 0 to 4"
    ):
        build(preset("paper", **{**vars(TINY), "auxiliary_stage": stage}))
