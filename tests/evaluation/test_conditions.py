"""benchmarks/conditions.py: what it does to photos."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from scripts import load_script

conditions = load_script("conditions")
PHOTO = np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8)
TRUTH = np.zeros((60, 90), np.uint8)
TRUTH[:30] = 1


@pytest.mark.parametrize("name", conditions.CONDITIONS)
def test_every_condition_gives_a_photo_of_the_same_size(name: str) -> None:
    before = PHOTO.copy()
    damaged = conditions.CONDITIONS[name](PHOTO, TRUTH)
    assert damaged.shape == PHOTO.shape
    assert damaged.dtype == np.uint8
    np.testing.assert_array_equal(PHOTO, before)
    assert np.array_equal(damaged, PHOTO) == (name == "as they are")
    Image.fromarray(damaged)
    if name.endswith("hair"):
        np.testing.assert_array_equal(damaged[40:], PHOTO[40:])


def test_a_shaken_photo_is_smeared_evenly_to_both_sides() -> None:
    bar = np.zeros((100, 100, 3), np.uint8)
    bar[:, 50] = 200
    smeared = conditions.shaken(bar, TRUTH)[40, :, 0]
    assert np.flatnonzero(smeared).tolist() == [50, 51]  # 2 % of 100 pixels
    assert smeared.sum() == 200
    edge = np.full((100, 300, 3), 7, np.uint8)
    np.testing.assert_array_equal(conditions.shaken(edge, TRUTH), edge)


def test_light_is_a_power_and_a_gain() -> None:
    grey = np.full((1, 1, 3), 51, np.uint8)  # a fifth
    assert conditions.light(2, 10, (1, 0.5, 2))(grey, TRUTH)[0, 0].tolist() == [102, 51, 204]
    assert conditions.light(1, 10)(grey, TRUTH)[0, 0].tolist() == [255] * 3


def test_prints_a_row_a_condition_at_the_threshold_that_is_asked_for(toy_figaro, toy_model, capsys) -> None:
    command = ["--data", f"figaro1k:{toy_figaro}", "--split", "test", "--models", str(toy_model)]
    printed = []
    for threshold in ([], ["--threshold", "0"]):
        conditions.main([*command, *threshold])
        lines = capsys.readouterr().out.splitlines()[2:]
        rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
        assert [row[0] for row in rows] == list(conditions.CONDITIONS)
        printed.append(float(rows[0][1]))
    # From 0 on everything is hair.
    assert printed[0] > printed[1] > 0
