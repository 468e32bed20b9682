from __future__ import annotations

import os
from pathlib import Path

import pytest

from hairseg import cores


@pytest.fixture(autouse=True)
def fresh() -> None:
    cores.physical_cores.cache_clear()


def test_here() -> None:
    assert 1 <= cores.physical_cores() <= (os.cpu_count() or 1)


@pytest.mark.parametrize(
    ("siblings", "quota", "expected"),
    [
        (["0,4", "1,5", "0,4", "1,5"], "max 100000", 2),
        (["0", "1", "2", "3"], "max 100000", 4),
        (["0", "1", "2", "3"], "200000 100000", 2),
        (["0", "1", "2", "3"], "10000 100000", 1),
        ([None, None, None], None, 3),
    ],
)
def test_threads_of_a_core_count_once_and_quotas_limit(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    siblings: list[str | None],
    quota: str | None,
    expected: int,
) -> None:
    for cpu, names in enumerate(siblings):
        if names is not None:
            (tmp_path / f"{cpu}").write_text(names + "\n")
    if quota is not None:
        (tmp_path / "cpu.max").write_text(quota + "\n")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(len(siblings))), raising=False)
    monkeypatch.setattr(cores, "_SIBLINGS", f"{tmp_path}/{{}}")
    monkeypatch.setattr(cores, "_QUOTA", tmp_path / "cpu.max")
    assert cores.physical_cores() == expected
    cores.physical_cores.cache_clear()
