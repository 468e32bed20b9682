"""What the parser refuses -> one sentence that says what to do."""

from __future__ import annotations

import os
from collections.abc import Sequence

from cyclopts import CycloptsError, MissingArgumentError, UnusedCliTokensError

from hairseg.printable import printable


def explained(error: CycloptsError, argv: Sequence[str]) -> str:
    """The sentence.

    Args:
        error: as the parser raised it.
        argv: what it was given.
    """
    for word in argv:
        if word.startswith("-") and word != "-" and os.path.lexists(word):
            name = printable(word)
            return (
                f"{name} is taken for options, though a file has that name: write ./{name}, or -- before it"
            )
    what = _what(error)
    command = " ".join(("hairseg", *(error.command_chain or ()), "--help"))
    return f"{what} See `{command}`" if what.endswith("?") else f"{what}: see `{command}`"


def _what(error: CycloptsError) -> str:
    """What is wrong, without an end."""
    said = " ".join(str(error).split()).rstrip(".")
    if isinstance(error, UnusedCliTokensError):
        return f"{' '.join(map(printable, error.unused_tokens or ()))} is more than it takes"
    if not isinstance(error, MissingArgumentError) or said.endswith("?"):
        return said
    if error.keyword is not None:
        return f"{error.keyword} requires an argument"
    assert error.argument is not None
    return f"{error.argument.name} is needed"
