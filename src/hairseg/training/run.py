"""The run folder: made once, never overwritten, found again for a resume.

A file that is replaced is written under another name first, and a line that a kill cut short is dropped: whatever
moment a training is stopped at, its folder can be read.
"""

from __future__ import annotations

import dataclasses
import glob
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from hairseg.errors import OutputError, UsageError
from hairseg.printable import printable
from hairseg.training.alike import INDIFFERENT, changed
from hairseg.training.recipe import Recipe


class Run:
    """One run's files.

    Attributes:
        folder: ``runs/<date>-<recipe>``, with ``-2``, ``-3``, ... when there is one already.
        last: the checkpoint that a resume starts from.
        best: the weights that ship.
        metrics: a line an epoch.
        photos: checksums of what it is trained on.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.last = folder / "last.safetensors"
        self.best = folder / "best.safetensors"
        self.metrics = folder / "metrics.jsonl"
        self.photos = folder / "photos.txt"

    @classmethod
    def create(cls, parent: Path, recipe: Recipe) -> Run:
        """A new folder with the recipe in it."""
        stem = f"{date.today().isoformat()}-{recipe.name}"
        for number in range(1, 10_000):
            folder = parent / (stem if number == 1 else f"{stem}-{number}")
            try:
                folder.mkdir(parents=True)
            except FileExistsError:
                continue
            except OSError as error:
                raise UsageError(f"{folder}: the run folder cannot be made ({error.strerror})") from error
            return cls(folder)._described(recipe)
        raise UsageError(f"{parent}: holds too many runs called {stem}")

    @classmethod
    def at(cls, folder: Path, recipe: Recipe) -> Run:
        """The run of a recipe in a folder of one's own, new or begun: one command starts it and goes on with it.

        Raises:
            UsageError: the folder holds something else, or another recipe's run.
        """
        run = cls(folder)
        if run.last.is_file():
            return run  # whether its recipe is the same is seen when it is read
        if folder.is_dir() and any(folder.iterdir()) and _config(folder) is None:
            raise UsageError(f"{folder}: holds other files and no run: name a new folder")
        began = _config(folder)
        if began is not None and set(changed(began, dataclasses.asdict(recipe))) - {*INDIFFERENT}:
            raise UsageError(f"{folder}: holds a run of another recipe: name a new folder")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"{folder}: the run folder cannot be made ({error.strerror})") from error
        return run._described(recipe)

    def _described(self, recipe: Recipe) -> Run:
        text = json.dumps(dataclasses.asdict(recipe), indent=2) + "\n"
        replace(self.folder / "config.json", text)
        return self

    @classmethod
    def newest(cls, parent: Path, recipe: Recipe) -> Run:
        """The newest run of a recipe that has a checkpoint, or one of the recipe that is trained before it."""
        folders = parent.glob(f"*-{glob.escape(recipe.name)}*")
        own = [folder for folder in folders if (_config(folder) or {}).get("name") == recipe.name]
        states = {
            folder: [*folder.glob("last.safetensors"), *folder.glob("*/last.safetensors")] for folder in own
        }
        times = {
            folder: max(one.stat().st_mtime for one in found) for folder, found in states.items() if found
        }
        if not times:
            raise UsageError(f"{parent}: no run of {recipe.name!r} to resume: start one without --resume")
        return cls(max(times, key=lambda folder: times[folder]))

    def log(self, **line: Any) -> None:
        """Append one line to ``metrics.jsonl``."""
        with _told(self.metrics), self.metrics.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def lines(self) -> list[dict[str, Any]]:
        """What ``metrics.jsonl`` holds so far; a line that was not written to its end is none."""
        if not self.metrics.is_file():
            return []
        try:
            *whole, _ = self.metrics.read_text(encoding="utf-8").split("\n")
            found = [json.loads(line) for line in whole]
            if not all(isinstance(line["epoch"], int) for line in found):
                raise ValueError("an epoch is no number")
        except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
            reason = f"{error} is missing" if isinstance(error, KeyError) else error
            raise UsageError(f"{self.metrics}: is damaged ({reason}): start a new run") from error
        return found

    def forget_after(self, epochs: int) -> None:
        """Drop what a kill left: lines of epochs that no checkpoint holds, and files that it cut short."""
        with _told(self.folder):
            for partial in self.folder.glob(".*.partial"):
                partial.unlink(missing_ok=True)
        kept = [line for line in self.lines() if line["epoch"] <= epochs]
        replace(self.metrics, "".join(json.dumps(line) + "\n" for line in kept))


def open_run(
    recipe: Recipe, parent: Path, folder: Path | None = None, resume: bool = False
) -> tuple[Run, bool]:
    """The run that a command line asks for, and whether it goes on from a checkpoint.

    Args:
        recipe: of the run.
        parent: the folder that holds the runs.
        folder: the run's own folder instead, new or begun.
        resume: go on with the newest run of the recipe.

    Raises:
        UsageError: there is nothing to go on with, or the folder holds something else.
    """
    if folder is not None:
        run = Run.at(folder, recipe)
        return run, run.last.is_file()
    run = Run.newest(parent, recipe) if resume else Run.create(parent, recipe)
    return run, run.last.is_file()


def replace(path: Path, text: str) -> None:
    """Write a text file in one step.

    Raises:
        OutputError: it cannot be written.
    """
    partial = path.with_name(f".{path.name}.partial")
    with _told(path):
        try:
            partial.write_text(text, encoding="utf-8")
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{printable(path)} cannot be written ({error.strerror}): make room or give rights, and go on with --resume"
        ) from error


def _config(folder: Path) -> dict[str, Any] | None:
    """The recipe of a run's folder as plain values; None if there is none."""
    try:
        values: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) else None
