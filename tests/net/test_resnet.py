from __future__ import annotations

from typing import Any

import pytest
import torch
import torchvision
from torch import nn

from hairseg.errors import UsageError
from hairseg.net.backbones import Timm, build_backbone


def built(name: str, **arguments: Any) -> nn.Module:
    """The layers of a backbone, on the meta device: only their settings are looked at."""
    with torch.device("meta"):
        return Timm(name, **arguments).body


def dilations(stage: Any) -> list[tuple[int, ...]]:
    """Dilation of each 3x3 convolution, block by block; the padding must keep the size."""
    rows = []
    for block in stage:
        convs = [conv for conv in (block.conv1, block.conv2) if conv.kernel_size == (3, 3)]
        assert all(conv.padding == conv.dilation for conv in convs)
        rows.append(tuple(conv.dilation[0] for conv in convs))
    return rows


@pytest.mark.parametrize(
    ("name", "arguments", "layer3", "layer4"),
    [
        ("resnet50", {}, [(2,)] * 6, [(4,)] * 3),
        ("resnet50", {"contract_dilation": True}, [(1,), *[(2,)] * 5], [(2,), (4,), (4,)]),
        ("resnet101", {}, [(2,)] * 23, [(4,)] * 3),
        ("resnet18", {}, [(2, 2)] * 2, [(4, 4)] * 2),
        (
            "resnet18",
            {"contract_dilation": True, "dilate_second": False},
            [(1, 1), (2, 1)],
            [(2, 1), (4, 1)],
        ),
    ],
)
def test_dilation_at_stride_8(name: str, arguments: dict[str, Any], layer3: Any, layer4: Any) -> None:
    body = built(name, output_stride=8, **arguments)
    assert dilations(body.layer3) == layer3
    assert dilations(body.layer4) == layer4
    assert {dilation for row in dilations(body.layer2) for dilation in row} == {1}


def test_dilation_at_stride_16_and_none() -> None:
    body = built("resnet50", output_stride=16)
    assert dilations(body.layer3) == [(1,)] * 6
    assert dilations(body.layer4) == [(2,)] * 3
    assert dilations(built("resnet50").layer4) == [(1,)] * 3


@pytest.mark.parametrize(
    ("stem", "widths", "name"),
    [
        ("7x7", [64], "resnet50"),
        ("deep", [64, 64, 128], "resnet50s"),
        ("v1c", [32, 32, 64], "resnet50c"),
        ("vd", [32, 32, 64], "resnet50d"),
        ("own", [64], "resnet50"),
    ],
)
def test_stems(stem: Any, widths: list[int], name: str) -> None:
    with torch.device("meta"):
        backbone = Timm("resnet50", stem=stem)
    convs = [module for module in backbone.body.conv1.modules() if isinstance(module, nn.Conv2d)]
    assert [conv.out_channels for conv in convs] == widths
    assert [conv.stride for conv in convs] == [(2, 2)] + [(1, 1)] * (len(widths) - 1)
    assert backbone.channels == (widths[-1], 256, 512, 1024, 2048)
    assert backbone.imagenet_name == name


def test_a_stem_without_published_weights_keeps_the_plain_name() -> None:
    with torch.device("meta"):
        assert Timm("resnet18", stem="deep").imagenet_name == "resnet18"


def test_vd_averages_only_where_it_downsamples() -> None:
    body = built("resnet50", stem="vd", output_stride=8)
    first = [getattr(body, f"layer{number}")[0].downsample[0] for number in (1, 2, 3, 4)]
    assert [type(pool) for pool in first] == [nn.Identity, nn.AvgPool2d, nn.Identity, nn.Identity]
    shortcut = getattr(body, "layer3")[0].downsample[1]  # noqa: B009 - not known to mypy
    assert (shortcut.kernel_size, shortcut.stride) == ((1, 1), (1, 1))


@pytest.mark.parametrize(("name", "contracted"), [("resnet50", True), ("resnet18", False)])
def test_features_are_torchvisions(name: str, contracted: bool) -> None:
    # torchvision dilates as contracted; it has no dilated ResNet-18.
    arguments = {"replace_stride_with_dilation": [False, True, True]} if contracted else {}
    oracle = getattr(torchvision.models, name)(weights=None, **arguments).double().eval()
    ours = Timm(name, output_stride=8 if contracted else 0, contract_dilation=contracted).double().eval()
    ours.load_imagenet(oracle.state_dict())
    photo = torch.randn(1, 3, 65, 49, dtype=torch.float64)
    with torch.inference_mode():
        expected = oracle.maxpool(oracle.relu(oracle.bn1(oracle.conv1(photo))))
        for number, features in enumerate(ours(photo)[1:], 1):
            expected = getattr(oracle, f"layer{number}")(expected)
            assert torch.allclose(features, expected, atol=1e-9)


def test_a_cut_backbone_has_no_later_stages() -> None:
    body = built("resnet50", stages=3)
    assert not hasattr(body, "layer3")
    backbone = build_backbone("resnet18", stages=4)
    assert (backbone.channels, backbone.strides) == ((64, 64, 128, 256), (2, 4, 8, 16))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "no_such_net"}, "no_such_net"),
        ({"name": "squeezenet1_1", "output_stride": 8}, "output stride 16, not 8"),
        ({"name": "squeezenet1_1", "stem": "deep"}, "squeezenet1_1 has no deep stem"),
        ({"name": "squeezenet1_1", "stages": 5}, "has no 5 stages"),
        ({"name": "test_resnet", "stages": 6}, "has no 6 stages"),
        ({"name": "test_resnet", "stages": -1}, "backbone_stages is -1"),
        ({"name": "test_resnet", "output_stride": 4}, "output_stride 4 is not possible: use 8, 16, 32"),
        ({"name": "test_resnet", "stem": "tiny"}, "stem 'tiny' is unknown"),
        (
            {"name": "test_efficientnet", "stem": "7x7"},
            'has no 7x7 stem, only ResNets have: use stem = "own"',
        ),
        ({"name": "test_vit", "output_stride": 8}, "cannot be built by timm at output stride 8"),
    ],
)
def test_what_a_backbone_cannot_be(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        build_backbone(**arguments)
