"""A few damaged files of every kind; `python benchmarks/fuzz.py` tries a hundred thousand."""

from __future__ import annotations

import pytest

from .mutate import mutated
from .targets import TARGETS, Target, complaint

CASES = 20


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_only_errors_of_our_own(target: Target) -> None:
    if target.missing:
        pytest.skip(f"needs {target.missing}")
    found = {number: complaint(target, target.case(number)) for number in range(CASES)}
    assert {number: text for number, text in found.items() if text} == {}


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_the_good_files_are_good(target: Target) -> None:
    if target.missing:
        pytest.skip(f"needs {target.missing}")
    for data in target.seeds:
        assert complaint(target, data) == ""


def test_the_same_numbers_give_the_same_file() -> None:
    seeds = [bytes(range(200)), b"abc"]
    files = [mutated(seeds, case) for case in range(60)]
    assert files == [mutated(seeds, case) for case in range(60)]
    assert len(set(files)) > 50
    assert files != [mutated(seeds, case, seed=1) for case in range(60)]


def test_a_complaint_is_made() -> None:
    def breaks(data: bytes) -> None:
        raise KeyError(data)

    assert complaint(Target("x", list, breaks), b"y") == "KeyError: b'y'"
