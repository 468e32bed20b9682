"""benchmarks/cluster_cost.py: the arithmetic, by hand."""

from __future__ import annotations

from types import ModuleType

import pytest

from scripts import load_script


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return load_script("cluster_cost")


def test_core_hours_and_money_by_hand(script: ModuleType) -> None:
    # 8 cores for 90 s do 1000 photos: 0.72 core-seconds each, 200 core-hours a million.
    summary = {"workers": 4, "threads": 2, "seconds": 90.0, "photos": 1000}
    assert script.core_hours(summary) == pytest.approx(200)
    *_, row = script.table(summary, 0.04, "EUR").splitlines()
    assert row == "| 4 | 2 | 11.11 | 200 | 8.00 EUR |"
    assert script.table(summary, None, "EUR").splitlines()[-1] == "| 4 | 2 | 11.11 | 200 |"
