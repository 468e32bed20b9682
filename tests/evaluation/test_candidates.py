"""benchmarks/candidates.py: its rows, and what it says of photos that have no mask."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from hairseg.evaluation.metrics import Counts
from scripts import load_script

candidates = load_script("candidates")


def test_pixels_are_pooled_and_shares_of_hair_are_not():
    counts = [Counts(tp=6, fp=2, fn=0, tn=0), Counts(tp=0, fp=0, fn=2, tn=98)]
    assert candidates.iou(counts) == "0.6000"
    assert candidates.share([Counts(fp=1, tn=9), Counts(fp=0, tn=1000)]) == "5.00%"


def test_new_and_gone_beside_the_first_model(tmp_path):
    Image.new("RGB", (1600, 800), (9, 9, 9)).save(tmp_path / "dark.png")
    sizes = []

    def masks(photo):
        sizes.append(photo.shape)
        first, other = (np.zeros(photo.shape[:2], bool) for _ in range(2))
        first[: photo.shape[0] // 4] = True
        # A tenth of the width more of it, all the way down; and none of the right half.
        other[:, : photo.shape[1] // 10] = True
        other[: photo.shape[0] // 4, : photo.shape[1] // 2] = True
        return {"first": first, "other": other}

    new, gone, *suit = candidates._unlabelled(tmp_path, masks)
    photos = 1 + len(list(candidates.SAMPLES.glob("*.jpg")))
    assert new[0] == f"new in {photos} photos"
    assert new[1] == gone[1] == "0.0%"
    assert float(new[2][:-1]) == pytest.approx(100 * photos * 0.1 * 0.75, rel=0.02)
    assert float(gone[2][:-1]) == pytest.approx(100 * photos * 0.25 * 0.5, rel=0.02)
    assert max(max(size) for size in sizes) == candidates.SIDE
    # 512 pixels square, below row 150.
    assert [row[1:] for row in suit] == [["0", str(51 * (512 - 150))]] * 3


def test_every_row_of_the_real_sets(real_figaro, capsys):
    root = str(real_figaro.parent)
    assert candidates.main(["hairseg-small-int8", "--data", root, "--thin", "12"]) == 0
    lines = capsys.readouterr().out.splitlines()
    table = {line.split("|")[1].strip(): line.split("|")[2].strip() for line in lines}
    assert list(table) == [
        "",
        "-" * len(lines[1].split("|")[1].strip()),
        "val84",
        "dreadlocks of val84",
        *(f"scenes, 1/{times} as wide" for times in (3, 4, 6)),
        *("in grey", "upside down", "white hair", "pink hair", "blurred by 1 %", "in the dark"),
        *("celeb1k, one of 24", "ccp, one of 12", "lfw, one of 144"),
        *("hair without people", "new in 37 photos", "gone there"),
        *("her suit, pixels", "her suit, mirrored, pixels", "her suit, in grey, pixels"),
    ]
    assert 0.8 < float(table["val84"]) < 1
    assert table["new in 37 photos"] == table["gone there"] == "0.0%"


def test_a_model_that_is_not_there(capsys):
    assert candidates.main(["nothing.onnx", "--data", "."]) == 3
    assert "nothing.onnx" in capsys.readouterr().err


def test_no_photos_are_no_comparison(capsys):
    with pytest.raises(SystemExit):
        candidates.main(["hairseg-small-int8", "--data", ".", "--thin", "0"])
    assert "--thin 0 leaves no photos" in capsys.readouterr().err
