from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from hairseg.errors import UsageError
from hairseg.net import PRESETS, NetConfig, PSPNet, build, preset
from hairseg.net.cost import cost
from hairseg.training.recipe import read_recipe


def on_meta(name: str, **changes: object) -> PSPNet:
    with torch.device("meta"):
        return build(preset(name, **changes))


@pytest.mark.parametrize(
    ("name", "channels", "pyramid", "decoder", "classifier", "auxiliary"),
    [
        # Shapes of: the coarsest features, the pyramid, the convolution after it, the last one, the auxiliary's.
        ("paper", 2048, 4096, (512, 4096, 3, 3), (150, 512, 1, 1), (256, 1024, 3, 3)),
        ("semseg", 2048, 4096, (512, 4096, 3, 3), (150, 512, 1, 1), (256, 1024, 3, 3)),
        ("mmseg", 2048, 4096, (512, 4096, 3, 3), (150, 512, 1, 1), (256, 1024, 3, 3)),
        ("smp", 512, 1024, (512, 1024, 1, 1), (150, 512, 3, 3), None),
        ("paddle", 2048, 4096, (1024, 4096, 3, 3), (150, 1024, 1, 1), (256, 1024, 3, 3)),
        ("gluon", 2048, 4096, (512, 4096, 3, 3), (150, 512, 1, 1), (256, 1024, 3, 3)),
    ],
)
def test_the_table_of_differences(
    name: str,
    channels: int,
    pyramid: int,
    decoder: tuple[int, ...],
    classifier: tuple[int, ...],
    auxiliary: tuple[int, ...] | None,
) -> None:
    net = on_meta(name, classes=150)
    assert net.backbone.channels[-1] == channels
    assert net.backbone.strides[-1] == 8
    assert net.pyramid.out_channels == pyramid
    assert net.decoder.bottleneck[0].weight.shape == decoder
    assert net.head.weight.shape == classifier
    shape = None if net.auxiliary is None else tuple(net.auxiliary.bottleneck[0].weight.shape)
    assert shape == auxiliary


def test_the_seeds_two_networks() -> None:
    assert preset("seed") == NetConfig()
    net = on_meta("seed", backbone="resnet101")
    assert (net.backbone.channels[-1], net.backbone.strides[-1]) == (1024, 16)
    assert net.pyramid.out_channels == 2048
    # Upstream's PSPNet-ResNet101 for hair: 33.5 M parameters.
    assert sum(parameter.numel() for parameter in net.parameters()) == pytest.approx(33.5e6, abs=5e4)


@pytest.mark.parametrize(
    ("backbone", "millions", "billions"), [("resnet50", 49.07, 161.6), ("resnet101", 68.06, 229.8)]
)
def test_size_of_the_papers_network(backbone: str, millions: float, billions: float) -> None:
    rows = {row.name: row for row in cost(on_meta("paper", backbone=backbone), 473, 473)}
    assert round(rows["total"].parameters / 1e6, 2) == millions
    assert round(rows["auxiliary"].parameters / 1e6, 2) == 2.36
    # The published figure counts convolutions alone; pooling is matrix products here (60 rows, then 60 columns).
    pooling = sum(2048 * (n * 60 * 60 + n * n * 60) for n in (2, 3, 6))
    assert round((rows["total"].multiply_adds - pooling) / 1e9, 1) == billions


def test_classes_cost_a_row_of_each_head() -> None:
    one, many = (cost(on_meta("paper", classes=n), 64, 64)[-1].parameters for n in (1, 150))
    assert many - one == 149 * (512 + 1 + 256 + 1)


def test_mmsegmentations_head_follows_the_small_resnets() -> None:
    assert preset("mmseg", backbone="resnet18").head_width == 128
    assert preset("mmseg", backbone="resnet34").head_width == 128
    assert preset("mmseg", backbone="resnet18", head_width=64).head_width == 64
    assert preset("mmseg", backbone="resnet101").head_width == 512


def test_changes_win() -> None:
    config = preset("paper", backbone="resnet18", bins=(1,), auxiliary=False)
    assert (config.backbone, config.bins, config.auxiliary) == ("resnet18", (1,), False)
    assert PRESETS["paper"].auxiliary


def test_unknown_names_are_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="preset 'papper' is unknown; did you mean 'paper'"):
        preset("papper")
    with pytest.raises(UsageError, match="preset 'x' is unknown; known are paper, semseg"):
        preset("x")
    with pytest.raises(UsageError, match="unknown field 'backbon'; did you mean 'backbone'"):
        preset("paper", backbon="resnet18")


def test_a_recipe_names_a_preset_and_its_keys_win(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[net]\npreset = 'paper'\nbackbone = 'resnet18'\nbins = [1, 2]\n")
    assert read_recipe(path).net == preset("paper", backbone="resnet18", bins=(1, 2))
    flags = {"net.preset": "seed", "net.backbone": "resnet101"}
    assert read_recipe(path, flags).net == preset("seed", backbone="resnet101", bins=(1, 2))
    assert dataclasses.asdict(read_recipe(path))["net"].keys() == {
        f.name for f in dataclasses.fields(NetConfig)
    }


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("preset = 'papper'", "net: preset 'papper' is unknown; did you mean 'paper'"),
        ("preset = ['paper']", r"net: preset \['paper'\] is unknown"),
        ("preset = 'paper'\nbins = 3", "net: bins must be a list"),
        ("preset = 'paper'\nbin = [3]", "net: unknown key 'bin'; did you mean 'bins'"),
    ],
)
def test_a_recipe_with_a_wrong_preset(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f"[net]\n{line}\n")
    with pytest.raises(UsageError, match=message) as caught:
        read_recipe(path)
    assert "mine.toml" in str(caught.value)
