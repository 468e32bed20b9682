from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models import squeezenet1_1

from hairseg.errors import UsageError
from hairseg.net import NetConfig, build, preset
from hairseg.net.cost import cost


class Seed(nn.Module):
    """The seed's whole network, written again from its document: an oracle with its own state-dict names."""

    def __init__(self, pyramid: bool) -> None:
        super().__init__()
        self.features = squeezenet1_1(weights=None).features
        self.levels = nn.ModuleList(nn.Conv2d(512, 128, 1) for _ in range(4)) if pyramid else None
        width = 1024 if pyramid else 512
        self.convs = nn.ModuleList(
            nn.Sequential(nn.Conv2d(a, b, 3, 1, 1), nn.BatchNorm2d(b), nn.ReLU())
            for a, b in ((width, 256), (256, 64), (64, 64))
        )
        self.final = nn.Conv2d(64, 1, 1)

    def forward(self, photo: Tensor) -> Tensor:
        x = self.features(photo)
        if self.levels is not None:
            pools = [nn.AdaptiveAvgPool2d(n)(x) for n in (1, 2, 3, 6)]
            up = [
                F.interpolate(conv(p), x.shape[2:], mode="bilinear")
                for conv, p in zip(self.levels, pools, strict=True)
            ]
            x = torch.cat([x, *up], 1)
        for conv in self.convs:
            x = conv(F.interpolate(x, scale_factor=2, mode="bilinear"))
        # The seed classifies after upsampling.
        return self.final(F.interpolate(x, photo.shape[2:], mode="bilinear"))


@pytest.mark.parametrize("pyramid", [True, False])
@pytest.mark.parametrize("size", [(64, 64), (97, 130)])
def test_the_seeds_network_is_the_seeds(pyramid: bool, size: tuple[int, int]) -> None:
    torch.manual_seed(1)
    ours = build(NetConfig(bins=(1, 2, 3, 6) if pyramid else ())).double().eval()
    oracle = Seed(pyramid).double().eval()
    # Same tensors in the same order: features, pyramid, decoder, head.
    oracle.load_state_dict(dict(zip(oracle.state_dict(), ours.state_dict().values(), strict=True)))
    photo = torch.randn(1, 3, *size, dtype=torch.float64)
    with torch.inference_mode():
        assert torch.allclose(ours(photo), oracle(photo), atol=1e-5)


CONFIGS = {
    "seed": NetConfig(),
    "fcn": NetConfig(bins=()),
    "max without reduction": NetConfig(pooling="max", reduction=False, bins=(1, 2)),
    "squeezenet fine": NetConfig(decoder="fine", widths=(16, 12, 8, 8), pyramid_norm=True),
    "timm fine": NetConfig(
        backbone="test_efficientnet", decoder="fine", widths=(16, 16, 12, 8, 8), pyramid_norm=True
    ),
    "squeezenet subpixel": NetConfig(decoder="fine", widths=(16, 12, 8, 8), subpixel=True),
    "timm subpixel": NetConfig(
        backbone="tf_efficientnet_lite0",
        backbone_stages=3,
        bins=(1, 2),
        decoder="fine",
        widths=(12, 8, 8),
        subpixel=True,
        classes=3,
    ),
    "timm dilated": NetConfig(
        backbone="test_resnet", output_stride=8, decoder="fine", widths=(16, 16, 12, 8, 8), kernel=5
    ),
    "classes": NetConfig(backbone="test_efficientnet", decoder="fine", widths=(16, 16, 12, 8, 8), classes=6),
    "cut squeezenet": NetConfig(backbone_stages=3, decoder="paper", head_width=16),
    "auxiliary squeezenet": NetConfig(decoder="paper", head_width=16, auxiliary=True),
    **{
        name: preset(name, backbone="test_resnet", stem="own", head_width=16, classes=3)
        for name in ("paper", "mmseg", "smp", "paddle", "gluon")
    },
}


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("size", [(64, 64), (75, 101)])
def test_every_network_gives_logits_at_the_photos_size(name: str, size: tuple[int, int]) -> None:
    net = build(CONFIGS[name])
    logits = net(torch.randn(2, 3, *size))
    assert logits.shape == (2, CONFIGS[name].classes, *size)


@pytest.mark.parametrize("name", CONFIGS)
def test_every_parameter_learns(name: str) -> None:
    net = build(CONFIGS[name]).train()
    photo = torch.randn(2, 3, 64, 64)
    logits = net.with_auxiliary(photo) if net.auxiliary else (net(photo),)
    sum(part.square().mean() for part in logits).backward()
    # Batch norm makes the bias before it redundant, but its gradient exists all the same.
    assert [key for key, parameter in net.named_parameters() if parameter.grad is None] == []


def test_new_parameters_are_all_but_the_backbones() -> None:
    net = build(CONFIGS["seed"])
    backbone = sum(p.numel() for p in net.backbone.parameters())
    assert sum(p.numel() for p in net.new_parameters()) == sum(p.numel() for p in net.parameters()) - backbone


def test_seed_parameters_counted_by_hand() -> None:
    features = sum(p.numel() for p in squeezenet1_1(weights=None).features.parameters())
    pyramid = 4 * (512 * 128 + 128)
    decoder = (1024 * 9 * 256 + 3 * 256) + (256 * 9 * 64 + 3 * 64) + (64 * 9 * 64 + 3 * 64)
    assert cost(build(NetConfig()), 64, 64)[-1].parameters == features + pyramid + decoder + 65


def test_multiply_adds_of_the_seed_at_256() -> None:
    # 3.54 G: convolutions counted by hand from the feature sizes 15, 30, 60 and 120.
    rows = {row.name: row for row in cost(build(NetConfig()), 256, 256)}
    decoder = 900 * 9 * 1024 * 256 + 3600 * 9 * 256 * 64 + 14400 * 9 * 64 * 64
    assert rows["decoder"].multiply_adds == decoder
    assert rows["head"].multiply_adds == 14400 * 64
    assert rows["total"].multiply_adds == pytest.approx(3.54e9, rel=0.005)


def test_cost_leaves_the_modes_alone() -> None:
    net = build(CONFIGS["timm fine"]).train()
    net.backbone.eval()
    before = [module.training for module in net.modules()]
    cost(net, 64, 64)
    assert [module.training for module in net.modules()] == before


@pytest.mark.parametrize("name", ["seed", "timm fine", "paper"])
@pytest.mark.parametrize("height", [33, 95, 129, 225])
def test_the_check_of_the_size_agrees_with_the_features(name: str, height: int) -> None:
    net = build(CONFIGS[name])
    rows, columns = net.backbone(torch.zeros(2, 3, height, 256))[-1].shape[2:]
    before = {key: value.clone() for key, value in net.state_dict().items()}
    if rows < 6:
        message = f"{height} x 256 pixels are too small: bin 6 .* features of {rows} x {columns}"
        with pytest.raises(UsageError, match=message):
            net.check_size(height, 256)
    else:
        net.check_size(height, 256)
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())


def test_four_logits_of_a_place_lie_where_a_transposed_convolution_puts_them() -> None:
    torch.manual_seed(2)
    net = build(CONFIGS["timm subpixel"]).eval()
    photo = torch.randn(1, 3, 64, 96)
    *finer, coarsest = net.backbone(photo)
    features = net.decoder(net.pyramid(coarsest), finer)
    assert features.shape == (1, 8, 16, 24)  # stride 4, where the finest features have stride 2
    # Channel (class, row, column) of the head is the kernel (row, column) of that class.
    kernels = net.head.weight.view(3, 2, 2, 8).permute(3, 0, 1, 2)
    offsets = net.head.bias.view(1, 3, 2, 2).repeat(1, 1, 16, 24)
    expected = F.conv_transpose2d(features, kernels, stride=2) + offsets
    assert torch.allclose(net.coarse(photo), expected, atol=1e-5)
    assert torch.equal(net.without_auxiliary()(photo), net(photo))


def test_subpixel_sees_each_of_the_four_fine_places_apart() -> None:
    decoder = build(CONFIGS["timm subpixel"]).decoder
    lateral = decoder.laterals[-1][0]
    fine = torch.arange(16.0).view(1, 1, 4, 4).repeat(1, lateral.in_channels, 1, 1)
    with torch.no_grad():
        lateral.weight.zero_()
        for place in range(4):
            lateral.weight[place, 0, place // 2, place % 2] = 1
    folded = lateral(fine)[0, :4].flatten(1).T
    assert folded.tolist() == [[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13], [10, 11, 14, 15]]


def test_without_a_pyramid_every_size_trains() -> None:
    build(NetConfig(bins=())).check_size(33, 33)


def test_wrong_descriptions_are_refused() -> None:
    with pytest.raises(UsageError, match="widths holds 2 numbers"):
        build(NetConfig(decoder="fine", widths=(8, 8)))
    with pytest.raises(UsageError, match="decoder 'wide'"):
        build(NetConfig(decoder="wide"))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="subpixel is of the fine decoder, and the decoder is 'seed'"):
        build(NetConfig(subpixel=True))
    with pytest.raises(UsageError, match="test_resnet have 49 and 25 rows for 97 of a photo: leave it out"):
        build(NetConfig(backbone="test_resnet", decoder="fine", widths=(8,) * 5, subpixel=True))
    with pytest.raises(UsageError, match="classes is 0"):
        build(NetConfig(classes=0))
    with pytest.raises(UsageError, match="classifier_kernel is 2: give an odd number"):
        build(NetConfig(classifier_kernel=2))


@pytest.mark.parametrize("auxiliary", [False, True])
def test_features_come_with_the_same_logits(auxiliary: bool) -> None:
    net = build(NetConfig(bins=(1, 2), auxiliary=auxiliary)).eval()
    photo = torch.randn(2, 3, 75, 101)
    seen: dict[str, object] = {}
    for name, part in (("backbone", net.backbone), ("pyramid", net.pyramid), ("decoder", net.decoder)):
        part.register_forward_hook(lambda part, inputs, output, name=name: seen.update({name: output}))
    with torch.inference_mode():
        logits, features = net.with_features(photo)
        backbone, *others = seen["backbone"], seen["pyramid"], seen["decoder"]
        assert isinstance(backbone, list)
        # The same tensors, finest first.
        assert all(one is other for one, other in zip(features, [*backbone, *others], strict=True))
        expected = net.with_auxiliary(photo) if auxiliary else (net(photo),)
        assert all(torch.equal(one, other) for one, other in zip(logits, expected, strict=True))
