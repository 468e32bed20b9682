from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from hairseg.__main__ import main
from toys import ModelMaker

Capture = pytest.CaptureFixture[str]


def test_lines_for_programs(packaged_toy: Path, capsys: Capture) -> None:
    assert main(["models", "--json"]) == 0
    (toy,) = json.loads(capsys.readouterr().out)
    path = packaged_toy / "hairseg-int8.onnx"
    assert toy["name"] == "toy"
    assert toy["path"] == str(path)
    assert toy["default"] is True
    assert toy["bytes"] == path.stat().st_size
    assert toy["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert toy["scores"] == {"figaro1k:test": {"iou": 0.9, "f1": 0.95}}
    assert toy["fit"] == {"mode": "area", "size": 64, "multiple": 32}


def test_lines_for_people(packaged_toy: Path, capsys: Capture) -> None:
    assert main(["models"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("toy (default): sigmoid of red minus green")
    assert "figaro1k:test: iou 0.9000, f1 0.9500" in out


def test_a_table_for_the_readme(make_model: ModelMaker, packaged_toy: Path, capsys: Capture) -> None:
    scores = {"figaro1k:test": {"iou": 0.91234, "f1": 0.9541}}
    data = make_model("measured.onnx", scores=scores).read_bytes()
    (packaged_toy / "measured.onnx").write_bytes(data)
    with (packaged_toy / "SHA256SUMS").open("a") as sums:
        sums.write(f"{hashlib.sha256(data).hexdigest()}  measured.onnx\n")
    assert main(["models", "--markdown"]) == 0
    head, _, first, second = capsys.readouterr().out.splitlines()
    assert head.startswith("| model | parameters | file | IoU | F1 |")
    assert first.startswith("| `toy` |")
    assert "| 0.9123 | 0.9541 | - |" in second


def test_none(packaged_toy: Path, capsys: Capture) -> None:
    (packaged_toy / "hairseg-int8.onnx").unlink()
    assert main(["models", "--json"]) == 3
    out, err = capsys.readouterr()
    assert json.loads(out) == []
    assert "pip install" in err


def test_a_damaged_one_is_named(packaged_toy: Path, capsys: Capture) -> None:
    (packaged_toy / "hairseg-int8.onnx").write_bytes(b"damaged")
    assert main(["models"]) == 3
    assert "hairseg-int8.onnx is damaged" in capsys.readouterr().err
