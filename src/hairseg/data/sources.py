"""From ``kind:PATH`` to a data set."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from hairseg.classes import IGNORE, MOST, Classes, unnamed
from hairseg.data.figaro import figaro1k
from hairseg.data.items import DataSet, Item
from hairseg.data.labels import LIST, Labels, known_classes, read_classes
from hairseg.data.manifest import has_labels, read_manifest
from hairseg.data.scenes import ade20k, cityscapes, voc
from hairseg.data.splits import of_split
from hairseg.errors import DataError

PHOTO_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm"}
MASK_SUFFIXES = PHOTO_SUFFIXES | {".gif", ".pbm", ".pgm"}


def open_data(
    spec: str, split: str = "", skip_tags: tuple[str, ...] = (), classes: int | None = None
) -> DataSet:
    """The photos of one split of a data set.

    Args:
        spec: ``kind:PATH`` with ``figaro1k``, ``folder``, ``fasseg``, ``ade20k``, ``voc`` or ``cityscapes``;
            ``$NAME`` in the path is taken from the environment.
        split: ``train``, ``test``, the name of a list in ``PATH/splits``, a path to a list of photo names
            (``.txt``), or empty for all.
        skip_tags: photos with one of these tags are left out.
        classes: how many a network tells apart: 1 for hair masks, more for masks of class indices. None takes
            the masks as they are described: class indices of the public scene sets and of a folder with
            ``classes.csv``, hair otherwise.

    Raises:
        DataError: there is no such data set or split, it is empty, or it holds another number of classes.
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
    if not os.path.isdir(folder):  # noqa: PTH112 - which says no where pathlib raises
        raise DataError(f"{folder}: no such data folder")
    items = _KINDS[kind](folder, split, classes)
    items = tuple(item for item in items if not item.tags.intersection(skip_tags))
    if not items:
        raise DataError(f"{folder}: split {split!r} holds no photos")
    label = Path(split).stem if split.endswith(".txt") else split
    base = folder.name if kind == "folder" else kind
    dataset = DataSet(f"{base}:{label}" if label else base, items)
    _agree(spec, dataset.classes, classes)
    return dataset


def common_classes(datasets: Sequence[DataSet]) -> Classes:
    """The classes of all of them; empty for hair.

    Raises:
        DataError: two sets call their classes differently.
    """
    for first, second in itertools.pairwise(datasets):
        for index, (one, other) in enumerate(zip(first.classes, second.classes, strict=False)):
            if one.name != other.name:
                raise DataError(
                    f"class {index} is {one.name!r} in {first.name} and {other.name!r} in {second.name}: "
                    "sets that are mixed need one list of classes"
                )
    return datasets[0].classes if datasets else ()


def _agree(spec: str, found: Classes, wanted: int | None) -> None:
    """Refuse data whose masks are not what a network of ``wanted`` classes learns."""
    if wanted is None or wanted == (len(found) or 1):
        return
    if found:
        names = ", ".join(one.name for one in found[:3])
        held = f"holds masks of {len(found)} classes ({names}, ...)"
    else:
        held = "holds hair masks"
    raise DataError(
        f"data {spec!r} {held}, but the network tells {wanted} apart: "
        f"set classes to {len(found) or 1} under [net], or choose other data"
    )


def _folder(folder: Path, split: str, classes: int | None) -> tuple[Item, ...]:
    manifest = (folder / "manifest.csv").is_file()
    if not manifest and not ((folder / "images").is_dir() and (folder / "masks").is_dir()):
        raise DataError(f"{folder}: expected a manifest.csv, or the folders images/ and masks/")
    labels = _folder_labels(folder, classes, manifest)
    rows = read_manifest(folder, labels) if manifest else _images_and_masks(folder, labels)
    return of_split(folder, rows, split)


def _folder_labels(folder: Path, classes: int | None, manifest: bool) -> Labels | None:
    """What the folder's masks hold: None for hair."""
    if (folder / LIST).is_file():
        # A manifest with both columns serves hair and scenes; otherwise the masks are what the list describes.
        both = manifest and has_labels(folder)
        return None if classes == 1 and both else Labels(read_classes(folder / LIST))
    if classes is None or classes == 1:
        return None
    if not 1 < classes <= MOST:
        raise DataError(f"{classes} classes: use 1 for hair or 2 to {MOST}, since {IGNORE} is ignored")
    return Labels(unnamed(classes))


def _images_and_masks(folder: Path, labels: Labels | None) -> list[tuple[str, Item]]:
    masks: dict[str, list[Path]] = {}
    for path in sorted((folder / "masks").iterdir()):
        masks.setdefault(path.stem, []).append(path)
    photos = [path for path in sorted((folder / "images").iterdir()) if path.suffix.lower() in PHOTO_SUFFIXES]
    rows = []
    named: dict[str, Path] = {}
    for photo in photos:
        other = named.setdefault(photo.stem, photo)
        if other is not photo:
            raise DataError(
                f"{folder}: images/{other.name} and images/{photo.name} would have one mask: rename one"
            )
        mask = _only(masks.get(photo.stem, []), folder / "masks" / f"{photo.stem}.png")
        rows.append(("", Item(photo, mask, f"images/{photo.name}", labels=labels)))
    return rows


def _only(found: list[Path], otherwise: Path) -> Path:
    """The mask among files of a photo's name; notes may lie beside it."""
    pictures = [path for path in found if path.suffix.lower() in MASK_SUFFIXES]
    if len(pictures) > 1:
        names = " and ".join(f"masks/{path.name}" for path in pictures)
        raise DataError(f"{otherwise.parent.parent}: {names} are masks of one photo: remove or rename one")
    return next(iter(pictures or found), otherwise)


def _fasseg(folder: Path, split: str) -> tuple[Item, ...]:
    """FASSEG (Khan et al., ICIP 2015) as a manifest whose column ``labels`` names class-index masks."""
    if not (folder / "manifest.csv").is_file() or not has_labels(folder):
        raise DataError(f"{folder}: not FASSEG: expected a manifest.csv with a column 'labels'")
    return of_split(folder, read_manifest(folder, Labels(known_classes("fasseg"))), split)


def _fixed(
    read: Callable[[Path, str], tuple[Item, ...]],
) -> Callable[[Path, str, int | None], tuple[Item, ...]]:
    """A reader of a set whose classes nobody has to ask for."""
    return lambda folder, split, classes: read(folder, split)


_KINDS: dict[str, Callable[[Path, str, int | None], tuple[Item, ...]]] = {
    "figaro1k": _fixed(figaro1k),
    "folder": _folder,
    "fasseg": _fixed(_fasseg),
    "ade20k": _fixed(ade20k),
    "voc": _fixed(voc),
    "cityscapes": _fixed(cityscapes),
}
