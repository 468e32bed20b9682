"""File names as safe text: a name may hold newlines, terminal escapes or bytes that are no text at all."""

from __future__ import annotations

import os
import re

# Where a browser sees a tag begin.
_TAG = re.compile(r"<(?=[A-Za-z/!?])")


def printable(name: str | os.PathLike[str]) -> str:
    r"""``name`` with everything that a terminal could act on spelled out.

    Args:
        name: a path, or any text that holds one.

    Returns:
        The same text with control characters, line separators, bidirectional overrides and undecodable bytes
        as ``\x1b``, ``\u202e``, ``\xff``. Letters of every script stay. Printable text comes back unchanged,
        so applying it twice is harmless.
    """
    text = os.fspath(name)
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else _spelled(letter) for letter in text)


def printable_message(text: str) -> str:
    """``text`` like :func:`printable`; a line break stays where the next line is indented, as in our lists."""
    return "\n  ".join(map(printable, text.split("\n  ")))


def plain_markdown(text: str) -> str:
    """``text`` like :func:`printable`, for a line or a cell of Markdown: it makes no HTML and no further column."""
    return _TAG.sub("&lt;", printable(text)).replace("|", "/")


def spreadsheet_safe(name: str) -> str:
    """A file name for a cell of CSV, which a spreadsheet takes for text and not for a formula.

    ``=1+1.jpg`` becomes ``./=1+1.jpg``, another spelling of the same path.
    """
    return f"./{name}" if name[:1] in ("=", "+", "-", "@") else name


def _spelled(letter: str) -> str:
    """One unprintable character as an escape; a byte that is no UTF-8 (PEP 383: U+DC80-DCFF) as itself."""
    point = ord(letter)
    if 0xDC80 <= point <= 0xDCFF:
        return f"\\x{point - 0xDC00:02x}"
    if point < 0x100:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"
