"""What a person names on the command line -> the photos meant, in order."""

# os.path says no where pathlib raises: at names that are too long or hold a null byte.
# ruff: noqa: PTH100, PTH110, PTH112, PTH113, PTH118, PTH119, PTH122, PTH207

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from hairseg.errors import PhotoError, UsageError
from hairseg.photo import why_unreadable
from hairseg.places import fixed_part, same_place
from hairseg.printable import printable
from hairseg.save import is_result
from hairseg.streams import is_missing

# In folders, files with other endings are not photos; a file named by itself is tried whatever it ends in.
PHOTO_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"),
    *(".heic", ".heif", ".avif", ".jp2", ".ppm", ".pgm", ".pbm", ".pnm", ".tga"),
)
_STDIN = ("-", "/dev/stdin")


@dataclass(frozen=True)
class Source:
    """One photo to do.

    Attributes:
        path: the file; None is standard input.
        below: its path from the folder or pattern that it was found by, for mirroring the tree.
        problem: the path is a folder whose photos are unknown, and this is why.
    """

    path: Path | None
    below: Path
    problem: PhotoError | None = None

    @property
    def name(self) -> str:
        """As the person knows it; may hold what a terminal could act on."""
        return "-" if self.path is None else os.fspath(self.path)

    def place(self) -> Path | BinaryIO:
        """What a photo is decoded from.

        Raises:
            PhotoError: it is a folder that cannot be looked into.
        """
        if self.problem is not None:
            raise self.problem
        return self.path or sys.stdin.buffer


def gather(arguments: Iterable[str], recursive: bool = False) -> tuple[list[Source], list[Source]]:
    """The photos that arguments mean.

    Args:
        arguments: files, folders, patterns (``*``, ``?``, ``[...]``, ``**``) or ``-`` for standard input.
        recursive: also look into the folders of folders.

    Returns:
        The photos, each once, with the folders that cannot be looked into among them; and the files left out
        because they are our own results.

    Raises:
        UsageError: a name is empty, a folder or pattern holds no photos, or standard input is a terminal or closed.
    """
    photos: dict[str, Source] = {}
    results: list[Source] = []
    for argument in arguments:
        for source in _expand(argument, recursive):
            if source.path is not None and source.problem is None and is_result(source.path.name):
                results.append(source)
            else:
                photos.setdefault("-" if source.path is None else spelled_once(source.path), source)
    return list(photos.values()), results


def is_folder(path: str | Path) -> bool:
    """Whether there is a folder of that name."""
    return os.path.isdir(path)


def spelled_once(path: Path) -> str:
    """The same text for all spellings of one path; a link is not what it points to."""
    return os.path.normcase(os.path.abspath(path))


def one_place(path: Path) -> str:
    """The same text for all names that this system takes for one file, where something is to be written."""
    return same_place(Path(os.path.abspath(path)), sys.platform)


def _expand(argument: str, recursive: bool) -> Iterator[Source]:
    """The photos of one argument."""
    if not argument:
        raise UsageError("an empty name is no photo: check the variable or the quotes")
    if argument in _STDIN:
        if is_missing(sys.stdin):
            raise UsageError("- reads a photo from standard input, which is closed: pipe a photo into it")
        if sys.stdin.isatty():
            raise UsageError("- reads a photo from standard input, which is a terminal: pipe a photo into it")
        yield Source(None, Path("stdin"))
    elif is_folder(argument):
        yield from _folder(argument, recursive)
    elif glob.has_magic(argument) and not os.path.lexists(argument):
        yield from _pattern(argument, recursive)
    else:
        yield Source(Path(argument), Path(os.path.basename(argument)))


def _folder(folder: str, recursive: bool) -> Iterator[Source]:
    """The photos in a folder, sorted; hidden files and folders are left out, links to folders are not followed."""
    empty = True
    closed: list[OSError] = []
    for parent, folders, files in os.walk(folder, onerror=closed.append):
        folders[:] = sorted(name for name in folders if not name.startswith(".")) if recursive else []
        for name in sorted(files):
            path = Path(parent, name)
            if os.path.splitext(name)[1].lower() in PHOTO_SUFFIXES and not _is_left_out(path):
                empty = False
                yield Source(path, path.relative_to(folder))
    yield from _closed(closed, Path(folder))
    if empty and not closed:
        remedy = "name another one" if recursive else "use -r to look into its folders too"
        raise UsageError(f"the folder {printable(folder)} holds no photos: {remedy}")


def _closed(errors: Iterable[OSError], top: Path) -> Iterator[Source]:
    """Folders that cannot be looked into, as failures: nobody would miss the photos of one that was passed over."""
    for error in errors:
        path = Path(error.filename)
        problem = PhotoError(f"the folder {printable(path)} {why_unreadable(error)}")
        yield Source(path, path.relative_to(top), problem)


def _is_left_out(path: Path) -> bool:
    """Whether a file in a folder is none of its photos: a hidden one; or a pipe or a device."""
    return path.name.startswith(".") or _may_never_end(path)


def _may_never_end(path: str | Path) -> bool:
    """Whether a name is that of a pipe or a device; such are photos only where they are named by themselves."""
    return os.path.exists(path) and not os.path.isfile(path) and not is_folder(path)


def _pattern(pattern: str, recursive: bool) -> Iterator[Source]:
    """What matches a pattern, sorted, as if the shell had written it out."""
    fixed = fixed_part(Path(pattern))
    closed: list[OSError] = []
    matches = sorted({match for match in _matches(pattern, closed) if not _may_never_end(match)})
    if not matches and not closed:
        raise UsageError(f"nothing matches {printable(pattern)}: check the pattern")
    for match in matches:
        if not is_folder(match):
            yield Source(Path(match), Path(match).relative_to(fixed))
        elif recursive:
            yield from _folder(match, recursive)
    yield from _closed(closed, fixed)


def _matches(pattern: str, closed: list[OSError]) -> Iterator[str]:
    """All names that match; ``**`` is no hidden folder, and no link to one, which may lead in a circle.

    Why folders on the way could not be looked into is added to ``closed``.
    """
    parts = Path(pattern).parts
    if "**" not in parts:
        yield from glob.glob(pattern)
        return
    at = parts.index("**")
    below = parts[at + 1 :] or ("*",)
    for top in glob.glob(os.path.join(*parts[:at])) if at else ["."]:
        for parent, folders, _ in os.walk(top, onerror=closed.append):
            folders[:] = [name for name in folders if not name.startswith(".")]
            yield from _matches(os.path.join(glob.escape(parent), *below), closed)
