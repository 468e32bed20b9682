from __future__ import annotations

import sys
from pathlib import Path

import pytest

from hairseg.__main__ import main


def test_without_ray_the_pip_line_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    assert main(["cluster", "run", str(tmp_path / "in"), str(tmp_path / "out")]) == 3
    assert "pip install 'hairseg[ray]'" in capsys.readouterr().err


def test_a_place_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cluster", "run", "in"]) == 2
    assert "OUTPUT" in capsys.readouterr().err
