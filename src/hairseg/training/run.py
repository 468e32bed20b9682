"""The run folder: made once, never overwritten, found again for a resume."""

from __future__ import annotations

import dataclasses
import json
from datetime import date
from pathlib import Path
from typing import Any

from hairseg.errors import UsageError
from hairseg.training.recipe import Recipe


class Run:
    """One run's files.

    Attributes:
        folder: ``runs/<date>-<recipe>``, with ``-2``, ``-3``, ... when there is one already.
        last: the checkpoint that a resume starts from.
        best: the weights that ship.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.last = folder / "last.safetensors"
        self.best = folder / "best.safetensors"
        self.metrics = folder / "metrics.jsonl"

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
            config = json.dumps(dataclasses.asdict(recipe), indent=2)
            (folder / "config.json").write_text(config + "\n", encoding="utf-8")
            return cls(folder)
        raise UsageError(f"{parent}: holds too many runs called {stem}")

    @classmethod
    def newest(cls, parent: Path, recipe: Recipe) -> Run:
        """The newest run of a recipe that has a checkpoint."""
        states = list(parent.glob(f"*-{recipe.name}*/last.safetensors"))
        own = [path for path in states if _name(path.parent) == recipe.name]
        if not own:
            raise UsageError(f"{parent}: no run of {recipe.name!r} to resume: start one without --resume")
        return cls(max(own, key=lambda path: path.stat().st_mtime).parent)

    def log(self, **line: Any) -> None:
        """Append one line to ``metrics.jsonl``."""
        with self.metrics.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def lines(self) -> list[dict[str, Any]]:
        """What ``metrics.jsonl`` holds so far."""
        if not self.metrics.is_file():
            return []
        return [json.loads(line) for line in self.metrics.read_text(encoding="utf-8").splitlines() if line]

    def forget_after(self, epochs: int) -> None:
        """Drop the lines of epochs that no checkpoint holds, so that a resume does not log them twice."""
        kept = [line for line in self.lines() if line["epoch"] <= epochs]
        self.metrics.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")


def _name(folder: Path) -> str | None:
    try:
        name: str | None = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("name")
    except (OSError, ValueError):
        return None
    return name
