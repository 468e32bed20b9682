"""MP4 and MOV through a pipe: cameras and editors write the index after the pictures, where a pipe cannot jump to."""

from __future__ import annotations

import shutil
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from hairseg.pipe import Pipe

# A box: its length with this header, and its type (ISO/IEC 14496-12, section 4.2).
_HEADER = struct.Struct(">I4s")
# Boxes that may stand before the index (moov, moof) and the pictures (mdat).
_BEFORE = {b"ftyp", b"styp", b"free", b"skip", b"wide", b"uuid", b"pdin", b"sidx"}
# What may come before the index or the pictures; more is nothing that we know.
_LARGEST = 1 << 20


@contextmanager
def jumpable(pipe: Pipe) -> Iterator[Pipe | BinaryIO]:
    """The pipe, or a copy of its bytes in a temporary file where the index comes after the pictures.

    Args:
        pipe: nothing is read from it yet.

    Raises:
        OSError: the copy does not fit on the disk.
        KeyboardInterrupt: it came while the copy was made.
    """
    begin, index_last = _begin(pipe)
    pipe.unread(begin)
    if not index_last:
        yield pipe
        return
    with tempfile.TemporaryFile(prefix="hairseg-") as copy:
        shutil.copyfileobj(cast(BinaryIO, pipe), copy)
        if pipe.interrupted:
            raise KeyboardInterrupt
        copy.seek(0)
        yield copy


def _begin(pipe: Pipe) -> tuple[bytes, bool]:
    """The bytes before the index or the pictures, and whether the pictures come first."""
    begin = b""
    while len(begin) < _LARGEST:
        header = _exactly(pipe, _HEADER.size)
        begin += header
        if len(header) < _HEADER.size:
            break
        length, kind = _HEADER.unpack(header)
        if len(begin) == _HEADER.size and kind != b"ftyp":
            break  # something else, or an old MOV, which FFmpeg may still read
        if kind == b"mdat":
            return begin, True
        if kind not in _BEFORE or not _HEADER.size <= length <= _LARGEST:
            break
        begin += _exactly(pipe, length - _HEADER.size)
    return begin, False


def _exactly(pipe: Pipe, size: int) -> bytes:
    """``size`` bytes, fewer at the end."""
    data = b""
    while len(data) < size and (more := pipe.read(size - len(data))):
        data += more
    return data
