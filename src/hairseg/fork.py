"""What a fork leaves behind: a child process has none of its parent's threads, and every lock as it was held.

Work given to threads that are not there is never done, and a lock held by one of them is never released; so what has
threads or locks is registered here and made anew in the child.
"""

from __future__ import annotations

import os
import threading
import weakref
from typing import Protocol


class Renewed(Protocol):
    """Has something that a fork breaks."""

    def after_fork(self) -> None:
        """Replace it; called in the child, before anything else runs there."""


_known: weakref.WeakSet[Renewed] = weakref.WeakSet()


def renew_after_fork(thing: Renewed) -> None:
    """Have ``thing.after_fork()`` called in every child process, as long as ``thing`` lives."""
    _known.add(thing)


class ForkSafeLock:
    """A lock that is free in a child process, whoever held it when the process was forked."""

    def __init__(self) -> None:
        self.after_fork()
        renew_after_fork(self)

    def after_fork(self) -> None:
        """Forget who held it."""
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def never_delete(thing: object) -> None:
    """Keep an object until the process has ended, and not even then take it apart.

    To delete an ONNX Runtime session is to wait for its threads, which in a forked child are not there.
    """
    import ctypes

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))


def _in_child() -> None:
    for thing in list(_known):
        thing.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
