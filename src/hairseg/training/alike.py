"""Whether two recipes are one: a run that goes on is begun by the same recipe, from whatever folder it is named."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

# Endings of files that stand beside a recipe: other recipes, lists of photos.
BESIDE = (".toml", ".txt")
# Keys of a recipe that change how fast it is trained, and nothing of what comes out.
INDIFFERENT = ("workers", "in_memory")


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The keys under which two recipes differ.

    A recipe read from another working folder names the files beside it by other paths, such as
    ``recipes/splits/a.txt`` and ``/home/me/hairseg/recipes/splits/a.txt``: these are the same as far as the shorter one
    tells. (What the photos in a list are is compared by their checksums, see ``fingerprint.py``.)

    Args:
        before: a recipe as plain values (``dataclasses.asdict``, or read back from JSON).
        after: another one.
    """
    keys = [*before, *(key for key in after if key not in before)]
    return [
        key for key in keys if key not in before or key not in after or not _alike(before[key], after[key])
    ]


def _alike(one: Any, other: Any) -> bool:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return not changed(one, other)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, str) and isinstance(other, str) and one.endswith(BESIDE):
        shorter, longer = sorted((_steps(one), _steps(other)), key=len)
        return longer[len(longer) - len(shorter) :] == shorter
    return bool(one == other)


def _steps(path: str) -> list[str]:
    """The folders down to a file, and its name; ways up and the root are left out, and ways down and up again."""
    pure = PurePath(os.path.normpath(path))
    return [part for part in pure.parts if part not in ("..", pure.anchor)]
