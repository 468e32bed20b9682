"""From ``kind:PATH`` to a data set."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from pathlib import Path

from hairseg.data.items import DataSet, Item
from hairseg.errors import DataError

# Figaro-1k numbers its photos by style, 150 each (Svanera et al., ICIP 2016).
FIGARO_STYLES = ("straight", "wavy", "curly", "kinky", "braids", "dreadlocks", "short-men")
FIGARO_SPLITS = {"train": "train840_official", "test": "test210_official"}
PHOTO_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm"}


def open_data(spec: str, split: str = "", skip_tags: tuple[str, ...] = ()) -> DataSet:
    """The photos of one split of a data set.

    Args:
        spec: ``figaro1k:PATH`` or ``folder:PATH``; ``$NAME`` in the path is taken from the environment.
        split: ``train``, ``test``, the name of a list in ``PATH/splits``, a path to a list of photo names
            (``.txt``), or empty for all.
        skip_tags: photos with one of these tags are left out.

    Raises:
        DataError: there is no such data set or split, or it is empty.
    """
    kind, colon, place = spec.partition(":")
    if not colon or kind not in _KINDS:
        raise DataError(f"data {spec!r} is unknown: write {' or '.join(f'{name}:PATH' for name in _KINDS)}")
    folder = Path(os.path.expandvars(place)).expanduser()
    if "$" in str(folder):
        name = str(folder).partition("$")[2].partition("/")[0].strip("{}")
        raise DataError(
            f"data {spec!r}: the environment variable {name} is not set; set it to the data's folder"
        )
    if not folder.is_dir():
        raise DataError(f"{folder}: no such data folder")
    items = _KINDS[kind](folder, split)
    items = tuple(item for item in items if not item.tags.intersection(skip_tags))
    if not items:
        raise DataError(f"{folder}: split {split!r} holds no photos")
    label = Path(split).stem if split.endswith(".txt") else split
    base = kind if kind == "figaro1k" else folder.name
    return DataSet(f"{base}:{label}" if label else base, items)


def _figaro1k(folder: Path, split: str) -> tuple[Item, ...]:
    if (folder / "manifest.csv").is_file():
        rows = _manifest(folder)
    elif (folder / "Original").is_dir() and (folder / "GT").is_dir():
        rows = _figaro_archive(folder)
    else:
        raise DataError(
            f"{folder}: not Figaro-1k: expected manifest.csv, or the official archive's folders "
            "Original/{Training,Testing} and GT/{Training,Testing}"
        )
    listed = _split_list(folder, FIGARO_SPLITS.get(split, split))
    if listed is not None:
        return _choose(rows, listed, split)
    if split in ("", "train", "test"):
        return tuple(item for name, item in rows if split in ("", name))
    raise DataError(f"{folder}: no split {split!r}: use train, test, or a list in {folder / 'splits'}")


def _figaro_archive(folder: Path) -> list[tuple[str, Item]]:
    rows = []
    for split, part in (("train", "Training"), ("test", "Testing")):
        for photo in sorted((folder / "Original" / part).glob("*.jpg")):
            stem = photo.stem.removesuffix("-org")
            masks = [folder / "GT" / part / f"{stem}-gt{suffix}" for suffix in (".pbm", ".png")]
            mask = next((path for path in masks if path.is_file()), masks[0])
            digits = "".join(filter(str.isdigit, stem))
            style = FIGARO_STYLES[min((int(digits) - 1) // 150, 6)] if digits else ""
            # The name that the repacked layout uses, so that split lists serve both.
            rows.append((split, Item(photo, mask, f"{split}/images/{photo.name}", style)))
    return rows


def _folder(folder: Path, split: str) -> tuple[Item, ...]:
    if (folder / "manifest.csv").is_file():
        rows = _manifest(folder)
    elif (folder / "images").is_dir() and (folder / "masks").is_dir():
        rows = [("", item) for item in _images_and_masks(folder)]
    else:
        raise DataError(f"{folder}: expected a manifest.csv, or the folders images/ and masks/")
    listed = _split_list(folder, split)
    if listed is not None:
        return _choose(rows, listed, split)
    known = {name for name, _ in rows}
    if split and split not in known:
        raise DataError(f"{folder}: no split {split!r}: it has {', '.join(sorted(known)) or 'none'}")
    return tuple(item for name, item in rows if split in ("", name))


def _images_and_masks(folder: Path) -> list[Item]:
    masks = {path.stem: path for path in sorted((folder / "masks").iterdir())}
    photos = [path for path in sorted((folder / "images").iterdir()) if path.suffix.lower() in PHOTO_SUFFIXES]
    return [
        Item(photo, masks.get(photo.stem, folder / "masks" / f"{photo.stem}.png"), f"images/{photo.name}")
        for photo in photos
    ]


def _manifest(folder: Path) -> list[tuple[str, Item]]:
    """Rows of ``manifest.csv``: columns image and mask, optionally split, hairstyle, tags, labels."""
    path = folder / "manifest.csv"
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        missing = {"image", "mask"} - set(reader.fieldnames or ())
        if missing:
            raise DataError(f"{path}: the column {sorted(missing)[0]!r} is missing")
        return [(row.get("split") or "", _manifest_item(folder, row)) for row in reader]


def _manifest_item(folder: Path, row: dict[str, str]) -> Item:
    name, mask_name = row["image"] or "", row["mask"] or ""  # a short row holds None
    for entry in (name, mask_name):
        inside = Path(os.path.normpath(folder / entry))
        if not inside.is_relative_to(os.path.normpath(folder)):
            raise DataError(f"{folder / 'manifest.csv'}: {entry!r} points outside the data folder")
    mask = folder / mask_name if mask_name else None
    tags = frozenset(filter(None, (row.get("tags") or "").split(";")))
    return Item(folder / name, mask, name, row.get("hairstyle") or "", tags)


def _split_list(folder: Path, split: str) -> list[str] | None:
    """Photo names of ``PATH/splits/<split>.txt`` or of a list given by its own path; None if there is none."""
    if not split:
        return None
    path = Path(os.path.expandvars(split)) if split.endswith(".txt") else folder / "splits" / f"{split}.txt"
    if not path.is_file():
        if split.endswith(".txt"):
            raise DataError(f"{path}: no such split list")
        return None
    return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def _choose(rows: list[tuple[str, Item]], names: list[str], split: str) -> tuple[Item, ...]:
    by_name = {item.name: item for _, item in rows}
    lost = [name for name in names if name not in by_name]
    if lost:
        raise DataError(f"split {split!r} lists {len(lost)} photos that are not there, for example {lost[0]}")
    return tuple(by_name[name] for name in names)


_KINDS: dict[str, Callable[[Path, str], tuple[Item, ...]]] = {"figaro1k": _figaro1k, "folder": _folder}
