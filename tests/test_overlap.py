from __future__ import annotations

import os
import signal
import threading
import time
from collections import deque
from collections.abc import Iterator

import pytest

from hairseg.overlap import overlap


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_results_come_in_order(workers: int) -> None:
    def work(item: int) -> int:
        time.sleep(0.002 * (item % 3))
        return item * item

    assert list(overlap(work, range(20), workers)) == [item * item for item in range(20)]


def test_workers_work_at_the_same_time() -> None:
    meeting = threading.Barrier(3, timeout=10)
    assert len(list(overlap(lambda _: meeting.wait(), range(6), workers=3))) == 6


@pytest.mark.parametrize("workers", [1, 3])
def test_items_are_read_only_a_little_ahead(workers: int) -> None:
    read = 0

    def items() -> Iterator[int]:
        nonlocal read
        for item in range(1000):
            read = item + 1
            yield item

    for done, _ in enumerate(overlap(lambda item: item, items(), workers), start=1):
        assert read <= done + 2 * workers


@pytest.mark.parametrize("workers", [1, 3])
def test_an_error_is_raised_in_its_turn(workers: int) -> None:
    def work(item: int) -> int:
        if item == 3:
            raise ValueError("three")
        return item

    seen: list[int] = []
    with pytest.raises(ValueError, match="three"):
        seen.extend(overlap(work, range(10), workers))
    assert seen == [0, 1, 2]


def interrupt() -> None:
    """As Ctrl-C does, from any thread."""
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_an_interrupt_gives_what_is_in_hand() -> None:
    begun: list[int] = []
    told: list[bool] = []
    seen: list[int] = []

    def work(item: int) -> int:
        begun.append(item)
        if item == 5:
            time.sleep(0.05)  # until the caller waits
            interrupt()
        time.sleep(0.1)
        return item

    results = overlap(work, range(100), 3, lambda: told.append(True))
    with pytest.raises(KeyboardInterrupt):
        deque(map(seen.append, results), maxlen=0)
    assert told == [True]
    assert seen == sorted(begun) == list(range(len(begun)))
    assert 6 <= len(seen) <= 9


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("workers", [1, 3])
def test_an_interrupt_waits_until_a_result_is_told(workers: int) -> None:
    begun: list[int] = []
    finishing: list[bool] = []
    told: list[int] = []

    def tell(item: int) -> None:
        if item == 3:
            interrupt()
            time.sleep(0.05)
        told.append(item)

    results = overlap(
        lambda item: begun.append(item) or item, range(100), workers, lambda: finishing.append(True)
    )
    with pytest.raises(KeyboardInterrupt):
        deque(map(tell, results), maxlen=0)
    assert told == sorted(begun) == list(range(len(begun)))
    assert 4 <= len(told) <= 4 + 2 * workers
    assert finishing == ([True] if workers > 1 else [])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_second_interrupt_does_not_wait_until_a_result_is_told() -> None:
    def tell(item: int) -> None:
        for _ in range(2):
            interrupt()
            time.sleep(0.05)
        pytest.fail("it was waited for")

    with pytest.raises(KeyboardInterrupt):
        deque(map(tell, overlap(lambda item: item, range(100), 2, lambda: None)), maxlen=0)


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_handler_that_is_set_is_left_alone() -> None:
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
    try:
        results = overlap(lambda item: item, range(10), 2, lambda: None)
        next(results)
        interrupt()
        assert list(results) == list(range(1, 10))
    finally:
        signal.signal(signal.SIGINT, before)
    assert came == [signal.SIGINT]


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_second_interrupt_waits_for_nothing() -> None:
    finish = threading.Event()

    def work(item: int) -> None:
        if item == 0:
            time.sleep(0.05)
            interrupt()
        finish.wait(10)

    with pytest.raises(KeyboardInterrupt):
        list(overlap(work, range(10), 2, threading.Timer(0.2, interrupt).start))
    assert not finish.is_set()
    finish.set()


def test_leaving_early_begins_no_other_item() -> None:
    begun: list[int] = []
    results = overlap(lambda item: begun.append(item) or item, iter(range(100)), 2)
    next(results)
    results.close()
    count = len(begun)
    assert count <= 4
    time.sleep(0.02)
    assert len(begun) == count
