"""Each public layout as a tiny tree."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hairseg.data import common_classes, open_data, read_item
from hairseg.errors import DataError


def put(path: Path, pixels: list[list[int]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.array(pixels, np.uint8)).save(path)


def put_photo(path: Path, width: int = 4) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (width, 1), (90, 80, 70)).save(path)


@pytest.fixture
def ade(tmp_path: Path) -> Path:
    home = tmp_path / "ADEChallengeData2016"
    for part, stem in (("training", "ADE_train_00000001"), ("validation", "ADE_val_00000001")):
        put_photo(home / "images" / part / f"{stem}.jpg")
        put(home / "annotations" / part / f"{stem}.png", [[0, 1, 13, 150]])
    return tmp_path


@pytest.mark.parametrize("place", ["", "ADEChallengeData2016"])
@pytest.mark.parametrize(("split", "stem"), [("train", "ADE_train"), ("validation", "ADE_val")])
def test_ade20k(ade: Path, place: str, split: str, stem: str) -> None:
    data = open_data(f"ade20k:{ade / place}", split, classes=150)
    (item,) = data.items
    assert item.photo.name.startswith(stem)
    assert read_item(item)[1].tolist() == [[255, 0, 12, 149]]  # 0 is "other", which is ignored
    assert data.classes[12].name == "person"


def test_ade20k_says_what_is_wrong(ade: Path, tmp_path: Path) -> None:
    assert len(open_data(f"ade20k:{ade}").items) == 2
    with pytest.raises(DataError, match="no split 'test': it has train, val"):
        open_data(f"ade20k:{ade}", "test")
    with pytest.raises(DataError, match=r"not ADE20K .*: expected the folders images and annotations"):
        open_data(f"ade20k:{ade / 'ADEChallengeData2016' / 'images'}")
    put(ade / "ADEChallengeData2016/annotations/training/ADE_train_00000001.png", [[0, 1, 2, 151]])
    with pytest.raises(
        DataError, match="holds 151, but the 150 classes are stored as 1 to 150, and 0 to ignore"
    ):
        read_item(open_data(f"ade20k:{ade}", "train").items[0])


@pytest.fixture
def voc(tmp_path: Path) -> Path:
    home = tmp_path / "VOCdevkit" / "VOC2012"
    for stem in ("2007_000001", "2007_000002", "2008_000003"):
        put_photo(home / "JPEGImages" / f"{stem}.jpg")
    for folder, stems in (("", ("2007_000001", "2007_000002")), ("Aug", ("2007_000001", "2008_000003"))):
        (home / f"SegmentationClass{folder}").mkdir()
        for stem in stems:
            image = Image.new("P", (4, 1))
            image.putdata([0, 15, 20, 255])
            image.putpalette([0, 0, 0, 128, 0, 0] + [224] * 762)
            image.save(home / f"SegmentationClass{folder}" / f"{stem}.png")
    lists = home / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("2007_000001\n")
    (lists / "val.txt").write_text("2007_000002\n\n")
    (lists / "trainval.txt").write_text("2007_000001\n2007_000002\n")
    lines = [f"/JPEGImages/{s}.jpg /SegmentationClassAug/{s}.png\n" for s in ("2007_000001", "2008_000003")]
    (lists / "trainaug.txt").write_text("".join(lines))
    return tmp_path


@pytest.mark.parametrize("place", ["", "VOCdevkit/VOC2012"])
def test_voc(voc: Path, place: str) -> None:
    data = open_data(f"voc:{voc / place}", "val", classes=21)
    (item,) = data.items
    assert (data.name, item.name) == ("voc:val", "JPEGImages/2007_000002.jpg")
    assert read_item(item)[1].tolist() == [[0, 15, 20, 255]]
    assert data.classes[15].name == "person"
    assert len(open_data(f"voc:{voc / place}").items) == 2


def test_vocs_larger_training_set(voc: Path) -> None:
    items = open_data(f"voc:{voc}", "trainaug").items
    assert [item.photo.stem for item in items] == ["2007_000001", "2008_000003"]
    assert [read_item(item)[1].shape for item in items] == [(1, 4)] * 2
    assert items[0].mask is not None
    assert items[0].mask.parent.name == "SegmentationClassAug"


def test_a_list_of_ones_own_for_voc(voc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.txt").write_text("2007_000002\n")
    beside = voc / "VOCdevkit/VOC2012/splits"
    beside.mkdir()
    (beside / "own.txt").write_text("2007_000002\n")
    monkeypatch.setenv("LISTS", str(tmp_path))
    for split in (str(tmp_path / "mine.txt"), "$LISTS/mine.txt", "own"):
        (item,) = open_data(f"voc:{voc}", split).items
        assert item.photo.stem == "2007_000002"


def test_voc_says_what_is_wrong(voc: Path) -> None:
    with pytest.raises(
        DataError, match="no split 'test': ImageSets/Segmentation has train, trainaug, trainval, val"
    ):
        open_data(f"voc:{voc}", "test")
    (voc / "VOCdevkit/VOC2012/SegmentationClassAug").rename(voc / "gone")
    with pytest.raises(DataError, match="SegmentationClassAug: no such folder: split 'trainaug'"):
        open_data(f"voc:{voc}", "trainaug")


@pytest.fixture
def cities(tmp_path: Path) -> Path:
    for part, city in (("train", "aachen"), ("val", "ulm")):
        stem = f"{city}_000000_000019"
        put_photo(tmp_path / "leftImg8bit" / part / city / f"{stem}_leftImg8bit.png")
        put(tmp_path / "gtFine" / part / city / f"{stem}_gtFine_labelIds.png", [[0, 7, 26, 33]])
        put(tmp_path / "gtFine" / part / city / f"{stem}_gtFine_color.png", [[1, 2, 3, 4]])
    put(tmp_path / "gtFine/train/aachen/aachen_000000_000019_gtFine_labelTrainIds.png", [[255, 0, 13, 18]])
    return tmp_path


@pytest.mark.parametrize(("split", "kind"), [("train", "labelTrainIds"), ("val", "labelIds")])
def test_cityscapes_by_train_ids_and_by_all_ids(cities: Path, split: str, kind: str) -> None:
    data = open_data(f"cityscapes:{cities}", split, classes=19)
    (item,) = data.items
    assert item.mask is not None
    assert item.mask.name.endswith(f"{kind}.png")
    assert read_item(item)[1].tolist() == [[255, 0, 13, 18]]
    assert data.classes[13].name == "car"


def test_cityscapes_says_what_is_wrong(cities: Path) -> None:
    with pytest.raises(DataError, match="no split 'test': it has train, val"):
        open_data(f"cityscapes:{cities}", "test")
    with pytest.raises(DataError, match="expected the folders leftImg8bit and gtFine"):
        open_data(f"cityscapes:{cities / 'gtFine'}")
    put(cities / "gtFine/val/ulm/ulm_000000_000019_gtFine_labelIds.png", [[0, 7, 26, 34]])
    with pytest.raises(
        DataError, match="holds 34, but the 19 classes are stored as 7 to 8, 11 to 13, 17, 19 to 28"
    ):
        read_item(open_data(f"cityscapes:{cities}", "val").items[0])


def test_sets_that_are_mixed_share_their_classes(ade: Path, cities: Path) -> None:
    streets = [open_data(f"cityscapes:{cities}", split) for split in ("train", "val")]
    assert common_classes(streets) == streets[0].classes
    assert common_classes([]) == ()
    with pytest.raises(DataError, match="class 0 is 'wall' in ade20k:train and 'road' in cityscapes:val"):
        common_classes([open_data(f"ade20k:{ade}", "train"), streets[1]])
