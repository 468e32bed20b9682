"""Whether torch's reader of pickles comes to an end.

It looks through its own messages, which quote the file, with patterns whose time grows with the square of the longest
word: a name of a hundred thousand letters keeps it busy for minutes.
"""

from __future__ import annotations

import pickletools
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

LONGEST = 10_000
_WORD = re.compile(rf"\S{{{LONGEST}}}")
# What the old form holds before its numbers: magic number, protocol, system, data, keys of the storages.
_OLD = 5


def has_endless_word(path: Path) -> bool:
    """Whether a word in what a file of ``torch.save`` quotes is too long; False for what is no such file.

    Raises:
        OSError: the file cannot be read.
    """
    with _program(path) as (file, pickles):
        try:
            for _ in range(pickles):
                if any(
                    isinstance(text, str) and _is_endless(text) for _, text, _ in pickletools.genops(file)
                ):
                    return True
        except (ValueError, IndexError, EOFError, zipfile.BadZipFile, NotImplementedError):
            pass  # what is damaged is told by torch, which stops at the same place
    return False


def _is_endless(text: str) -> bool:
    return len(text) >= LONGEST and _WORD.search(text) is not None


@contextmanager
def _program(path: Path) -> Iterator[tuple[BinaryIO, int]]:
    """The pickles of a file, and how many there are: one in today's archive, several in the old form."""
    if not zipfile.is_zipfile(path):
        with path.open("rb") as file:
            yield file, _OLD
        return
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.endswith("data.pkl"):
                with archive.open(name) as member:
                    yield cast(BinaryIO, member), 1
                return
    with path.open("rb") as file:
        yield file, 0
