from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hairseg.errors import UsageError
from hairseg.training import ablate as runner
from hairseg.training import loop
from hairseg.training.ablate import ablate
from hairseg.training.ablate_grid import Grid, read_grid
from hairseg.training.ablate_results import Results, fingerprint, seeded
from hairseg.training.batches import Photos
from hairseg.training.loop import train
from hairseg.training.run import Run

GRID = """
[recipe]
pretrained = "none"
head_rate = 1e-2
warmup = 2
ema = 0.5
bf16 = false
workers = 0

[recipe.net]
backbone = "test_efficientnet"
bins = [1, 2]
decoder = "fine"
widths = [8, 8, 8, 8, 8]

[recipe.fit]
size = 64

[[recipe.train]]
data = "folder:{data}"
split = ""

[[recipe.stages]]
epochs = 2
size = 64
batch = 4

[score]
data = "folder:{data}"
split = ""

[variants]
with = {{}}
without = {{ net.bins = [] }}
"""


def say_nothing(line: str) -> None:
    pass


@pytest.fixture
def path(tmp_path: Path, tiny_data: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(GRID.format(data=tiny_data))
    return path


@pytest.fixture
def grid(path: Path) -> Grid:
    return read_grid(path)


def lines(results: Results) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in results.path.read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in found]


def killed_at(call: int) -> Callable[..., None]:
    """``write_state`` that is interrupted instead of its ``call``-th checkpoint."""
    write_state, calls = loop.write_state, iter(range(1, 100))

    def write(*arguments: Any, **facts: Any) -> None:
        if next(calls) == call:
            raise KeyboardInterrupt
        write_state(*arguments, **facts)

    return write


def test_runs_are_the_trainings_own_seeds_outermost(grid: Grid, tmp_path: Path) -> None:
    said: list[str] = []
    results = Results(tmp_path / "out")
    ablate(grid, results, 2, said.append)
    assert said[0] == "2 variants x 2 seeds = 4 runs, 0 of them finished"
    assert [(line["variant"], line["seed"]) for line in lines(results)] == [
        ("with", 0), ("without", 0), ("with", 1), ("without", 1)
    ]  # fmt: skip
    assert said[4].startswith("4/4 without, seed 1: IoU 0.")

    import dataclasses

    variant = grid.variants[1]
    alone = dataclasses.replace(seeded(variant, 1), validate=grid.score, validate_every=2)
    best = train(alone, Run.create(tmp_path / "alone", alone), report=say_nothing)
    assert {key: lines(results)[3][key] for key in ("iou", "f1", "accuracy")} == pytest.approx(
        {key: best[key] for key in ("iou", "f1", "accuracy")}
    )
    left = {path.name for path in (results.folder / "without-seed1").iterdir()}
    assert left >= {"config.json", "metrics.jsonl", "best.safetensors"}
    assert "last.safetensors" not in left  # only a resume needs it, and it is four times as large


def test_an_interrupted_grid_goes_on_to_the_same_numbers(
    grid: Grid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, broken = Results(tmp_path / "whole"), Results(tmp_path / "broken")
    ablate(grid, whole, 1, say_nothing)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "write_state", killed_at(4))  # in the last epoch of the second of two runs
        with pytest.raises(KeyboardInterrupt):
            ablate(grid, broken, 1, say_nothing)
    assert len(lines(broken)) == 1

    trained: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr(
            runner, "train", lambda recipe, run, resume, *rest: (
                trained.append(f"{recipe.name} {resume}"), train(recipe, run, resume, *rest)
            )
        )  # fmt: skip
        ablate(grid, broken, 1, say_nothing)
    assert trained == ["without-seed0 True"]
    assert lines(broken) == lines(whole)


def test_a_finished_grid_trains_nothing_and_more_seeds_add_to_it(
    grid: Grid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = Results(tmp_path / "out")
    ablate(grid, results, 1, say_nothing)
    decoded: list[Photos] = []
    own = Photos.__init__

    def counted(self: Photos, *arguments: Any) -> None:
        decoded.append(self)
        own(self, *arguments)

    monkeypatch.setattr(Photos, "__init__", counted)
    said: list[str] = []
    ablate(grid, results, 1, said.append)
    assert said == ["2 variants x 1 seeds = 2 runs, 2 of them finished"]
    assert decoded == []
    ablate(grid, results, 2, said.append)
    assert [line["seed"] for line in lines(results)] == [0, 0, 1, 1]
    assert len(decoded) == 1  # both runs have the same photos


def test_a_line_that_was_being_written_is_run_again(grid: Grid, tmp_path: Path) -> None:
    results = Results(tmp_path / "out")
    ablate(grid, results, 1, say_nothing)
    before = lines(results)
    text = results.path.read_text()
    results.path.write_text(text[: text.rindex('"seed"')])
    ablate(grid, results, 1, say_nothing)
    assert lines(results) == before


def test_another_recipe_in_the_same_folder_is_refused(
    path: Path, grid: Grid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = Results(tmp_path / "out")
    with monkeypatch.context() as patch:
        patch.setattr(loop, "write_state", killed_at(2))
        with pytest.raises(KeyboardInterrupt):
            ablate(grid, results, 1, say_nothing)
    longer = read_grid(path, {"warmup": 3})
    with pytest.raises(UsageError, match="with-seed0: was begun with another recipe"):
        ablate(longer, results, 1, say_nothing)
    ablate(grid, results, 1, say_nothing)
    with pytest.raises(UsageError, match="'with' with seed 0 was run with another recipe"):
        ablate(longer, results, 1, say_nothing)


def test_a_network_that_cannot_be_is_named_before_anything_runs(path: Path, tmp_path: Path) -> None:
    path.write_text(path.read_text() + "large = { net.bins = [3] }\n")
    results = Results(tmp_path / "out")
    with pytest.raises(UsageError, match="variant 'large': photos of 64 x 64 pixels are too small: bin 3"):
        ablate(read_grid(path), results, 1, say_nothing)
    assert not results.folder.exists()


def test_no_seed(grid: Grid, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--seeds is 0"):
        ablate(grid, Results(tmp_path / "out"), 0, say_nothing)


def test_the_fingerprint_is_of_what_decides_the_result(path: Path, grid: Grid) -> None:
    def of(**overrides: Any) -> str:
        changed = read_grid(path, overrides)
        return fingerprint(seeded(changed.variants[0], 0), changed.score)

    plain = fingerprint(seeded(grid.variants[0], 0), grid.score)
    assert of(workers=2) == of(in_memory=False) == of(dice=0.5) == plain
    assert (
        len({plain, of(dice=0.4), of(**{"net.kernel": 5}), fingerprint(seeded(grid.variants[0], 1), ())}) == 4
    )


def test_classes_are_scored_as_the_protocol_does(tmp_path: Path, path: Path) -> None:
    import numpy as np
    from PIL import Image

    from hairseg.training.ablate_stats import pooled_scores

    data = tmp_path / "scenes"
    generator = np.random.default_rng(0)
    for folder in ("images", "masks"):
        (data / folder).mkdir(parents=True)
    for number in range(4):
        truth = generator.integers(0, 3, (8, 8)).astype(np.uint8).repeat(8, axis=0).repeat(8, axis=1)
        truth[:4] = 255
        Image.fromarray(np.stack([truth * 60] * 3, axis=2)).save(data / "images" / f"{number}.png")
        Image.fromarray(truth).save(data / "masks" / f"{number}.png")
    grid_path = tmp_path / "scenes.toml"
    grid_path.write_text(
        GRID.format(data=data).replace("[recipe.fit]", "classes = 3\n[recipe.fit]").split("without")[0]
    )
    grid = read_grid(grid_path)
    results = Results(tmp_path / "out")
    ablate(grid, results, 1, say_nothing)
    alone = seeded(grid.variants[0], 0)
    import dataclasses

    alone = dataclasses.replace(alone, validate=grid.score, validate_every=2)
    best = train(alone, Run.create(tmp_path / "alone", alone), report=say_nothing)
    scored = results.pixels(grid.variants[0], 0)
    assert scored.classes == ("class 0", "class 1", "class 2")
    scores = pooled_scores(scored.pixels)
    assert (scores.iou, scores.accuracy) == pytest.approx((best["iou"], best["accuracy"]))
