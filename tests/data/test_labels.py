from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hairseg.classes import unnamed
from hairseg.data import IGNORE, check, open_data, read_item
from hairseg.data.items import Item, read_mask
from hairseg.data.labels import Labels, read_classes
from hairseg.errors import DataError

SIX = Labels(unnamed(6))


def write_palette(path: Path, indices: list[int]) -> None:
    image = Image.new("P", (len(indices), 1))
    image.putdata(indices)
    image.putpalette([7] * 768)
    image.save(path)


def test_class_indices_are_kept_as_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "m.png"
    write_palette(path, [0, 5, IGNORE])
    assert read_mask(path, SIX).tolist() == [[0, 5, IGNORE]]
    assert read_item(Item(path, path, "m", labels=SIX))[1].tolist() == [[0, 5, IGNORE]]
    Image.fromarray(np.array([[0, 5, IGNORE]], np.uint16)).save(path)
    assert read_mask(path, SIX).tolist() == [[0, 5, IGNORE]]
    Image.fromarray(np.array([[False, True]])).save(path)
    assert read_mask(path, SIX).tolist() == [[0, 1]]


@pytest.mark.parametrize(("values", "named"), [([0, 6, 250], "6"), ([5, 254], "254")])
def test_an_index_outside_the_list_names_file_value_and_count(
    tmp_path: Path, values: list[int], named: str
) -> None:
    path = tmp_path / "m.png"
    Image.fromarray(np.array([values], np.uint8)).save(path)
    message = rf"m\.png: the mask holds {named}, but the 6 classes are stored as 0 to 5, and 255 for pixels"
    with pytest.raises(DataError, match=message):
        read_mask(path, SIX)


def test_numbers_of_16_bits_do_not_wrap_around(tmp_path: Path) -> None:
    path = tmp_path / "m.png"
    Image.fromarray(np.array([[0, 256 + 3]], np.uint16)).save(path)
    with pytest.raises(DataError, match="holds 259"):
        read_mask(path, SIX)


def test_a_colour_picture_is_no_mask_of_indices(tmp_path: Path) -> None:
    path = tmp_path / "m.png"
    Image.new("RGB", (3, 3)).save(path)
    with pytest.raises(DataError, match=r"m\.png: a mask of class indices .* but this one is RGB"):
        read_mask(path, SIX)


def test_numbers_that_stand_for_others(tmp_path: Path) -> None:
    path = tmp_path / "m.png"
    labels = Labels(unnamed(2), ((0, IGNORE), (7, 0), (8, 1), (9, IGNORE)))
    Image.fromarray(np.array([[0, 7, 8, 9]], np.uint8)).save(path)
    assert labels.read(path).tolist() == [[IGNORE, 0, 1, IGNORE]]
    Image.fromarray(np.array([[1, 7]], np.uint8)).save(path)
    with pytest.raises(
        DataError, match="holds 1, but the 2 classes are stored as 7 to 8, and 0, 9 to ignore"
    ):
        labels.read(path)


def test_a_list_of_classes(tmp_path: Path) -> None:
    path = tmp_path / "classes.csv"
    path.write_text("\ufeffname, color\nroad, #102030\n sky ,teal\ncar\n", encoding="utf-8")
    assert [(one.name, one.color) for one in read_classes(path)] == [
        ("road", (16, 32, 48)), ("sky", (0, 128, 128)), ("car", (0, 128, 0)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("road\nsky\n", "column 'name' is missing"),
        ("name\nroad\n", "lists 1 classes: list at least two"),
        ("name\nroad\nvoid\n", "'void' is no class: pixels to ignore are 255"),
        ("index,name\n0,road\n255,other\n", "'other' is no class: pixels to ignore are 255"),
        ("index,name\n1,road\n2,sky\n", "row 0 has the index 1"),
        ("name,color\nroad,#123456\nsky,skyish\n", "skyish"),
        ("name\nroad\nroad\n", "two classes are called 'road'"),
        ("name\n" + "".join(f"c{i}\n" for i in range(256)), "256 classes are too many"),
    ],
)
def test_lists_that_are_wrong(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "classes.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=rf"classes\.csv: .*{message}"):
        read_classes(path)


def scene_folder(folder: Path, values: list[int]) -> Path:
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    Image.new("RGB", (len(values), 1)).save(folder / "images" / "a.jpg")
    Image.fromarray(np.array([values], np.uint8)).save(folder / "masks" / "a.png")
    return folder


def test_a_folder_with_a_list_of_classes(tmp_path: Path) -> None:
    scene_folder(tmp_path, [0, 1, 2, 255])
    (tmp_path / "classes.csv").write_text("name\nroad\nsky\ncar\n")
    for classes in (None, 3):
        data = open_data(f"folder:{tmp_path}", classes=classes)
        assert [one.name for one in data.classes] == ["road", "sky", "car"]
        assert read_item(data.items[0])[1].tolist() == [[0, 1, 2, 255]]
    with pytest.raises(
        DataError, match=r"holds masks of 3 classes \(road, sky, car, ...\).* set classes to 3"
    ):
        open_data(f"folder:{tmp_path}", classes=4)
    with pytest.raises(DataError, match="set classes to 3 under"):
        open_data(f"folder:{tmp_path}", classes=1)


def test_a_folder_without_a_list_has_as_many_classes_as_are_asked_for(tmp_path: Path) -> None:
    scene_folder(tmp_path, [0, 1, 2, 255])
    data = open_data(f"folder:{tmp_path}", classes=3)
    assert [one.name for one in data.classes] == ["class 0", "class 1", "class 2"]
    check(data.items)
    with pytest.raises(DataError, match=r"a\.png: the mask holds 2, but the 2 classes"):
        check(open_data(f"folder:{tmp_path}", classes=2).items)
    assert open_data(f"folder:{tmp_path}").classes == ()
    with pytest.raises(DataError, match="256 classes: use 1 for hair or 2 to 255, since 255 is ignored"):
        open_data(f"folder:{tmp_path}", classes=256)


def test_hair_masks_are_not_two_classes(tmp_path: Path) -> None:
    scene_folder(tmp_path, [0, 0, 255, 255])
    with pytest.raises(DataError, match=r"a\.png for one, hold nothing but 0 and 255, and 255 is ignored"):
        check(open_data(f"folder:{tmp_path}", classes=2).items)
    check(open_data(f"folder:{tmp_path}", classes=1).items)


def test_photos_of_background_alone_are_photos_of_classes(tmp_path: Path) -> None:
    scene_folder(tmp_path, [0, 0, 0, 0])
    check(open_data(f"folder:{tmp_path}", classes=2).items)


@pytest.fixture
def both(tmp_path: Path) -> Path:
    """A manifest with hair masks and class indices of the same photo, as FASSEG has them."""
    Image.new("RGB", (4, 1)).save(tmp_path / "a.jpg")
    Image.fromarray(np.array([[0, 0, 255, 255]], np.uint8)).save(tmp_path / "hair.png")
    Image.fromarray(np.array([[0, 5, 2, 255]], np.uint8)).save(tmp_path / "labels.png")
    (tmp_path / "manifest.csv").write_text("split,image,mask,labels\ntrain,a.jpg,hair.png,labels.png\n")
    return tmp_path


def test_a_manifest_serves_hair_and_scenes(both: Path) -> None:
    assert read_item(open_data(f"folder:{both}").items[0])[1].tolist() == [[0, 0, 1, 1]]
    assert read_item(open_data(f"folder:{both}", classes=6).items[0])[1].tolist() == [[0, 5, 2, 255]]
    data = open_data(f"fasseg:{both}", "train", classes=6)
    assert data.name == "fasseg:train"
    assert data.classes[2].name == "hair"
    assert read_item(data.items[0])[1].tolist() == [[0, 5, 2, 255]]
    (both / "classes.csv").write_text("name\n" + "".join(f"c{i}\n" for i in range(6)))
    assert open_data(f"folder:{both}").classes[5].name == "c5"
    assert open_data(f"folder:{both}", classes=1).classes == ()


def test_a_photo_without_class_indices_is_refused(both: Path) -> None:
    (both / "manifest.csv").write_text("image,mask,labels\na.jpg,hair.png,\n")
    with pytest.raises(DataError, match=r"'a\.jpg' has no mask of class indices in 'labels'"):
        open_data(f"folder:{both}", classes=6)
    (both / "manifest.csv").write_text("image,mask\na.jpg,hair.png\n")
    with pytest.raises(DataError, match="a column 'labels'"):
        open_data(f"fasseg:{both}")


def test_hair_sets_have_no_classes(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text("split,image,mask\ntrain,a.jpg,a.png\n")
    with pytest.raises(DataError, match="holds hair masks, but the network tells 6 apart: set classes to 1"):
        open_data(f"figaro1k:{tmp_path}", classes=6)


@pytest.mark.data
@pytest.mark.skipif("HAIRSEG_DATA" not in os.environ, reason="needs the research photos (HAIRSEG_DATA)")
def test_fassegs_walls_are_background_and_its_cheeks_are_skin() -> None:
    data = open_data(f"fasseg:{os.environ['HAIRSEG_DATA']}/fasseg", "frontal_test", classes=6)
    names = [one.name for one in data.classes]
    walls, cheeks = [], []
    for item in data.items:
        truth = read_item(item)[1]
        height, width = truth.shape
        walls += [truth[1, 1], truth[1, -2]]
        cheeks += [truth[height * 3 // 5, width // 3], truth[height * 3 // 5, -width // 3]]
    assert np.mean(np.array(walls) == names.index("background")) > 0.8
    assert np.mean(np.array(cheeks) == names.index("skin")) > 0.8
