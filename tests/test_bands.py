from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hairseg.bands import side_by_side


@given(st.integers(1, 100), st.integers(1, 9))
def test_every_row_is_worked_on_once(count: int, threads: int) -> None:
    seen: list[int] = []
    side_by_side(lambda first, last: seen.extend(range(first, last)), count, threads)
    assert sorted(seen) == [*range(count)]


def test_stretches_are_worked_on_at_the_same_time() -> None:
    meet = threading.Barrier(3, timeout=10)
    side_by_side(lambda first, last: meet.wait() and None, 3, 3)
    assert not meet.broken


@pytest.mark.parametrize("bad", [0, 1, 2])
def test_what_a_stretch_raises_reaches_the_caller_after_all_have_ended(bad: int) -> None:
    ended: list[int] = []

    def work(first: int, last: int) -> None:
        if first == bad:
            raise ValueError(f"row {first}")
        ended.append(first)

    with pytest.raises(ValueError, match=f"row {bad}"):
        side_by_side(work, 3, 3)
    assert sorted(ended) == [number for number in range(3) if number != bad]
    assert not [thread for thread in threading.enumerate() if thread.name == "hairseg-band"]
