"""The standard streams: a supervisor, or cron, may start a process without some of them."""

# Open as long as the process, by a name that tells them apart.
# ruff: noqa: PTH123, SIM115

from __future__ import annotations

import os
import sys
from typing import TextIO


def open_missing() -> None:
    """Open what is missing, on nothing.

    Python has None in its place, and prints to standard output what was meant for standard error. In this order each
    gets its own number, so that no library writes its messages into a file that happened to get it.
    """
    sys.stdin = sys.stdin or open(os.devnull, encoding="utf-8")
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")


def is_missing(stream: TextIO | None) -> bool:
    """Whether a standard stream was not there when the process started; one sent to the null device was."""
    return stream is None or getattr(stream, "name", None) == os.devnull
