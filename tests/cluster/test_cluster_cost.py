"""benchmarks/cluster_cost.py: the arithmetic, by hand."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "cluster_cost.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("cluster_cost", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_core_hours_and_money_by_hand(script: ModuleType) -> None:
    # 8 cores for 90 s do 1000 photos: 0.72 core-seconds each, 200 core-hours a million.
    summary = {"workers": 4, "threads": 2, "seconds": 90.0, "photos": 1000}
    assert script.core_hours(summary) == pytest.approx(200)
    *_, row = script.table(summary, 0.04, "EUR").splitlines()
    assert row == "| 4 | 2 | 11.11 | 200 | 8.00 EUR |"
    assert script.table(summary, None, "EUR").splitlines()[-1] == "| 4 | 2 | 11.11 | 200 |"
