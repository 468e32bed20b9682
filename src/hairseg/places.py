r"""What names mean on each system, by the name alone: which are one file, and which cannot be one.

Pure functions of a path and a system (``sys.platform``), so that Linux tests what Windows and macOS do.
"""

from __future__ import annotations

import glob
import unicodedata
from pathlib import PurePath, PureWindowsPath
from typing import TypeVar

AnyPath = TypeVar("AnyPath", bound=PurePath)

# https://learn.microsoft.com/windows/win32/fileio/naming-a-file; the superscript digits are among them.
_DEVICES = {
    *("CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"),
    *(port + digit for port in ("COM", "LPT") for digit in "123456789\u00b9\u00b2\u00b3"),
}
_FORBIDDEN = '<>:"|?*'


def same_place(path: PurePath, system: str) -> str:
    r"""The same text for all names of one file, so that results do not replace each other.

    Windows and macOS take ``A.png`` and ``a.png`` for one file; macOS also takes both Unicode forms of an ``é`` for
    one, and Windows drops dots and spaces at the end of a name. A disk may be told to be stricter than its system:
    then two results that could stand side by side are kept apart by an error, and none is lost.

    Args:
        path: absolute, in the system's own spelling.
        system: as ``sys.platform``.
    """
    if system == "darwin":
        # Composed letters may fold into others that compose again.
        folded = unicodedata.normalize("NFD", str(path)).casefold()
        return unicodedata.normalize("NFD", folded)
    if system == "win32":
        plain = PureWindowsPath(_without_prefix(str(path)))
        names = [name.rstrip(" .") for name in plain.relative_to(plain.anchor).parts]
        return "\\".join(_upper(text) for text in (plain.anchor.rstrip("\\"), *names))
    return str(path)


def why_impossible(path: PurePath, system: str) -> str:
    r"""Why no file of that name can be written, or an empty text.

    Linux and macOS say so themselves when they are asked. Windows does not: ``nul.png`` swallows what is written to
    it, and ``ab:c.png`` hides it in a stream of the file ``ab``.
    """
    if system != "win32":
        return ""
    plain = PureWindowsPath(_without_prefix(str(path)))
    for name in plain.parts[1:] if plain.anchor else plain.parts:
        if name.partition(".")[0].rstrip(" ").upper() in _DEVICES:
            return f"{name!r} is the name of a device on Windows"
        wrong = [letter for letter in name if letter in _FORBIDDEN or ord(letter) < 32]
        if wrong:
            return f"Windows allows no {wrong[0]!r} in a name"
    return ""


def fixed_part(pattern: AnyPath) -> AnyPath:
    r"""The folders that a pattern names before its first wildcard; a drive's ``\\?\`` is none."""
    fixed = []
    for part in pattern.parts[:-1]:
        if part != pattern.anchor and glob.has_magic(part):
            break
        fixed.append(part)
    return type(pattern)(*fixed)


def _without_prefix(path: str) -> str:
    r"""``\\?\C:\a`` and ``\\?\UNC\server\share\a`` as ``C:\a`` and ``\\server\share\a``."""
    plain = path.replace("/", "\\")
    if plain[:8].upper() == "\\\\?\\UNC\\":
        return "\\\\" + plain[8:]
    return plain.removeprefix("\\\\?\\")


def _upper(text: str) -> str:
    """As Windows compares names: letter by letter, so that ``ß`` is not ``SS``."""
    return "".join(letter.upper() if len(letter.upper()) == 1 else letter for letter in text)
