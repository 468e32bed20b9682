"""Figaro-1k (Svanera et al., ICIP 2016): the official archive, and a repacked folder with a manifest."""

from __future__ import annotations

from pathlib import Path

from hairseg.data.items import Item
from hairseg.data.manifest import read_manifest
from hairseg.data.splits import choose, split_list
from hairseg.data.text import read_text
from hairseg.errors import DataError

# Figaro-1k numbers its photos by style, 150 each (Svanera et al., ICIP 2016).
FIGARO_STYLES = ("straight", "wavy", "curly", "kinky", "braids", "dreadlocks", "short-men")
FIGARO_SPLITS = {"train": "train840_official", "test": "test210_official"}
# A tenth of the training photos, twelve of each style, on which this project chooses; the rest of them is train756.
VAL84 = Path(__file__).parent / "lists" / "figaro1k_val84.txt"


def figaro1k(folder: Path, split: str) -> tuple[Item, ...]:
    """The photos of a split: ``train``, ``test``, ``train756``, ``val84``, or a list."""
    if (folder / "manifest.csv").is_file():
        rows = read_manifest(folder)
    elif (folder / "Original").is_dir() and (folder / "GT").is_dir():
        rows = _archive(folder)
    else:
        raise DataError(
            f"{folder}: not Figaro-1k: expected manifest.csv, or the official archive's folders "
            "Original/{Training,Testing} and GT/{Training,Testing}"
        )
    listed = split_list(folder, FIGARO_SPLITS.get(split, split))
    if listed is not None:
        return choose([item for _, item in rows], listed, split)
    if split in ("", "train", "test"):
        return tuple(item for name, item in rows if split in ("", name))
    if split in ("val84", "train756"):
        chosen = read_text(VAL84).split()
        if split == "val84":
            return choose([item for _, item in rows], chosen, split)
        return tuple(item for name, item in rows if name == "train" and item.name not in set(chosen))
    raise DataError(
        f"{folder}: no split {split!r}: use train, test, train756, val84, or a list in {folder / 'splits'}"
    )


def _archive(folder: Path) -> list[tuple[str, Item]]:
    rows = []
    for split, part in (("train", "Training"), ("test", "Testing")):
        for photo in sorted((folder / "Original" / part).glob("*.jpg")):
            stem = photo.stem.removesuffix("-org")
            masks = [folder / "GT" / part / f"{stem}-gt{suffix}" for suffix in (".pbm", ".png")]
            mask = next((path for path in masks if path.is_file()), masks[0])
            digits = "".join(filter(str.isdecimal, stem))
            style = FIGARO_STYLES[min((int(digits) - 1) // 150, 6)] if digits else ""
            # The name that the repacked layout uses, so that split lists serve both.
            rows.append((split, Item(photo, mask, f"{split}/images/{photo.name}", style)))
    return rows
