from __future__ import annotations

import dataclasses
from pathlib import Path

import onnxruntime
import pytest
import torch
from torch import nn

from hairseg.errors import ModelError
from hairseg.net import NetConfig, PSPNet, build
from hairseg.training.export import export
from hairseg.training.quantize import quantize
from hairseg.training.recipe import Recipe
from hairseg.training.unfold import load_exported, spread

CONFIG = NetConfig(
    backbone="test_efficientnet", bins=(1, 2), decoder="fine", widths=(16, 16, 8, 8, 8), pyramid_norm=True
)


@pytest.fixture(scope="module", params=[False, True], ids=["float32", "float16"])
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("unfold") / "tiny.onnx"
    export(lively(CONFIG), Recipe(name="tiny", net=CONFIG), path, half=request.param)
    return path


def lively(config: NetConfig) -> PSPNet:
    """A network whose batch norms do something, each something else."""
    torch.manual_seed(0)
    net = build(config).train()
    with torch.no_grad():
        for _ in range(3):
            net(torch.randn(4, 3, 64, 64))
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.weight.uniform_(0.5, 2)
            bias = getattr(module, "bias", None)
            if isinstance(bias, nn.Parameter):
                bias.uniform_(-1, 1)  # the exporter keeps one of several tensors that are equal
    return net


def probability(path: Path, photo: torch.Tensor) -> torch.Tensor:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return torch.from_numpy(session.run(None, {"photo": photo.numpy()})[0])


def norms(net: PSPNet) -> list[nn.BatchNorm2d]:
    return [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]


def test_the_network_computes_what_the_file_does_before_and_after(exported: Path) -> None:
    net = build(CONFIG)
    folded = load_exported(net, exported)
    photo = torch.randn(2, 3, 97, 130, generator=torch.Generator().manual_seed(1))
    theirs = probability(exported, photo)
    with torch.no_grad():
        torch.testing.assert_close(torch.sigmoid(net(photo)), theirs, atol=1e-4, rtol=0)
        spread(net, folded, torch.randn(8, 3, 64, 64))
        torch.testing.assert_close(torch.sigmoid(net(photo)), theirs, atol=1e-4, rtol=0)


def test_every_batch_norm_is_measured(exported: Path) -> None:
    net = build(CONFIG)
    folded = load_exported(net, exported)
    assert {id(norm) for _, norm in folded} == {id(norm) for norm in norms(net)}
    batch = torch.randn(8, 3, 64, 64)
    spread(net, folded, batch)
    seen: dict[int, torch.Tensor] = {}
    for norm in norms(net):
        norm.register_forward_pre_hook(lambda own, inputs: seen.update({id(own): inputs[0]}))
    with torch.no_grad():
        net.eval()(batch)
    for norm in norms(net):
        inputs = seen[id(norm)]
        variance, mean = torch.var_mean(inputs, dim=(0, 2, 3), correction=0)
        assert norm.running_mean is not None
        assert norm.running_var is not None
        torch.testing.assert_close(norm.running_mean, mean, atol=2e-3, rtol=2e-3)
        torch.testing.assert_close(norm.running_var, variance, atol=2e-3, rtol=2e-3)
    for conv, _ in folded:
        lengths = conv.weight.detach().flatten(1).norm(dim=1)
        torch.testing.assert_close(lengths, torch.ones_like(lengths))


def test_training_mode_gives_nearly_the_same_on_the_measured_photos(exported: Path) -> None:
    net = build(CONFIG)
    folded = load_exported(net, exported)
    batch = torch.randn(8, 3, 64, 64)
    before = net(batch).detach()
    spread(net, folded, batch)
    with torch.no_grad():
        after = net.train()(batch)
    assert (after - before).abs().mean() < 0.05 * before.std()


def test_a_channel_that_never_moves_stays_finite(exported: Path) -> None:
    net = build(CONFIG)
    folded = load_exported(net, exported)
    with torch.no_grad():
        folded[0][0].weight[0] = 0
    spread(net, folded, torch.randn(4, 3, 64, 64))
    assert all(torch.isfinite(value).all() for value in net.state_dict().values())


def test_an_auxiliary_head_is_not_looked_for(exported: Path) -> None:
    net = build(dataclasses.replace(CONFIG, auxiliary=True))
    load_exported(net, exported)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"widths": (16, 16, 8, 8, 16)}, r"\d+ of \d+ tensors of the recipe's network are not in it"),
        ({"backbone": "squeezenet1_1", "widths": (16, 16, 8, 8)}, "are not in it, for example"),
        ({"pooling": "max"}, "has its weights but computes something else"),
    ],
)
def test_another_network_is_refused(exported: Path, change: dict[str, object], said: str) -> None:
    net = build(dataclasses.replace(CONFIG, **change))  # type: ignore[arg-type]
    with pytest.raises(ModelError, match=said):
        load_exported(net, exported)


def test_blocks_that_are_left_out_are_left_in_the_file(tmp_path: Path) -> None:
    whole = NetConfig(
        backbone="tf_efficientnet_lite0", backbone_stages=2, bins=(1, 2), decoder="fine", widths=(8, 8)
    )
    path = tmp_path / "whole.onnx"
    export(lively(whole), Recipe(name="whole", net=whole), path)
    net = build(dataclasses.replace(whole, backbone_without=("1.1",)))
    with pytest.raises(ModelError, match="has its weights but computes something else"):
        load_exported(net, path)
    load_exported(net, path, without=("backbone.body.blocks.1.1.",))
    other = build(whole)
    load_exported(other, path)
    other.backbone.body.blocks[1][1] = nn.Identity()  # type: ignore[union-attr]
    photo = torch.randn(1, 3, 64, 96)
    with torch.inference_mode():
        torch.testing.assert_close(net(photo), other(photo))
    # What has no such block is compared again.
    shorter = tmp_path / "shorter.onnx"
    export(net, Recipe(name="shorter", net=whole), shorter)
    with torch.no_grad():
        net.backbone.body.blocks[0][0].conv_pw.weight.zero_()  # type: ignore[union-attr, index]
    load_exported(net, shorter, without=("backbone.body.blocks.1.1.",))
    with torch.inference_mode():
        torch.testing.assert_close(torch.sigmoid(net(photo)), probability(shorter, photo), atol=1e-4, rtol=0)


def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    path = tmp_path / "cut.onnx"
    path.write_bytes(b"\x0a\xff\xff")
    with pytest.raises(ModelError, match=r"cut\.onnx: pretrained: not a readable ONNX file"):
        load_exported(build(CONFIG), path)


def test_int8_cannot_be_trained_on(exported: Path, tmp_path: Path, tiny_data: Path) -> None:
    from hairseg.data import open_data

    quantize(exported, tmp_path / "int8.onnx", [open_data(f"folder:{tiny_data}", "")])
    with pytest.raises(ModelError, match="give the float model"):
        load_exported(build(CONFIG), tmp_path / "int8.onnx")
