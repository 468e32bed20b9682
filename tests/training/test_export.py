from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from hairseg.errors import UsageError
from hairseg.net import NetConfig, PSPNet, build
from hairseg.training import export as export_module
from hairseg.training.export import ParityError, export
from hairseg.training.recipe import Recipe


def trained_looking(config: NetConfig) -> PSPNet:
    """Random weights, with batch-norm statistics that are not the identity, so that folding them shows."""
    torch.manual_seed(0)
    net = build(config).train()
    with torch.no_grad():
        for _ in range(3):
            net(torch.randn(4, 3, 64, 64))
        net.head.weight.mul_(20)
    return net.eval()


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[PSPNet, Path, dict[str, object]]:
    config = NetConfig(
        backbone="test_efficientnet", decoder="fine", widths=(16, 16, 8, 8, 8), pyramid_norm=True
    )
    net = trained_looking(config)
    path = tmp_path_factory.mktemp("export") / "tiny.onnx"
    return net, path, export(net, Recipe(name="tiny", net=config), path, scores={"x": {"iou": 0.5}})


def test_forty_random_sizes_equal_torch(exported: tuple[PSPNet, Path, dict[str, object]]) -> None:
    net, path, _ = exported
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    sizes = np.random.default_rng(0).integers(33, 300, (38, 2)).tolist()
    for height, width in [(33, 33), (33, 700), *sizes]:
        photo = torch.randn(1, 3, height, width)
        with torch.inference_mode():
            expected = torch.sigmoid(net(photo)).numpy()
        (probability,) = session.run(None, {"photo": photo.numpy()})
        assert probability.shape == (1, 1, height, width)
        assert np.abs(probability - expected).max() <= 1e-4, (height, width)


def test_a_batch_is_its_photos(exported: tuple[PSPNet, Path, dict[str, object]]) -> None:
    session = onnxruntime.InferenceSession(str(exported[1]), providers=["CPUExecutionProvider"])
    photos = np.random.default_rng(0).normal(size=(3, 3, 70, 50)).astype(np.float32)
    (together,) = session.run(None, {"photo": photos})
    alone = np.concatenate([session.run(None, {"photo": photo[None]})[0] for photo in photos])
    assert np.abs(together - alone).max() < 1e-5


def test_metadata_holds_the_preprocessing(exported: tuple[PSPNet, Path, dict[str, object]]) -> None:
    net, path, metadata = exported
    (entry,) = onnx.load(str(path)).metadata_props
    stored = json.loads(entry.value)
    assert entry.key == "hairseg"
    assert stored == json.loads(json.dumps(metadata))
    assert stored["mean"] == list(net.backbone.mean)
    assert stored["fit"] == {"mode": "area", "size": 384, "multiple": 32}
    assert stored["data"] == ["figaro1k:train756"]
    assert stored["scores"] == {"x": {"iou": 0.5}}
    assert stored["parity"] <= 1e-4


def test_no_path_of_this_machine_is_in_the_file(exported: tuple[PSPNet, Path, dict[str, object]]) -> None:
    assert str(Path(export_module.__file__).parent).encode() not in exported[1].read_bytes()


def test_half_precision_halves_the_file_and_hardly_changes_the_answer(
    exported: tuple[PSPNet, Path, dict[str, object]], tmp_path: Path
) -> None:
    net, path, _ = exported
    half = tmp_path / "half.onnx"
    metadata = export(net, Recipe(name="tiny"), half, half=True)
    assert half.stat().st_size < 0.65 * path.stat().st_size
    largest, mean = metadata["half_difference"]
    assert 0 < mean < 5e-3
    assert largest < 0.1


def test_a_rounding_is_measured_on_the_photos_that_are_given(
    exported: tuple[PSPNet, Path, dict[str, object]], tmp_path: Path
) -> None:
    net, _, _ = exported
    half = tmp_path / "half.onnx"
    photos = [torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(seed)) for seed in (1, 2)]
    metadata = export(net, Recipe(name="tiny"), half, half=True, photos=photos)
    assert metadata["parity_photos"] == 2
    session = onnxruntime.InferenceSession(str(half), providers=["CPUExecutionProvider"])
    with torch.inference_mode():
        apart = [
            np.abs(torch.sigmoid(net(photo)).numpy() - session.run(None, {"photo": photo.numpy()})[0])
            for photo in photos
        ]
    largest, mean = metadata["half_difference"]
    assert largest == pytest.approx(max(one.max() for one in apart), rel=1e-3)
    assert mean == pytest.approx(np.mean([one.mean() for one in apart]), rel=1e-3)


def test_max_pooling_without_reduction_exports_exactly(tmp_path: Path) -> None:
    config = NetConfig(
        backbone="test_efficientnet",
        decoder="fine",
        widths=(8,) * 5,
        pooling="max",
        reduction=False,
        bins=(2, 3),
    )
    metadata = export(trained_looking(config), Recipe(name="tiny", net=config), tmp_path / "max.onnx")
    assert metadata["parity"] <= 1e-4


def test_a_graph_that_differs_never_gets_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = NetConfig(backbone="test_efficientnet", decoder="fine", widths=(8,) * 5)
    monkeypatch.setattr(export_module, "PARITY", -1.0)
    with pytest.raises(ParityError, match="differs from torch"):
        export(build(config), Recipe(name="tiny", net=config), tmp_path / "tiny.onnx")
    assert list(tmp_path.iterdir()) == []


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"ends in .onnx"):
        export(build(NetConfig()), Recipe(name="tiny"), tmp_path / "tiny.pt")
