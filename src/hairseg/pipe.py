"""Bytes from a pipe that may stay silent for ever."""

from __future__ import annotations

import io
import os
import select
import threading
from typing import BinaryIO

# Seconds until a reader looks whether it is still wanted.
_LOOK = 0.1


class Pipe:
    """A pipe to read from, for :func:`av.open`; a wait for more bytes can be ended from another thread.

    Args:
        file: open for reading; it stays open.

    Attributes:
        interrupted: a KeyboardInterrupt came while FFmpeg waited, through which it could not be raised.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._again = b""
        self.interrupted = False
        self._stopped = threading.Event()
        try:
            # Windows cannot wait for a pipe and for something else.
            self._descriptor = file.fileno() if os.name == "posix" else None
        except (io.UnsupportedOperation, AttributeError):
            self._descriptor = None

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes, as soon as there are any; none at the end, or after :meth:`stop`."""
        if self._again:
            given, self._again = self._again[:size], self._again[size:]
            return given
        try:
            return self._read(size)
        except KeyboardInterrupt:
            self.interrupted = True
            return b""

    def unread(self, data: bytes) -> None:
        """Give these bytes once more, before all others."""
        self._again = data + self._again

    def stop(self) -> None:
        """Let a reader in another thread see the end."""
        self._stopped.set()

    def _read(self, size: int) -> bytes:
        while not self._stopped.is_set():
            if self._descriptor is None:
                return self._file.read(size)
            if select.select([self._descriptor], [], [], _LOOK)[0]:
                return os.read(self._descriptor, size)
        return b""
