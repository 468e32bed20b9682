"""A Figaro-1k of four painted photos: red is hair, and what is green is not."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from numpy.typing import NDArray
from PIL import Image

from hairseg.data import DataSet, open_data

# No deadline: a busy machine is no bug.
UNTIMED = settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])

# Frame00090 also stands in the real training set, Frame00991 has a marked beard.
ROWS = [
    ("Frame00010-org", "straight", ""),
    ("Frame00090-org", "straight", "dup_of=Frame00085"),
    ("Frame00558-org", "kinky", "gray;mtcnn_faces=1"),
    ("Frame00991-org", "short-men", ""),
]


def red_is_hair(photo: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(H, W) float32: how much redder than green a pixel is."""
    difference = photo[..., 0].astype(np.float32) - photo[..., 1]
    return np.clip(0.5 + difference / 510, 0, 1).astype(np.float32)


def write_photo(path: Path, mask: NDArray[np.bool_], shown: NDArray[np.bool_]) -> None:
    """A photo that shows hair at ``shown``, and a true mask at ``mask``."""
    photo = np.where(shown[..., None], (220, 20, 20), (20, 200, 20)).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(photo).save(path)
    true = Path(str(path).replace("images", "masks"))
    true.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask).save(true)


@pytest.fixture(scope="session")
def toy_figaro(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder ``figaro1k`` of the toy, with ``negatives`` beside it."""
    home = tmp_path_factory.mktemp("data")
    rows = []
    for number, (stem, style, tags) in enumerate(ROWS):
        height, width = 40 + 10 * number, 50
        mask = np.zeros((height, width), bool)
        mask[5:25, 10:40] = True
        name = f"test/images/{stem}.png"
        # Photo k shows hair k pixels further down than it is.
        write_photo(home / "figaro1k" / name, mask, np.roll(mask, number, axis=0))
        rows.append(("test", name, name.replace("images", "masks"), style, tags))
    _write_manifest(home / "figaro1k", rows)
    corner, empty = np.zeros((20, 20), bool), np.zeros((40, 20), bool)
    corner[:2, :5] = True
    for name, shown in (("train/images/dog.png", corner), ("train/images/tree.png", empty)):
        write_photo(home / "negatives" / name, np.zeros_like(shown), shown)
    names = ("train/images/dog.png", "train/images/tree.png")
    _write_manifest(
        home / "negatives",
        [("train", name, name.replace("images", "masks"), "", "no_people") for name in names],
    )
    return home / "figaro1k"


def _write_manifest(folder: Path, rows: list[tuple[str, ...]]) -> None:
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("split", "image", "mask", "hairstyle", "tags"), *rows])


@pytest.fixture(scope="session")
def toy_data(toy_figaro: Path) -> DataSet:
    return open_data(f"figaro1k:{toy_figaro}", "test")


@pytest.fixture(scope="session")
def toy_negatives(toy_figaro: Path) -> DataSet:
    return open_data(f"folder:{toy_figaro.parent / 'negatives'}")


@pytest.fixture(scope="session")
def real_figaro() -> Path:
    """Figaro-1k itself."""
    home = os.environ.get("HAIRSEG_DATA")
    if not home or not (Path(home) / "figaro1k").is_dir():
        pytest.skip("needs the research photos: set HAIRSEG_DATA to the folder that holds figaro1k")
    return Path(home) / "figaro1k"
