from __future__ import annotations

import json
from pathlib import Path

import pytest

from hairseg import __version__, cli_doctor
from hairseg.__main__ import main

Capture = pytest.CaptureFixture[str]


def test_healthy(packaged_toy: Path, capsys: Capture) -> None:
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["works"] is True
    assert found["problem"] is None
    assert found["versions"]["hairseg"] == __version__
    assert found["models"] == {"hairseg-int8": None}
    assert found["cores"] >= 1
    assert main(["doctor"]) == 0
    assert "a first mask: made" in capsys.readouterr().out


def test_damaged(packaged_toy: Path, capsys: Capture) -> None:
    (packaged_toy / "hairseg-int8.onnx").write_bytes(b"damaged")
    assert main(["doctor"]) == 3
    assert "model hairseg-int8: the packaged model hairseg-int8.onnx is damaged" in capsys.readouterr().out


def test_missing_extras_have_their_pip_line(
    packaged_toy: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr(cli_doctor, "_EXTRAS", {"heic": ("json", "no_such_module"), "video": ("json",)})
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "extra heic: not installed (no_such_module): pip install 'hairseg[heic]'" in out
    assert "extra video: installed" in out
