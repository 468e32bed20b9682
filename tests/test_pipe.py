from __future__ import annotations

import io
import os
import threading
import time

from hairseg.pipe import Pipe


def test_what_is_there_at_once() -> None:
    source, sink = os.pipe()
    with os.fdopen(source, "rb") as file, os.fdopen(sink, "wb", buffering=0) as other:
        other.write(b"abc")
        pipe = Pipe(file)
        assert pipe.read(2) == b"ab"
        assert pipe.read(100) == b"c"
        other.close()
        assert pipe.read(100) == b""


def test_a_wait_can_be_ended() -> None:
    source, sink = os.pipe()
    with os.fdopen(source, "rb") as file, os.fdopen(sink, "wb"):
        pipe = Pipe(file)
        found: list[bytes] = []
        reader = threading.Thread(target=lambda: found.append(pipe.read(100)))
        reader.start()
        time.sleep(0.05)
        pipe.stop()
        reader.join(5)
        assert found == [b""]


def test_a_file_in_memory() -> None:
    pipe = Pipe(io.BytesIO(b"abc"))
    assert pipe.read(2) == b"ab"
    pipe.stop()
    assert pipe.read(2) == b""


def test_what_is_given_back_comes_first() -> None:
    pipe = Pipe(io.BytesIO(b"cdef"))
    pipe.unread(b"b")
    pipe.unread(b"a")
    assert [pipe.read(1), pipe.read(5), pipe.read(5)] == [b"a", b"b", b"cdef"]


def test_an_interrupt_is_kept_for_later() -> None:
    class Interrupted(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise KeyboardInterrupt

    pipe = Pipe(Interrupted())
    assert pipe.read(2) == b""
    assert pipe.interrupted
