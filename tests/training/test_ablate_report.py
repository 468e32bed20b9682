from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hairseg.errors import UsageError
from hairseg.training.ablate_grid import Grid, read_grid
from hairseg.training.ablate_plot import draw_ablation
from hairseg.training.ablate_report import summarise
from hairseg.training.ablate_results import Result, Results, Scored, fingerprint, seeded
from hairseg.training.ablate_stats import pooled_scores
from hairseg.training.ablate_tables import to_dict, to_markdown, write_report

GRID = """
name = "made up"
reference = "none"
score = { data = "folder:$HERE/photos", split = "val" }
[recipe]
[variants.none]
net.bins = []
[axes.bins]
B1 = { net.bins = [1] }
B12 = { net.bins = [1, 2] }
[axes.pooling]
average = {}
max = { net.pooling = "max" }
"""
# Pixels found of 1000 in every photo, and what a seed adds; "B12 max" is not the best for every seed.
FOUND = {"none": 700, "B1 average": 702, "B1 max": 700, "B12 average": 800, "B12 max": 790}
LUCK = (0, 4, -4)


@pytest.fixture
def grid(tmp_path: Path) -> Grid:
    path = tmp_path / "grid.toml"
    path.write_text(GRID)
    return read_grid(path)


def fill(grid: Grid, results: Results, seeds: int, until: str = "", photos: int = 6) -> None:
    """Results as runs would leave them; of the last seed only the variants before ``until``."""
    generator = np.random.default_rng(0)
    for seed in range(seeds):
        for variant in grid.variants:
            if seed == seeds - 1 and variant.label == until:
                return
            tp = FOUND[variant.label] + LUCK[seed] + generator.integers(-9, 9, photos)
            pixels = np.stack([tp, 0 * tp, 1000 - tp, 1000 + 0 * tp], axis=1)[:, None]
            scores = pooled_scores(pixels)
            result = Result(
                variant.label, seed, scores.iou, scores.f1, scores.accuracy, photos, 30.0,
                fingerprint(seeded(variant, seed), grid.score),
            )  # fmt: skip
            names = tuple(f"{number}.jpg" for number in range(photos))
            results.add(variant, result, Scored(names, ("hair",), pixels))


def test_what_was_written_is_read_back(grid: Grid, tmp_path: Path) -> None:
    results = Results(tmp_path / "out")
    fill(grid, results, 2)
    found = results.read(grid)
    assert len(found) == 10
    scored = results.pixels(grid.variants[3], 1)
    assert pooled_scores(scored.pixels).iou == found["B12 average", 1].iou
    assert (scored.photos[0], scored.classes, scored.pixels.shape) == ("0.jpg", ("hair",), (6, 1, 4))


def test_photos_of_one_name_in_two_sets_are_two(grid: Grid, tmp_path: Path) -> None:
    results, pixels = Results(tmp_path / "out"), np.arange(24).reshape(3, 2, 4)
    fill(grid, results, 1)
    [result] = [one for (label, _), one in results.read(grid).items() if label == "none"]
    variant = next(variant for variant in grid.variants if variant.label == "none")
    results.add(variant, result, Scored(("a.jpg", "a.jpg", "b.jpg"), ("sky", "road"), pixels))
    again = results.pixels(variant, 0)
    assert again.photos == ("a.jpg", "a.jpg", "b.jpg")
    assert np.array_equal(again.pixels, pixels)


def test_a_run_whose_photos_are_gone_is_not_finished(grid: Grid, tmp_path: Path) -> None:
    results = Results(tmp_path / "out")
    fill(grid, results, 1)
    (results.folder / "photos" / "none-seed0.csv").unlink()
    assert ("none", 0) not in results.read(grid)


def test_gains_that_hold_and_gains_that_do_not(grid: Grid, tmp_path: Path) -> None:
    results = Results(tmp_path / "out")
    fill(grid, results, 3)
    plain = to_dict(summarise(grid, results))
    rows = {row["variant"]: row for row in plain["variants"]}
    assert rows["none"]["gain"] is None
    assert {label: row["verdict"] for label, row in rows.items()} == {
        "none": None,
        "B1 average": "not settled",
        "B1 max": "not settled",
        "B12 average": "holds",
        "B12 max": "holds",
    }
    assert rows["B12 average"]["gain"] == pytest.approx(0.1, abs=0.01)
    assert rows["B12 average"]["iou_sd"] == pytest.approx(np.std(rows["B12 average"]["ious"], ddof=1))
    effects = {(one["axis"], one["label"], one["first"]): one for one in plain["effects"]}
    assert set(effects) == {("bins", "B12", "B1"), ("pooling", "max", "average")}
    bins = effects["bins", "B12", "B1"]
    assert (bins["pairs"], bins["verdict"]) == (2, "holds")
    sides = [np.mean(rows[f"{one} average"]["ious"] + rows[f"{one} max"]["ious"]) for one in ("B12", "B1")]
    assert bins["gain"] == pytest.approx(sides[0] - sides[1])


def test_the_table(grid: Grid, tmp_path: Path) -> None:
    results = Results(tmp_path / "out")
    fill(grid, results, 3)
    text = to_markdown(summarise(grid, results))
    assert "5 variants, 3 seeds, scored on photos:val, 6 photos." in text
    assert "| variant     | IoU, mean ± sd  | seeds |" in text
    (row,) = [line for line in text.splitlines() if line.startswith("| B12 average")]
    assert row.split("|")[7].strip() == "holds"
    assert "| bins    | B12 instead of B1      | 2     | +9." in text
    assert "of 6 differences hold" in text


def test_half_a_grid_is_reported_as_such(grid: Grid, tmp_path: Path) -> None:
    results = Results(tmp_path / "out")
    fill(grid, results, 2, until="B1 max")
    found = summarise(grid, results)
    text = to_markdown(found)
    assert "2 seeds" in text
    assert "; 7 of 10 runs are finished" in text
    assert [len(row.runs) for row in found.rows] == [2, 2, 1, 1, 1]
    assert "(one seed)" in text  # B1 max and none have one seed in common
    assert len(to_markdown(summarise(grid, results, 1)).split("finished")) == 1


def test_before_the_first_seed_is_complete(grid: Grid, tmp_path: Path) -> None:
    results = Results(tmp_path / "out")
    fill(grid, results, 1, until="B12 average")
    found = summarise(grid, results)
    assert [row.label for row in found.rows] == ["none", "B1 average", "B1 max"]
    assert found.effects == ()


def test_nothing_to_report(grid: Grid, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no run is finished: start without --report-only"):
        summarise(grid, Results(tmp_path / "out"))


def test_different_photos_are_not_compared(grid: Grid, tmp_path: Path) -> None:
    results = Results(tmp_path / "out")
    fill(grid, results, 1)
    fill(grid, results, 1, until="B1 average", photos=5)
    with pytest.raises(UsageError, match="scored on different photos"):
        summarise(grid, results)


def test_files(grid: Grid, tmp_path: Path) -> None:
    results = Results(tmp_path / "out")
    fill(grid, results, 1)
    found = summarise(grid, results)
    write_report(found, results.folder)
    draw_ablation(found, results.folder / "report.png")
    rows = list(csv.DictReader((results.folder / "report.csv").read_text().splitlines()))
    plain = json.loads((results.folder / "report.json").read_text())
    assert [row["variant"] for row in rows] == [row["variant"] for row in plain["variants"]]
    assert float(rows[1]["gain"]) == plain["variants"][1]["gain"]
    assert plain["variants"][1]["low"] is None  # one seed: no interval, and no Infinity, which JSON has not
    assert (results.folder / "report.md").read_text() == to_markdown(found)
    with Image.open(results.folder / "report.png") as picture:
        assert picture.format == "PNG"
        assert picture.convert("L").getextrema() != (255, 255)
