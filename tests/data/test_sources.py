from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hairseg.data import check, figaro, open_data, read_item
from hairseg.data.items import read_mask
from hairseg.errors import DataError


def put(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def photo(height: int = 4, width: int = 5) -> np.ndarray:
    return np.full((height, width, 3), 90, np.uint8)


def mask(height: int = 4, width: int = 5) -> np.ndarray:
    truth = np.zeros((height, width), np.uint8)
    truth[:2] = 255
    return truth


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Figaro-1k as its authors packed it."""
    for part, numbers in (("Training", (1, 151)), ("Testing", (1050,))):
        for number in numbers:
            put(tmp_path / "Original" / part / f"Frame{number:05d}-org.jpg", photo())
            put(tmp_path / "GT" / part / f"Frame{number:05d}-gt.pbm", mask() > 0)
    return tmp_path


@pytest.fixture
def repacked(tmp_path: Path) -> Path:
    """Figaro-1k with a manifest and split lists."""
    rows = ["split,image,mask,hairstyle,tags"]
    for split, number in (("train", 1), ("train", 2), ("test", 3)):
        put(tmp_path / split / "images" / f"Frame{number:05d}-org.jpg", photo())
        put(tmp_path / split / "masks" / f"Frame{number:05d}-gt.png", mask())
        tags = "gray;dup_of=Frame00009" if number == 2 else ""
        name = f"{split}/images/Frame{number:05d}-org.jpg"
        rows.append(f"{split},{name},{split}/masks/Frame{number:05d}-gt.png,wavy,{tags}")
    (tmp_path / "manifest.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "splits").mkdir()
    (tmp_path / "splits" / "val1.txt").write_text("train/images/Frame00002-org.jpg\n")
    return tmp_path


def test_official_archive(archive: Path) -> None:
    data = open_data(f"figaro1k:{archive}", "train")
    assert data.name == "figaro1k:train"
    assert [item.style for item in data.items] == ["straight", "wavy"]
    assert open_data(f"figaro1k:{archive}", "test").items[0].style == "short-men"
    pixels, truth = read_item(data.items[0])
    assert pixels.shape == (4, 5, 3)
    assert truth.tolist() == [[1] * 5] * 2 + [[0] * 5] * 2


def test_the_archive_keeps_the_names_that_split_lists_use(archive: Path) -> None:
    (archive / "splits").mkdir()
    (archive / "splits" / "one.txt").write_text("train/images/Frame00151-org.jpg\n")
    assert [item.photo.name for item in open_data(f"figaro1k:{archive}", "one").items] == [
        "Frame00151-org.jpg"
    ]


def test_the_official_archive_has_the_splits_of_this_project(archive: Path) -> None:
    # Frame00001 is one of val84; all of these are put there, and two more for the rest.
    chosen = (Path(figaro.__file__).parent / "lists" / "figaro1k_val84.txt").read_text().split()
    assert len(chosen) == len(set(chosen)) == 84
    for name in (*chosen, "train/images/Frame00152-org.jpg"):
        stem = Path(name).stem.removesuffix("-org")
        put(archive / "Original" / "Training" / f"{stem}-org.jpg", photo())
        put(archive / "GT" / "Training" / f"{stem}-gt.pbm", mask() > 0)
    validation, rest = (open_data(f"figaro1k:{archive}", split) for split in ("val84", "train756"))
    assert [item.name for item in validation.items] == chosen
    names = {item.name for item in rest.items}
    assert names == {"train/images/Frame00151-org.jpg", "train/images/Frame00152-org.jpg"} - set(chosen)


def test_the_list_is_the_one_of_the_repacked_data() -> None:
    data = Path(os.environ.get("HAIRSEG_DATA", "")) / "figaro1k"
    if not (data / "splits" / "val84.txt").is_file():
        pytest.skip("needs the photos of Figaro-1k (HAIRSEG_DATA)")
    for split in ("val84", "train756"):
        listed = (data / "splits" / f"{split}.txt").read_text().split()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(figaro, "split_list", lambda folder, split: None)
            assert [item.name for item in open_data(f"figaro1k:{data}", split).items] == listed


def test_repacked_layout_with_splits_and_tags(repacked: Path) -> None:
    assert len(open_data(f"figaro1k:{repacked}").items) == 3
    assert len(open_data(f"figaro1k:{repacked}", "test").items) == 1
    (item,) = open_data(f"figaro1k:{repacked}", "val1").items
    assert item.tags == {"gray", "dup_of=Frame00009"}
    assert len(open_data(f"figaro1k:{repacked}", "train", ("gray",)).items) == 1
    with pytest.raises(DataError, match="no split 'val2'"):
        open_data(f"figaro1k:{repacked}", "val2")


def test_folder_with_images_and_masks(tmp_path: Path) -> None:
    put(tmp_path / "images" / "a.jpg", photo())
    put(tmp_path / "masks" / "a.png", mask())
    (item,) = open_data(f"folder:{tmp_path}").items
    assert (item.name, item.mask) == ("images/a.jpg", tmp_path / "masks" / "a.png")


def test_a_list_of_names_by_its_path(repacked: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    listed = tmp_path_factory.mktemp("lists") / "mine.txt"
    listed.write_text("test/images/Frame00003-org.jpg\n\n")
    data = open_data(f"folder:{repacked}", str(listed))
    assert data.name == f"{repacked.name}:mine"
    assert len(data.items) == 1
    listed.write_text("gone.jpg\n")
    with pytest.raises(DataError, match=r"lists 1 photos that are not there, for example gone.jpg"):
        open_data(f"folder:{repacked}", str(listed))


def test_a_photo_without_people_needs_no_mask(tmp_path: Path) -> None:
    put(tmp_path / "cat.png", photo())
    (tmp_path / "manifest.csv").write_text("image,mask\ncat.png,\n")
    assert not read_item(open_data(f"folder:{tmp_path}").items[0])[1].any()


def test_the_environment_names_the_folder(repacked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERE", str(repacked))
    assert len(open_data("figaro1k:$HERE", "train").items) == 2
    monkeypatch.delenv("HERE")
    with pytest.raises(DataError, match="environment variable HERE is not set"):
        open_data("figaro1k:$HERE", "train")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("figaro:x", "write figaro1k:PATH or folder:PATH or"),
        ("x", "write figaro1k:PATH"),
        ("folder:/no/such/place", "no such data folder"),
    ],
)
def test_unknown_data(spec: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        open_data(spec)


def test_an_empty_folder_says_what_it_should_hold(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Original"):
        open_data(f"figaro1k:{tmp_path}")
    with pytest.raises(DataError, match="images/ and masks/"):
        open_data(f"folder:{tmp_path}")


def test_a_manifest_cannot_point_outside(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text("image,mask\n../secret.png,m.png\n")
    with pytest.raises(DataError, match="outside the data folder"):
        open_data(f"folder:{tmp_path}")


def test_a_manifest_without_its_columns(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text("photo,mask\na,b\n")
    with pytest.raises(DataError, match="column 'image' is missing"):
        open_data(f"folder:{tmp_path}")


def test_a_line_that_ends_before_its_mask_is_not_a_photo_without_hair(tmp_path: Path) -> None:
    put(tmp_path / "a.png", photo())
    table = tmp_path / "manifest.csv"
    table.write_text("image,mask,tags\na.png\n")
    with pytest.raises(DataError, match=r"the line of 'a\.png' ends before the column 'mask'"):
        open_data(f"folder:{tmp_path}")
    table.write_text("image,mask,tags\na.png,\n")  # what is after the mask may be left out
    (item,) = open_data(f"folder:{tmp_path}").items
    assert not read_item(item)[1].any()


def test_tags_may_have_spaces_around_them(tmp_path: Path) -> None:
    for name in ("a", "b"):
        put(tmp_path / f"{name}.png", photo())
    (tmp_path / "manifest.csv").write_text("image,mask,tags\na.png,,blurred; grey ;\nb.png,,blurred\n")
    assert open_data(f"folder:{tmp_path}").items[0].tags == {"blurred", "grey"}
    (item,) = open_data(f"folder:{tmp_path}", skip_tags=("grey",)).items
    assert item.name == "b.png"


def test_notes_beside_a_mask_are_no_mask(tmp_path: Path) -> None:
    put(tmp_path / "images" / "a.jpg", photo())
    put(tmp_path / "masks" / "a.png", mask())
    for note in ("a.txt", "a.xml", "a.json"):
        (tmp_path / "masks" / note).write_text("a note")
    check(open_data(f"folder:{tmp_path}").items)
    put(tmp_path / "masks" / "a.bmp", mask())
    with pytest.raises(DataError, match=r"masks/a\.bmp and masks/a\.png are masks of one photo"):
        open_data(f"folder:{tmp_path}")


def test_two_photos_do_not_share_a_mask(tmp_path: Path) -> None:
    for name in ("a.jpg", "a.b.jpg", "a.png"):
        put(tmp_path / "images" / name, photo())
    put(tmp_path / "masks" / "a.png", mask())
    with pytest.raises(DataError, match=r"images/a\.jpg and images/a\.png would have one mask"):
        open_data(f"folder:{tmp_path}")


def test_check_names_every_broken_file_at_once(repacked: Path) -> None:
    (repacked / "train" / "images" / "Frame00001-org.jpg").write_bytes(b"no photo")
    (repacked / "train" / "masks" / "Frame00002-gt.png").unlink()
    put(repacked / "test" / "masks" / "Frame00003-gt.png", mask(7, 5))
    with pytest.raises(DataError) as caught:
        check(open_data(f"figaro1k:{repacked}").items)
    message = str(caught.value)
    assert "3 of 3 photos" in message
    assert "Frame00001-org.jpg" in message
    assert "Frame00002-gt.png: the mask is missing" in message
    assert "the mask is 5x7 but its photo Frame00003-org.jpg is 5x4" in message


@pytest.mark.parametrize(
    ("values", "good"),
    [
        ([0, 1], True),
        ([0, 255], True),
        ([0], True),
        ([255], True),
        ([0, 128], False),
        ([1, 255], False),
        ([0, 1, 255], False),
    ],
)
def test_values_of_a_hair_mask(tmp_path: Path, values: list[int], good: bool) -> None:
    path = tmp_path / "m.png"
    put(path, np.array([values], np.uint8))
    if good:
        assert read_mask(path).tolist() == [[int(value > 0) for value in values]]
    else:
        with pytest.raises(DataError, match="0 and 1 or 0 and 255"):
            read_mask(path)
