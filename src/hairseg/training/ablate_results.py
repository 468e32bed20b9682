"""What an ablation has measured so far, in files that a second start goes on from.

``results.jsonl`` has a line a run, ``photos/<run>.csv`` the pixels of each of its photos. A run is finished when
both are there; the line comes last.
"""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hairseg.errors import UsageError
from hairseg.printable import printable, spreadsheet_safe
from hairseg.save import write
from hairseg.training.ablate_grid import Grid, Variant
from hairseg.training.ablate_stats import Pixels
from hairseg.training.recipe import Recipe, Source
from hairseg.training.table import from_table

HEAD = ("photo", "class", "tp", "fp", "fn", "tn")
# What a run's result does not depend on.
FREE = ("name", "workers", "in_memory")
REMEDY = "give the grid another name, or remove the folder"


@dataclass(frozen=True)
class Result:
    """One finished run: a line of ``results.jsonl``.

    Attributes:
        variant: label.
        seed: of the run.
        iou: hair IoU pooled over the scored photos, or the mIoU of many classes.
        f1: the same for F1.
        accuracy: of pixels.
        photos: how many were scored.
        seconds: of training and scoring.
        config: fingerprint of the recipe with its seed, and of the scored data.
    """

    variant: str
    seed: int
    iou: float
    f1: float
    accuracy: float
    photos: int
    seconds: float
    config: str


@dataclass(frozen=True)
class Scored:
    """The pixels of one run's photos.

    Attributes:
        photos: their names.
        classes: their names, or ``hair`` alone.
        pixels: (photos, classes, 4), TP, FP, FN, TN.
    """

    photos: tuple[str, ...]
    classes: tuple[str, ...]
    pixels: Pixels


def run_name(variant: Variant, seed: int) -> str:
    """Of a run's folder and of its file of photos."""
    return f"{variant.slug}-seed{seed}"


def seeded(variant: Variant, seed: int) -> Recipe:
    """The recipe that one run trains."""
    return dataclasses.replace(variant.recipe, name=run_name(variant, seed), seed=seed)


def fingerprint(recipe: Recipe, score: Sequence[Source]) -> str:
    """A short hash of everything that decides a run's result; keys at their defaults do not enter it."""
    plain = {key: value for key, value in _changed(recipe).items() if key not in FREE}
    text = json.dumps([plain, [_changed(source) for source in score]], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _changed(value: Any) -> Any:
    """A dataclass as plain values without those at their defaults: a new key of a later version changes nothing."""
    if isinstance(value, tuple):
        return [_changed(one) for one in value]
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return value
    changed = {}
    for field in dataclasses.fields(value):
        own = getattr(value, field.name)
        made = field.default_factory
        if own != (field.default if made is dataclasses.MISSING else made()):
            changed[field.name] = _changed(own)
    return changed


def _damaged(path: Path, error: Exception) -> UsageError:
    """What to say of a file that somebody changed."""
    return UsageError(f"{path}: is damaged ({error}): remove the folder, and run the grid again")


class Results:
    """The files of one ablation.

    Args:
        folder: ``runs/ablate-<name>``; made by the first write.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "results.jsonl"

    def read(self, grid: Grid) -> dict[tuple[str, int], Result]:
        """The finished runs of the grid's variants, by label and seed.

        Raises:
            UsageError: a run was made with another recipe than the grid's now.
        """
        variants = {variant.label: variant for variant in grid.variants}
        found = {}
        for result in self._results():
            variant = variants.get(result.variant)
            if variant is None or not self._photos(variant, result.seed).is_file():
                continue
            if result.config != fingerprint(seeded(variant, result.seed), grid.score):
                raise UsageError(
                    f"{self.path}: {result.variant!r} with seed {result.seed} was run with another recipe or "
                    f"other photos than the grid's now: {REMEDY}"
                )
            found[result.variant, result.seed] = result
        return found

    def _lines(self) -> list[dict[str, Any]]:
        """The whole lines; the end of a line that was being written at a kill is dropped."""
        if not self.path.is_file():
            return []
        try:
            whole, _, _ = self.path.read_text(encoding="utf-8").rpartition("\n")
            return [json.loads(line) for line in whole.splitlines()]
        except (OSError, ValueError, RecursionError) as error:
            raise _damaged(self.path, error) from error

    def _results(self) -> list[Result]:
        """The lines as results."""
        try:
            return [from_table(Result, line, str(self.path)) for line in self._lines()]
        except (AttributeError, TypeError) as error:
            raise _damaged(self.path, error) from error

    def add(self, variant: Variant, result: Result, scored: Scored) -> None:
        """Write one finished run: its photos first, then its line."""
        rows = io.StringIO()
        table = csv.writer(rows, lineterminator="\n")
        table.writerow(HEAD)
        for photo, classes in zip(scored.photos, scored.pixels.tolist(), strict=True):
            for name, counts in zip(scored.classes, classes, strict=True):
                table.writerow([spreadsheet_safe(printable(photo)), printable(name), *counts])
        write(rows.getvalue().encode(), self._photos(variant, result.seed))
        lines = [*self._lines(), dataclasses.asdict(result)]
        write("".join(json.dumps(line) + "\n" for line in lines).encode(), self.path)

    def pixels(self, variant: Variant, seed: int) -> Scored:
        """The photos of one finished run."""
        path = self._photos(variant, seed)
        try:
            with path.open(encoding="utf-8", newline="") as file:
                rows = list(csv.reader(file))[1:]
            # By their order: two of the scored sets may hold photos of one name.
            classes = tuple(dict.fromkeys(row[1] for row in rows))
            photos = tuple(row[0] for row in rows[:: len(classes) or 1])
            pixels = np.array([[int(value) for value in row[2:]] for row in rows], np.int64)
            return Scored(photos, classes, pixels.reshape(len(photos), len(classes), 4))
        except (OSError, ValueError, IndexError, OverflowError, csv.Error) as error:
            raise _damaged(path, error) from error

    def _photos(self, variant: Variant, seed: int) -> Path:
        return self.folder / "photos" / f"{run_name(variant, seed)}.csv"
