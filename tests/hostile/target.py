"""What a target of the fuzzer is, and what may not happen to it."""

from __future__ import annotations

import atexit
import importlib.util
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from hairseg.errors import HairsegError

from .mutate import mutated


@dataclass(frozen=True)
class Target:
    """A reader.

    Attributes:
        name: of the target.
        make: good files.
        feed: reads one.
        needs: modules without which there is nothing to read with.
    """

    name: str
    make: Callable[[], Sequence[bytes]]
    feed: Callable[[bytes], object]
    needs: tuple[str, ...] = ()

    @cached_property
    def seeds(self) -> Sequence[bytes]:
        """Good files, made once."""
        return self.make()

    @property
    def missing(self) -> str:
        """The module that is not installed, or an empty string."""
        return next((name for name in self.needs if importlib.util.find_spec(name) is None), "")

    def case(self, number: int, seed: int = 0) -> bytes:
        """A damaged file; the same for the same numbers."""
        return mutated(self.seeds, number, seed)


def complaint(target: Target, data: bytes) -> str:
    """What is wrong with the way in which a file was read; empty where nothing is."""
    try:
        target.feed(data)
    except HairsegError as error:
        text = str(error)
        # Line breaks before indented lines part the lines of a list; nothing else may reach a terminal.
        unsafe = not all(map(str.isprintable, text.split("\n  ")))
        return f"the message {text!r} is not safe to print" if unsafe else ""
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


@cache
def folder() -> Path:
    """A place for files that are read by name; gone when the process ends."""
    place = Path(tempfile.mkdtemp(prefix="hairseg-hostile-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    return place


def file_of(data: bytes, name: str) -> Path:
    path = folder() / name
    path.write_bytes(data)
    return path
