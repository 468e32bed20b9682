"""The public data sets of scene parsing, in the folders in which they are downloaded."""

from __future__ import annotations

import os
from pathlib import Path

from hairseg.classes import IGNORE
from hairseg.data.items import Item
from hairseg.data.labels import Labels, known_classes
from hairseg.data.splits import of_split
from hairseg.data.text import read_text
from hairseg.errors import DataError

# Cityscapes' labelIds in the order of their trainIds; every other id is ignored (mcordts/cityscapesScripts).
CITYSCAPES_IDS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
CITYSCAPES_LARGEST_ID = 33
ADE20K_SPLITS = {"training": "train", "validation": "val"}


def ade20k(folder: Path, split: str) -> tuple[Item, ...]:
    """SceneParsing 150 (Zhou et al., CVPR 2017): ``images/{training,validation}`` and ``annotations/`` likewise.

    The files hold 0 for everything else, which is ignored, and 1 to 150 for the classes. Splits: ``train`` or
    ``training``, ``val`` or ``validation``.
    """
    home = _home(folder, ("", "ADEChallengeData2016"), ("images", "annotations"), "ADE20K (SceneParsing 150)")
    classes = known_classes("ade20k")
    labels = Labels(classes, ((0, IGNORE), *((index + 1, index) for index in range(len(classes)))))
    rows = []
    for part, name in ADE20K_SPLITS.items():
        for photo in sorted((home / "images" / part).glob("*.jpg")):
            mask = home / "annotations" / part / f"{photo.stem}.png"
            rows.append((name, Item(photo, mask, f"images/{part}/{photo.name}", labels=labels)))
    return of_split(home, rows, ADE20K_SPLITS.get(split, split))


def voc(folder: Path, split: str) -> tuple[Item, ...]:
    """PASCAL VOC 2012: ``JPEGImages``, palette masks in ``SegmentationClass``, ``ImageSets/Segmentation/*.txt``.

    Splits are these lists: ``train``, ``val``, ``trainval``; one with ``aug`` in its name (``trainaug``, the
    10,582 photos of Hariharan et al., ICCV 2011) takes its masks from ``SegmentationClassAug``.
    """
    places = ("", "VOC2012", "VOCdevkit/VOC2012")
    home = _home(folder, places, ("JPEGImages", "ImageSets/Segmentation"), "PASCAL VOC 2012")
    lists = {path.stem: path for path in sorted((home / "ImageSets" / "Segmentation").glob("*.txt"))}
    listed = lists.get(split or "trainval", home / "splits" / f"{split}.txt")
    if split.endswith(".txt"):
        listed = Path(os.path.expandvars(split))
    if not listed.is_file():
        raise DataError(
            f"{home}: no split {split!r}: ImageSets/Segmentation has {', '.join(lists) or 'none'}"
        )
    masks = home / ("SegmentationClassAug" if "aug" in listed.stem else "SegmentationClass")
    if not masks.is_dir():
        raise DataError(f"{masks}: no such folder: split {listed.stem!r} has its masks there")
    labels = Labels(known_classes("voc"))
    # A line is a photo's name; lists of the larger set hold the paths of photo and mask.
    stems = [Path(line.split()[0]).stem for line in read_text(listed).splitlines() if line.strip()]
    return tuple(
        Item(
            home / "JPEGImages" / f"{stem}.jpg",
            masks / f"{stem}.png",
            f"JPEGImages/{stem}.jpg",
            labels=labels,
        )
        for stem in stems
    )


def cityscapes(folder: Path, split: str) -> tuple[Item, ...]:
    """Cityscapes: ``leftImg8bit/SPLIT/CITY/*_leftImg8bit.png`` and ``gtFine`` likewise; 19 classes.

    A mask is ``*_gtFine_labelTrainIds.png``, or ``*_gtFine_labelIds.png`` where that has not been made.
    """
    home = _home(folder, ("",), ("leftImg8bit", "gtFine"), "Cityscapes")
    classes = known_classes("cityscapes")
    train_ids = Labels(classes)
    known = dict(zip(CITYSCAPES_IDS, range(len(classes)), strict=True))
    numbers = [*range(CITYSCAPES_LARGEST_ID + 1), IGNORE]
    all_ids = Labels(classes, tuple((number, known.get(number, IGNORE)) for number in numbers))
    rows = []
    for photo in sorted((home / "leftImg8bit").glob("*/*/*_leftImg8bit.png")):
        part, city = photo.parts[-3:-1]
        stem = home / "gtFine" / part / city / f"{photo.stem.removesuffix('_leftImg8bit')}_gtFine"
        mask, labels = Path(f"{stem}_labelTrainIds.png"), train_ids
        if not mask.is_file() and Path(f"{stem}_labelIds.png").is_file():
            mask, labels = Path(f"{stem}_labelIds.png"), all_ids
        rows.append((part, Item(photo, mask, f"leftImg8bit/{part}/{city}/{photo.name}", labels=labels)))
    return of_split(home, rows, split)


def _home(folder: Path, places: tuple[str, ...], parts: tuple[str, ...], title: str) -> Path:
    """The folder, or one of ``places`` in it, that holds ``parts``."""
    for place in places:
        if all((folder / place / part).is_dir() for part in parts):
            return folder / place
    raise DataError(f"{folder}: not {title}: expected the folders {' and '.join(parts)}")
