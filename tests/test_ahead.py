from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from hairseg.ahead import read_ahead


def test_in_order() -> None:
    assert list(read_ahead(range(100), 3)) == list(range(100))
    assert list(read_ahead([], 1)) == []


def test_no_more_ahead_than_asked() -> None:
    read = 0

    def items() -> Iterator[int]:
        nonlocal read
        while True:
            read += 1
            yield read

    ahead = read_ahead(items(), 2)
    assert next(ahead) == 1
    time.sleep(0.2)
    assert read <= 4  # one used, two waiting, one in hand
    ahead.close()


def test_an_error_comes_in_its_turn() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    ahead = read_ahead(items(), 5)
    assert next(ahead) == 1
    with pytest.raises(ValueError, match="broken"):
        next(ahead)


def test_the_thread_ends_with_the_reader() -> None:
    def items() -> Iterator[int]:
        while True:
            yield 0

    before = threading.active_count()
    ahead = read_ahead(items(), 2)
    next(ahead)
    assert threading.active_count() == before + 1
    ahead.close()
    assert threading.active_count() == before
