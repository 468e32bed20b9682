"""A folder on this machine, or in an object store through pyarrow's filesystems and any of fsspec's."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from hairseg.errors import OutputError, UsageError, require
from hairseg.photo import why_unreadable
from hairseg.printable import printable
from hairseg.save import why_unwritable, write

# Their objects appear whole or not at all; a rename would be a copy.
_OBJECT_STORES = ("s3", "gcs", "abfs")


@dataclass(frozen=True)
class Entry:
    """A file of a store: its path below the store's folder, with forward slashes, and its size in bytes."""

    name: str
    size: int


class Store(ABC):
    """A folder.

    Attributes:
        place: as a person gave it.
    """

    place: str

    @abstractmethod
    def list(self, below: str = "") -> list[Entry]:
        """All files in the folder, or in a part of it, and in its folders, sorted; hidden ones are left out.

        Empty where the folder is missing.

        Raises:
            UsageError: it cannot be looked into.
        """

    @abstractmethod
    def open(self, name: str) -> BinaryIO:
        """A file to read from, seekable.

        Raises:
            OSError: missing or unreadable.
        """

    @abstractmethod
    def write(self, name: str, data: bytes) -> None:
        """Write a file, whole or not at all; folders are made, an existing file is replaced.

        Raises:
            OutputError: the disk is full, or writing is not allowed.
        """

    @abstractmethod
    def remove(self, name: str) -> None:
        """Delete a file; a missing one is no error."""

    @abstractmethod
    def is_file(self) -> bool:
        """Whether it is no folder but a single file."""

    @abstractmethod
    def holds(self, other: Store) -> bool:
        """Whether ``other`` is this folder or lies in it."""

    def read(self, name: str) -> bytes:
        """The bytes of a file.

        Raises:
            OSError: missing or unreadable.
        """
        with self.open(name) as file:
            return file.read()


class Folder(Store):
    """A folder on this machine, or on a network drive that all machines have under one path.

    Args:
        place: its path; it need not exist.
    """

    def __init__(self, place: str) -> None:
        self.place = place
        self._root = Path(place).absolute()

    def list(self, below: str = "") -> list[Entry]:
        """See :meth:`Store.list`; links to folders are not followed."""
        root = self._root / below
        found = []

        def complain(error: OSError) -> None:
            if not isinstance(error, FileNotFoundError):
                raise UsageError(f"{printable(error.filename)} {why_unreadable(error)}") from error

        for parent, folders, files in os.walk(root, onerror=complain):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in files:
                path = Path(parent, name)
                if not name.startswith(".") and path.is_file():
                    found.append(Entry(path.relative_to(root).as_posix(), path.stat().st_size))
        return sorted(found, key=lambda entry: entry.name)

    def open(self, name: str) -> BinaryIO:
        """See :meth:`Store.open`."""
        return (self._root / name).open("rb")

    def write(self, name: str, data: bytes) -> None:
        """See :meth:`Store.write`."""
        write(data, self._root / name)

    def remove(self, name: str) -> None:
        """See :meth:`Store.remove`."""
        (self._root / name).unlink(missing_ok=True)

    def is_file(self) -> bool:
        """See :meth:`Store.is_file`."""
        return self._root.is_file()

    def holds(self, other: Store) -> bool:
        """See :meth:`Store.holds`."""
        return isinstance(other, Folder) and other._root.resolve().is_relative_to(self._root.resolve())


class Bucket(Store):
    """A folder behind a URL.

    Args:
        place: ``s3://``, ``gs://``, ``abfs://``, ``hdfs://`` or ``file://``, which pyarrow reads, or any other
            that fsspec knows. Keys come from the environment, as for other tools.

    Raises:
        UsageError: nothing here opens such a URL.
        MissingExtraError: without the extra ``ray``, which brings pyarrow.
    """

    def __init__(self, place: str) -> None:
        self.place = place
        self._files, root = _opened(place)
        self._root = PurePosixPath(root)

    def list(self, below: str = "") -> list[Entry]:
        """See :meth:`Store.list`."""
        from pyarrow import fs

        root = self._root / below
        try:
            found = self._files.get_file_info(
                fs.FileSelector(str(root), recursive=True, allow_not_found=True)
            )
        except OSError as error:
            raise UsageError(f"{printable(self.place)} cannot be listed: {_why(error)}") from error
        entries = []
        for info in found:
            name = PurePosixPath(info.path).relative_to(root)
            if info.type == fs.FileType.File and not any(part.startswith(".") for part in name.parts):
                entries.append(Entry(str(name), int(info.size or 0)))
        return sorted(entries, key=lambda entry: entry.name)

    def open(self, name: str) -> BinaryIO:
        """See :meth:`Store.open`."""
        file: BinaryIO = self._files.open_input_file(str(self._root / name))
        return file

    def write(self, name: str, data: bytes) -> None:
        """See :meth:`Store.write`."""
        path = self._root / name
        whole = self._files.type_name in _OBJECT_STORES
        draft = path if whole else path.with_name(f".hairseg-{os.urandom(6).hex()}.tmp")
        try:
            if not whole:
                self._files.create_dir(str(path.parent), recursive=True)
            with self._files.open_output_stream(str(draft)) as file:
                file.write(data)
            if not whole:
                self._files.move(str(draft), str(path))
        except OSError as error:
            where = printable(f"{self.place}/{name}")
            raise OutputError(f"{where} cannot be written: {why_unwritable(error)}") from error

    def remove(self, name: str) -> None:
        """See :meth:`Store.remove`."""
        try:
            self._files.delete_file(str(self._root / name))
        except FileNotFoundError:
            return

    def is_file(self) -> bool:
        """See :meth:`Store.is_file`."""
        from pyarrow import fs

        return bool(self._files.get_file_info(str(self._root)).type == fs.FileType.File)

    def holds(self, other: Store) -> bool:
        """See :meth:`Store.holds`."""
        same = isinstance(other, Bucket) and self._files.equals(other._files)
        return bool(same and other._root.is_relative_to(self._root))  # type: ignore[attr-defined]


def open_store(place: str) -> Store:
    """The folder that a path or a URL means; see :class:`Folder` and :class:`Bucket`."""
    return Bucket(place) if "://" in place else Folder(place)


def _opened(place: str) -> tuple[Any, str]:
    """Filesystem and folder of a URL."""
    arrow, fs = require("pyarrow", "ray"), require("pyarrow.fs", "ray")
    try:
        files, root = fs.FileSystem.from_uri(place)
    except arrow.ArrowInvalid:  # not one of pyarrow's own
        return _by_fsspec(place)
    except OSError as error:
        raise UsageError(f"{printable(place)} cannot be opened: {_why(error)}") from error
    return files, root


def _by_fsspec(place: str) -> tuple[Any, str]:
    fs, fsspec = require("pyarrow.fs", "ray"), require("fsspec", "ray")
    try:
        found, root = fsspec.core.url_to_fs(place)
    except (ValueError, ImportError) as error:
        reason = printable(str(error).rstrip("."))
        raise UsageError(
            f"{printable(place)} cannot be opened ({reason}): use a path or another URL"
        ) from error
    return fs.PyFileSystem(fs.FSSpecHandler(found)), root


def _why(error: OSError) -> str:
    """The first line of what a filesystem complains of, safe to print."""
    text = str(error.strerror or error).strip() or type(error).__name__
    return printable(text.splitlines()[0])
