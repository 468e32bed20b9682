"""Lists of photo names: which photos of a data set a split holds."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from hairseg.data.items import Item
from hairseg.data.text import read_text
from hairseg.errors import DataError


def split_list(folder: Path, split: str) -> list[str] | None:
    """Photo names of ``PATH/splits/<split>.txt`` or of a list given by its own path; None if there is none."""
    if not split:
        return None
    path = Path(os.path.expandvars(split)) if split.endswith(".txt") else folder / "splits" / f"{split}.txt"
    if not os.path.isfile(path):  # noqa: PTH113 - which says no where pathlib raises
        if split.endswith(".txt"):
            raise DataError(f"{path}: no such split list")
        return None
    return [line.strip() for line in read_text(path).splitlines() if line.strip()]


def choose(items: Sequence[Item], names: Sequence[str], split: str) -> tuple[Item, ...]:
    """The photos of a list, in its order."""
    by_name = {item.name: item for item in items}
    lost = [name for name in names if name not in by_name]
    if lost:
        raise DataError(f"split {split!r} lists {len(lost)} photos that are not there, for example {lost[0]}")
    return tuple(by_name[name] for name in names)


def of_split(folder: Path, rows: Sequence[tuple[str, Item]], split: str) -> tuple[Item, ...]:
    """The photos of one split.

    Args:
        folder: of the data set, whose ``splits`` folder may hold lists.
        rows: the split that a photo belongs to by itself, and the photo.
        split: one of these, the name or path of a list, or empty for all.

    Raises:
        DataError: there is no such split.
    """
    listed = split_list(folder, split)
    if listed is not None:
        return choose([item for _, item in rows], listed, split)
    known = {name for name, _ in rows if name}
    if split and split not in known:
        raise DataError(
            f"{folder}: no split {split!r}: it has {', '.join(sorted(known)) or 'none'}; an empty split takes all "
            "photos, a path to a list (.txt) those that it names"
        )
    return tuple(item for name, item in rows if split in ("", name))
