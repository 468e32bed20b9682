"""``manifest.csv``: one row a photo, with the paths of its masks."""

from __future__ import annotations

import os
from pathlib import Path

from hairseg.data.items import Item
from hairseg.data.labels import Labels
from hairseg.data.text import read_table
from hairseg.errors import DataError


def has_labels(folder: Path) -> bool:
    """Whether the manifest has a column of class-index masks beside that of the hair masks."""
    return "labels" in read_table(folder / "manifest.csv")[0]


def read_manifest(folder: Path, labels: Labels | None = None) -> list[tuple[str, Item]]:
    """The split and the photo of every row.

    Columns: ``image`` and ``mask`` (an empty cell: no hair in it); if you like, ``split``, ``hairstyle``, ``tags`` (with
    ``;`` between them); and ``labels``, paths of
    class-index masks, which are read instead of ``mask`` where classes are asked for.

    Args:
        folder: holds ``manifest.csv``.
        labels: what class-index masks hold; None for hair masks.

    Raises:
        DataError: it is no such table, a column is missing, or a path points outside.
    """
    path = folder / "manifest.csv"
    columns, rows = read_table(path)
    column = "labels" if labels and "labels" in columns else "mask"
    missing = {"image", column} - set(columns)
    if missing:
        raise DataError(f"{path}: the column {sorted(missing)[0]!r} is missing")
    for row in rows:
        if row[column] is None:
            # Not "no hair in it", which an empty cell says: the line ends before it comes to the mask.
            raise DataError(
                f"{path}: the line of {row['image']!r} ends before the column {column!r}: name its mask, or write "
                "the comma before an empty cell for a photo without hair"
            )
    return [(row.get("split") or "", _item(folder, row, column, labels)) for row in rows]


def _item(folder: Path, row: dict[str, str | None], column: str, labels: Labels | None) -> Item:
    name, mask_name = row["image"] or "", row[column] or ""
    for entry in (name, mask_name):
        inside = Path(os.path.normpath(folder / entry))
        if not inside.is_relative_to(os.path.normpath(folder)):
            raise DataError(f"{folder / 'manifest.csv'}: {entry!r} points outside the data folder")
    if labels and not mask_name:
        raise DataError(f"{folder / 'manifest.csv'}: {name!r} has no mask of class indices in {column!r}")
    mask = folder / mask_name if mask_name else None
    tags = frozenset(tag.strip() for tag in (row.get("tags") or "").split(";")) - {""}
    return Item(folder / name, mask, name, row.get("hairstyle") or "", tags, labels)
