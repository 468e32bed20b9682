from __future__ import annotations

import io
import struct
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clips import write_clip
from hairseg.iso_media import jumpable
from hairseg.pipe import Pipe


def box(kind: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


FTYP, FREE, MOOV, MDAT = (
    box(b"ftyp", b"isom" * 4),
    box(b"free", b"-"),
    box(b"moov", b"index"),
    box(b"mdat", b"!" * 99),
)


def everything(file: Any) -> bytes:
    data = b""
    while more := file.read(7):
        data += more
    return data


@pytest.mark.parametrize(
    ("data", "copied"),
    [
        (FTYP + MOOV + MDAT, False),
        (FTYP + FREE + MOOV + MDAT, False),
        (FTYP + box(b"moof") + MDAT, False),
        (FTYP + MDAT + MOOV, True),
        (FTYP + FREE + MDAT + MOOV, True),
        (FTYP + MDAT[:20], True),
        (FTYP + struct.pack(">I4sQ", 1, b"mdat", 115) + b"!" * 99 + MOOV, True),
        (FTYP + struct.pack(">I4s", 1 << 31, b"free"), False),
        (FTYP + struct.pack(">I4s", 3, b"free"), False),
        (MDAT + MOOV, False),
        (b"\x1aE\xdf\xa3webm", False),
        (FTYP[:5], False),
        (b"", False),
    ],
)
def test_only_pictures_before_their_index_are_copied(data: bytes, copied: bool) -> None:
    pipe = Pipe(io.BytesIO(data))
    with jumpable(pipe) as file:
        assert (file is not pipe) == copied
        assert everything(file) == data


@given(st.binary(max_size=60), st.integers(0, 40))
def test_nothing_is_lost(tail: bytes, cut: int) -> None:
    for data in (tail, FTYP[:cut] + tail, FTYP + tail, FTYP + FREE + tail):
        with jumpable(Pipe(io.BytesIO(data))) as file:
            assert everything(file) == data


def test_the_copy_is_gone_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with jumpable(Pipe(io.BytesIO(FTYP + MDAT + MOOV))) as file:
        assert file.read(4) == FTYP[:4]
    assert not list(tmp_path.iterdir())


def test_an_interrupt_while_copying_is_not_lost() -> None:
    class Interrupted(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() > len(FTYP) + 8:
                raise KeyboardInterrupt
            return super().read(min(size or 0, 8))

    with pytest.raises(KeyboardInterrupt), jumpable(Pipe(Interrupted(FTYP + MDAT + MOOV))):
        pass


def test_our_own_clips_are_of_the_kind_that_needs_it(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4").read_bytes()
    assert clip.index(b"mdat") < clip.index(b"moov")
