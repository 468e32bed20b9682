"""benchmarks/kill_training.py: a kill of each kind; `python benchmarks/kill_training.py` does twenty."""

from __future__ import annotations

import random
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest

from scripts import load_script

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills a process group")


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return load_script("kill_training")


def test_kills_change_nothing(script: ModuleType, tmp_path: Path) -> None:
    recipe = script.write_toy(tmp_path, epochs=16)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    script.run_to_end(recipe, whole)
    kills = script.kill_and_resume(recipe, killed, 3, random.Random(1))
    assert [kill.moment for kill in kills] == list(script.MOMENTS)
    assert [kill.broken for kill in kills] == [[], [], []]
    assert kills[-1].epochs >= 1
    script.run_to_end(recipe, killed)
    assert script.differences(whole, killed) == []

    # The comparison sees what it is there for.
    other = tmp_path / "other"
    shutil.copytree(whole, other)
    (other / ".best.safetensors.partial").touch()
    shutil.copy(other / "last.safetensors", other / "best.safetensors")
    (other / "metrics.jsonl").write_text("")
    told = " ".join(script.differences(whole, other))
    assert ".best.safetensors.partial was left behind" in told
    assert "best.safetensors: " in told
    assert "metrics.jsonl differs" in told
    (other / "last.safetensors").write_bytes(b"half")
    assert script.look("training", other).broken == ["last.safetensors"]
