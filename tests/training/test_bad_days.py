"""What goes wrong in the middle of a training: full disks, photos that change, losses that are no numbers."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from hairseg.errors import DataError, OutputError
from hairseg.training.checkpoint import read_checkpoint
from hairseg.training.loop import train
from hairseg.training.recipe import Augment, Recipe, Source, Stage
from hairseg.training.run import Run
from hairseg.training.step import Learner, TrainingError

resource = pytest.importorskip("resource", reason="POSIX only")
Progress = Callable[[int, int, float], None]


def lines(run: Run) -> list[dict[str, float]]:
    return [{**line, "seconds": 0} for line in run.lines()]


def go(
    recipe: Recipe, run: Run, resume: bool = False, after: Progress = lambda step, steps, loss: None
) -> None:
    train(recipe, run, resume, report=lambda line: None, progress=after)


def weights(run: Run) -> dict[str, torch.Tensor]:
    return read_checkpoint(run.best)[0].state_dict()


@pytest.fixture
def whole(recipe: Recipe, tmp_path: Path) -> Run:
    """An undisturbed run."""
    run = Run.create(tmp_path / "whole", recipe)
    go(recipe, run)
    return run


@contextmanager
def room_again() -> Iterator[None]:
    """Whatever limit of a file's size is set, it is as before afterwards."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("enough_for", ["nothing", "the weights"])
def test_no_room_for_a_checkpoint(recipe: Recipe, whole: Run, tmp_path: Path, enough_for: str) -> None:
    """Python ignores the signal of the limit: a write beyond it fails as on a full disk."""
    run = Run.create(tmp_path / "full", recipe)
    after_one: list[bytes] = []

    def fill(step: int, steps: int, loss: float) -> None:
        if step == 4:  # the last one of the second epoch
            after_one.append(run.last.read_bytes())
            limit = {"nothing": 2000, "the weights": run.best.stat().st_size + 5000}[enough_for]
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))

    with room_again(), pytest.raises(OutputError, match=r"\.safetensors cannot be written") as said:
        go(recipe, run, after=fill)
    assert "make room" in str(said.value)
    assert "\n" not in str(said.value)
    assert run.last.read_bytes() == after_one[0]
    assert not list(run.folder.glob(".*"))
    go(recipe, run, resume=True)
    assert lines(run) == lines(whole)
    assert all(torch.equal(weights(run)[key], value) for key, value in weights(whole).items())


# ---- photos that change


@pytest.fixture
def own(recipe: Recipe, tiny_data: Path, tmp_path: Path) -> tuple[Recipe, Path]:
    """The recipe with a copy of the photos that a test may change."""
    folder = tmp_path / "photos"
    shutil.copytree(tiny_data, folder)
    source = Source(f"folder:{folder}", "")
    return dataclasses.replace(recipe, train=(source,), validate=(source,)), folder


@pytest.mark.parametrize("how", ["another mask", "gone"])
def test_a_photo_that_changes_during_training(
    own: tuple[Recipe, Path], whole: Run, tmp_path: Path, how: str
) -> None:
    recipe, folder = own
    run = Run.create(tmp_path / "changed", recipe)
    mask = folder / "masks" / "5.png"
    before = mask.read_bytes()

    def change(step: int, steps: int, loss: float) -> None:
        if step == 4:
            mask.unlink()
            if how == "another mask":
                Image.fromarray(np.zeros((72, 64), np.uint8)).save(mask)

    # Validation reads the photos after the steps, so it may be the one that misses a file.
    with pytest.raises(DataError, match=r"5\.png"):
        go(recipe, run, after=change)
    assert [line["epoch"] for line in run.lines()] == [1]
    with pytest.raises(DataError):
        go(recipe, run, resume=True)
    mask.write_bytes(before)
    go(recipe, run, resume=True)
    assert lines(run) == lines(whole)


def test_a_run_does_not_go_on_with_other_photos(own: tuple[Recipe, Path], tmp_path: Path) -> None:
    recipe, folder = own
    run = Run.create(tmp_path / "runs", recipe)

    def stop(step: int, steps: int, loss: float) -> None:
        if step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        go(recipe, run, after=stop)
    for kind in ("images", "masks"):
        (folder / kind / "7.png").rename(folder / kind / "9.png")
    Image.fromarray(np.zeros((72, 64), np.uint8)).save(folder / "masks" / "3.png")
    with pytest.raises(DataError) as said:
        go(recipe, run, resume=True)
    for part in ("1 gone (", "7.png", "1 new (", "9.png", "1 changed (", "3.png"):
        assert part in str(said.value)
    assert [line["epoch"] for line in run.lines()] == [1]


# ---- a loss that is no number


@pytest.fixture
def plain(recipe: Recipe, tmp_path: Path) -> Recipe:
    """Two sets of photos of one colour each, which no augmentation changes, in parts: every photo can be told."""
    sources = []
    for number, name in enumerate("ab"):
        folder = tmp_path / name
        for kind in ("images", "masks"):
            (folder / kind).mkdir(parents=True)
        for index in range(6):
            level = 20 * (6 * number + index)
            Image.new("RGB", (64, 64), (level,) * 3).save(folder / "images" / f"{name}{index}.png")
            Image.new("L", (64, 64)).save(folder / "masks" / f"{name}{index}.png")
        sources.append(Source(f"folder:{folder}", "", weight=1.0 + number))
    return dataclasses.replace(
        recipe,
        train=tuple(sources),
        validate=(),
        stages=(Stage(epochs=3, size=64, area=(0.9, 1.0), batch=4),),
        augment=Augment(rotate=0, color=0, grey=0, blur=0, jpeg=0),
        accumulate=2,
    )


@pytest.mark.parametrize("bad", [2, 6])
def test_the_photos_of_a_loss_that_is_no_number_are_named(
    plain: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bad: int
) -> None:
    learn = Learner._learn
    learned: list[list[str]] = []

    def failing(self: Learner, parts: list[tuple[torch.Tensor, torch.Tensor]]) -> float:
        levels = [round(float(one.float().mean()) / 20) for photos, _ in parts for one in photos]
        learned.append([f"{'ab'[level // 6]}{level % 6}.png" for level in levels])
        loss = learn(self, parts)
        return float("inf") if len(learned) == bad + 1 else loss

    monkeypatch.setattr(Learner, "_learn", failing)
    with pytest.raises(TrainingError) as said:
        go(plain, Run.create(tmp_path, plain))
    start, _, rest = str(said.value).partition(", on ")
    assert start == f"the loss is inf at step {bad}"
    named = rest.partition(":")[0].split(", ")
    assert [Path(name).name for name in named] == learned[bad]
    assert len(set(named)) > 1
