from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hairseg.cli_evaluate import evaluate
from hairseg.errors import UsageError

pytest.importorskip("torch")


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A run folder with a network of two classes."""
    from hairseg.fit import Fit
    from hairseg.net import NetConfig, build
    from hairseg.training.checkpoint import write_weights
    from hairseg.training.recipe import Recipe

    config = NetConfig(backbone="test_efficientnet", bins=(1,), decoder="fine", widths=(8,) * 5, classes=2)
    folder = tmp_path / "run"
    folder.mkdir()
    write_weights(folder / "best.safetensors", build(config), Recipe("two", config, fit=Fit("area", 64)))
    return folder


@pytest.fixture
def data(tmp_path: Path) -> str:
    for name, shape in (("images", (40, 60, 3)), ("masks", (40, 60))):
        (tmp_path / name).mkdir()
        pixels = np.random.default_rng(0).integers(0, 2, shape, np.uint8)
        Image.fromarray(pixels).save(tmp_path / name / "a.png")
    return f"folder:{tmp_path}"


def test_the_papers_test_of_a_checkpoint(
    checkpoint: Path, data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    model = str(checkpoint)
    evaluate(data=data, split="", model=model, as_json=True)
    fitted = json.loads(capsys.readouterr().out)
    evaluate(data=data, split="", model=model, window=33, base=64, scales="0.5,1", mirror=True, as_json=True)
    slid = json.loads(capsys.readouterr().out)
    assert slid["scores"]["loss"] != fitted["scores"]["loss"]
    assert sum(map(sum, slid["confusion"])) == sum(map(sum, fitted["confusion"])) == 40 * 60
    assert slid["milliseconds"] > 0


def test_scales_that_are_no_numbers(checkpoint: Path, data: str) -> None:
    with pytest.raises(UsageError, match="--scales half: give factors with commas"):
        evaluate(data=data, split="", model=str(checkpoint), scales="half")


def test_windows_are_for_checkpoints(data: str, packaged_toy: Path) -> None:
    with pytest.raises(UsageError, match="are for a checkpoint of many classes"):
        evaluate(data=data, split="", mirror=True)
