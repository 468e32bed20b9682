"""The paper's network as an ONNX file: no auxiliary head in it, any size, several classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from hairseg.net import PSPNet, build, preset
from hairseg.training.export import export
from hairseg.training.recipe import Recipe


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[PSPNet, Path, dict[str, object]]:
    torch.manual_seed(0)
    config = preset("paper", backbone="test_resnet", stem="deep", head_width=16, classes=3)
    net = build(config).train()
    with torch.no_grad():
        for _ in range(3):  # statistics that are not the identity
            net.with_auxiliary(torch.randn(4, 3, 48, 48))
        net.head.weight.mul_(20)
    path = tmp_path_factory.mktemp("export") / "paper.onnx"
    return net, path, export(net, Recipe(name="paper", net=config), path)


def test_the_auxiliary_head_stays_behind(exported: tuple[PSPNet, Path, dict[str, object]]) -> None:
    net, path, metadata = exported
    graph = onnx.load(str(path)).graph
    names = [tensor.name for tensor in graph.initializer]
    assert [name for name in names if "auxiliary" in name] == []
    assert [name for name in names if "decoder" in name] != []
    assert len(graph.output) == 1
    assert net.auxiliary is not None
    whole, second = (sum(p.numel() for p in part.parameters()) for part in (net, net.auxiliary))
    assert metadata["parameters"] == whole - second


def test_every_size_equals_torch(exported: tuple[PSPNet, Path, dict[str, object]]) -> None:
    net, path, _ = exported
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for height, width in [(33, 33), (34, 200), (57, 64), (97, 131), (105, 73), (128, 96)]:
        photo = torch.randn(1, 3, height, width)
        with torch.inference_mode():
            expected = torch.softmax(net(photo), dim=1).numpy()
        (probability,) = session.run(None, {"photo": photo.numpy()})
        assert probability.shape == (1, 3, height, width)
        assert np.abs(probability - expected).max() <= 1e-4, (height, width)
        assert probability.std() > 0.05
