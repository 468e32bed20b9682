"""Helpers that are killed, stuck or in the way: a run goes on, with the numbers of one that nobody disturbed."""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
import time
from multiprocessing import active_children
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import Dataset, default_collate

from hairseg.training import readers
from hairseg.training.batches import Photos
from hairseg.training.checkpoint import read_checkpoint
from hairseg.training.loop import train
from hairseg.training.readers import read_batches
from hairseg.training.recipe import Recipe, Stage
from hairseg.training.run import Run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="helpers are forked on Linux alone")
CPU = torch.device("cpu")


@pytest.fixture
def helped(recipe: Recipe) -> Recipe:
    """Two epochs with more batches than helpers have ready, and dropout, which draws random numbers too."""
    source = dataclasses.replace(recipe.train[0], weight=5.0)
    return dataclasses.replace(
        recipe,
        net=dataclasses.replace(recipe.net, dropout=0.3),
        train=(source,),
        stages=(Stage(epochs=2, size=64, area=(0.6, 1.0), batch=2),),
        workers=2,
    )


def trained(recipe: Recipe, folder: Path, signals: dict[int, int]) -> tuple[list[float], dict[str, Any]]:
    """Losses of every step, and the best weights, where a helper gets a signal after some steps."""
    losses: list[float] = []

    def progress(step: int, steps: int, loss: float) -> None:
        losses.append(loss)
        if step in signals:
            os.kill(active_children()[0].pid or 0, signals[step])
            time.sleep(0.3)  # the kernel tells this process of it here, in the middle of a step

    run = Run.create(folder, recipe)
    train(recipe, run, report=lambda line: None, progress=progress)
    return losses, read_checkpoint(run.best)[0].state_dict()


@pytest.mark.parametrize(
    ("number", "said"),
    [(signal.SIGKILL, "ended, for want of memory"), (signal.SIGSTOP, "is stuck, no batch")],
)
def test_a_lost_helper_changes_no_number(
    helped: Recipe,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    number: int,
    said: str,
) -> None:
    expected = trained(dataclasses.replace(helped, workers=0), tmp_path, {})
    assert len(expected[0]) == 40
    monkeypatch.setattr(readers, "PATIENCE", 3.0)
    capfd.readouterr()
    found = trained(helped, tmp_path, {3: number, 25: number})  # the second epoch has helpers again
    assert found[0] == expected[0]
    assert all(torch.equal(found[1][key], value) for key, value in expected[1].items())
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 2
    assert all(said in line and "read without helpers" in line for line in lines)
    assert not active_children()


def test_helpers_leave_when_nobody_wants_more(helped: Recipe) -> None:
    batches = Photos(helped).batches(helped.stages[0], 0)
    next(batches)
    assert len(active_children()) == 2
    batches.close()  # type: ignore[attr-defined]
    assert not active_children()


class Mistaken(Dataset[int]):
    def __getitem__(self, index: int) -> int:
        if index == 5:
            raise ValueError("the sixth")
        return index


def test_a_mistake_is_no_lost_helper() -> None:
    batches = read_batches(Mistaken(), [[0, 1], [2, 3], [4, 5]], 1, CPU, default_collate)
    assert [next(batches).tolist() for _ in range(2)] == [[0, 1], [2, 3]]
    with pytest.raises(ValueError, match="the sixth"):
        next(batches)
