"""``manifest.csv``: one row a photo, with the paths of its masks."""

from __future__ import annotations

import csv
import os
from pathlib import Path

from hairseg.data.items import Item
from hairseg.data.labels import Labels
from hairseg.errors import DataError


def has_labels(folder: Path) -> bool:
    """Whether the manifest has a column of class-index masks beside that of the hair masks."""
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as file:
        return "labels" in (csv.DictReader(file).fieldnames or ())


def read_manifest(folder: Path, labels: Labels | None = None) -> list[tuple[str, Item]]:
    """The split and the photo of every row.

    Columns: ``image`` and ``mask``; if you like, ``split``, ``hairstyle``, ``tags``; and ``labels``, paths of
    class-index masks, which are read instead of ``mask`` where classes are asked for.

    Args:
        folder: holds ``manifest.csv``.
        labels: what class-index masks hold; None for hair masks.

    Raises:
        DataError: a column is missing, or a path points outside.
    """
    path = folder / "manifest.csv"
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        column = "labels" if labels and "labels" in (reader.fieldnames or ()) else "mask"
        missing = {"image", column} - set(reader.fieldnames or ())
        if missing:
            raise DataError(f"{path}: the column {sorted(missing)[0]!r} is missing")
        return [(row.get("split") or "", _item(folder, row, column, labels)) for row in reader]


def _item(folder: Path, row: dict[str, str], column: str, labels: Labels | None) -> Item:
    name, mask_name = row["image"] or "", row[column] or ""  # a short row holds None
    for entry in (name, mask_name):
        inside = Path(os.path.normpath(folder / entry))
        if not inside.is_relative_to(os.path.normpath(folder)):
            raise DataError(f"{folder / 'manifest.csv'}: {entry!r} points outside the data folder")
    if labels and not mask_name:
        raise DataError(f"{folder / 'manifest.csv'}: {name!r} has no mask of class indices in {column!r}")
    mask = folder / mask_name if mask_name else None
    tags = frozenset(filter(None, (row.get("tags") or "").split(";")))
    return Item(folder / name, mask, name, row.get("hairstyle") or "", tags, labels)
