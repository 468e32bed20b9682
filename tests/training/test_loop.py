from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch

from hairseg.errors import ModelError, UsageError
from hairseg.training import loop, step
from hairseg.training.checkpoint import read_checkpoint
from hairseg.training.finish import finish
from hairseg.training.loop import train
from hairseg.training.recipe import Augment, Recipe, Source, Stage
from hairseg.training.run import Run
from hairseg.training.step import TrainingError


def quiet(line: str) -> None:
    pass


def losses(run: Run) -> list[float]:
    return [line["loss"] for line in run.lines()]


def test_training_learns_the_red_block(recipe: Recipe, tmp_path: Path) -> None:
    stages = (Stage(epochs=12, size=64, area=(0.8, 1.0), batch=4),)
    longer = dataclasses.replace(recipe, stages=stages, augment=Augment(color=0, grey=0, blur=0, jpeg=0))
    run = Run.create(tmp_path, longer)
    best = train(longer, run, report=quiet)
    assert best["iou"] > 0.8
    assert losses(run)[-1] < 0.7 * losses(run)[0]
    finish(run, longer)
    assert {path.name for path in run.folder.iterdir()} == {
        "config.json", "metrics.jsonl", "photos.txt", "best.safetensors", "last.safetensors", "curves.png", "worst.png"
    }  # fmt: skip


def test_a_killed_run_resumes_to_the_same_losses_and_weights(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Run.create(tmp_path / "whole", recipe)
    train(recipe, whole, report=quiet)

    broken = Run.create(tmp_path / "broken", recipe)
    write_state = loop.write_state

    def killed(path: Path, *arguments: object, **facts: object) -> None:
        if facts["epochs"] == 2:
            raise KeyboardInterrupt  # after the epoch's line, before its checkpoint: the worst moment
        write_state(path, *arguments, **facts)  # type: ignore[arg-type]

    monkeypatch.setattr(loop, "write_state", killed)
    with pytest.raises(KeyboardInterrupt):
        train(recipe, broken, report=quiet)
    monkeypatch.setattr(loop, "write_state", write_state)
    cut_short = broken.folder / ".best.safetensors.partial"
    cut_short.write_bytes(b"half")
    train(recipe, Run.newest(tmp_path / "broken", recipe), resume=True, report=quiet)

    assert not cut_short.exists()
    assert losses(broken) == losses(whole)
    assert [line["epoch"] for line in broken.lines()] == [1, 2, 3]
    ours, theirs = (
        read_checkpoint(run.last.with_name("best.safetensors"))[0].state_dict() for run in (whole, broken)
    )
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_workers_do_not_change_the_photos(recipe: Recipe, tmp_path: Path) -> None:
    runs = []
    for workers in (0, 1):
        chosen = dataclasses.replace(recipe, workers=workers, stages=recipe.stages[:1])
        runs.append(Run.create(tmp_path / str(workers), chosen))
        train(chosen, runs[-1], report=quiet)
    assert losses(runs[0]) == losses(runs[1])


def test_a_resumed_run_keeps_its_recipe(recipe: Recipe, tmp_path: Path) -> None:
    run = Run.create(tmp_path, recipe)
    train(recipe, run, report=quiet)
    other = dataclasses.replace(recipe, head_rate=1e-4)
    with pytest.raises(UsageError, match="differs from the run's in head_rate"):
        train(other, run, resume=True, report=quiet)


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_checkpoint(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run.create(tmp_path, recipe)
    calls = iter(range(100))
    true_loss = step.segmentation_loss

    def loss(*arguments: object) -> torch.Tensor:
        value = true_loss(*arguments)  # type: ignore[arg-type]
        return value * float("nan") if next(calls) == 3 else value

    monkeypatch.setattr(step, "segmentation_loss", loss)
    with pytest.raises(TrainingError, match="the loss is nan at step 3"):
        train(recipe, run, report=quiet)
    assert len(run.lines()) == 1
    read_checkpoint(run.best)


def test_fewer_photos_than_a_batch(recipe: Recipe, tmp_path: Path) -> None:
    large = dataclasses.replace(recipe, stages=(Stage(epochs=1, size=64, batch=9),))
    with pytest.raises(UsageError, match="8 photos and 1 epochs leave nothing to train on"):
        train(large, Run.create(tmp_path, large), report=quiet)


def test_progress_counts_every_step(recipe: Recipe, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    run = Run.create(tmp_path, recipe)
    train(recipe, run, report=quiet, progress=lambda step, steps, loss: seen.append((step, steps)))
    assert seen == [(step, 6) for step in range(1, 7)]


def test_a_broken_photo_is_named_before_an_epoch_is_spent(
    recipe: Recipe, tmp_path: Path, tiny_data: Path
) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    (tmp_path / "images" / "bad.png").write_bytes((tiny_data / "images" / "0.png").read_bytes()[:200])
    (tmp_path / "masks" / "bad.png").write_bytes((tiny_data / "masks" / "0.png").read_bytes())
    broken = dataclasses.replace(recipe, train=(*recipe.train, Source(f"folder:{tmp_path}", "")))
    run = Run.create(tmp_path / "runs", broken)
    with pytest.raises(UsageError, match=r"bad\.png"):
        train(broken, run, report=quiet)
    assert run.lines() == []


def test_a_checkpoint_of_another_network_is_refused(recipe: Recipe, tmp_path: Path) -> None:
    run = Run.create(tmp_path, recipe)
    train(recipe, run, report=quiet)
    wider = dataclasses.replace(recipe.net, widths=(8, 8, 8, 8, 16))
    started = dataclasses.replace(recipe, net=wider, pretrained=str(run.best), name="wider")
    with pytest.raises(
        ModelError, match=r"another network: 0 tensors are missing, 0 are left over, \d+ have"
    ):
        train(started, Run.create(tmp_path, started), report=quiet)


def test_a_run_folder_is_never_used_twice(recipe: Recipe, tmp_path: Path) -> None:
    first, second = Run.create(tmp_path, recipe), Run.create(tmp_path, recipe)
    assert second.folder.name == first.folder.name + "-2"
    assert json.loads((first.folder / "config.json").read_text())["name"] == "tiny"
    with pytest.raises(UsageError, match="no run of 'tiny' to resume"):
        Run.newest(tmp_path, recipe)
