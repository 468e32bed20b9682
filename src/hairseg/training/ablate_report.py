"""What an ablation found: every variant's mean and spread over seeds, and which differences hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from hairseg.errors import UsageError
from hairseg.evaluation.bootstrap import Difference
from hairseg.training.ablate_grid import Grid, Variant
from hairseg.training.ablate_results import Result, Results
from hairseg.training.ablate_stats import Pixels, contrast


@dataclass(frozen=True)
class Row:
    """One variant.

    Attributes:
        label: of the variant.
        runs: its finished ones, by seed.
        gain: mean IoU above the reference's on the seeds of both; None for the reference itself, or if no seed
            is common.
    """

    label: str
    runs: tuple[Result, ...]
    gain: Difference | None

    @property
    def iou(self) -> float:
        """Mean over seeds."""
        return fmean(run.iou for run in self.runs)

    @property
    def spread(self) -> float | None:
        """Standard deviation of IoU over seeds; None with one seed."""
        return stdev(run.iou for run in self.runs) if len(self.runs) > 1 else None


@dataclass(frozen=True)
class Effect:
    """One label of an axis against the axis' first, averaged over everything else that the product varies."""

    axis: str
    label: str
    first: str
    pairs: int
    gain: Difference


@dataclass(frozen=True)
class Ablation:
    """A grid with what is known of it.

    Attributes:
        grid: what was asked for.
        rows: the variants with a finished run, in the grid's order.
        effects: of the axes, on the seeds that all variants of the product have.
        photos: how many were scored.
        classes: their names; ``hair`` alone, or those whose mean IoU is reported.
    """

    grid: Grid
    rows: tuple[Row, ...]
    effects: tuple[Effect, ...]
    photos: int
    classes: tuple[str, ...]


def summarise(grid: Grid, results: Results, seeds: int | None = None) -> Ablation:
    """Compare the finished runs.

    Args:
        grid: which variants, and the reference among them.
        results: what is finished.
        seeds: only those below this; None for all that are there.

    Raises:
        UsageError: no run is finished, or runs were scored on different photos.
    """
    found = {key: result for key, result in results.read(grid).items() if seeds is None or key[1] < seeds}
    if not found:
        raise UsageError(f"{results.folder}: no run is finished: start without --report-only")
    variants = {variant.label: variant for variant in grid.variants}
    scored = {key: results.pixels(variants[key[0]], key[1]) for key in sorted(found)}
    first = next(iter(scored.values()))
    if any((one.photos, one.classes) != (first.photos, first.classes) for one in scored.values()):
        raise UsageError(
            f"{results.folder}: its runs were scored on different photos: remove it and start again"
        )
    pixels = {key: one.pixels for key, one in scored.items()}
    rows = []
    for label in variants:
        runs = tuple(found[key] for key in sorted(found) if key[0] == label)
        gain = None if label == grid.reference else _gain(pixels, [(1, label), (-1, grid.reference)])
        if runs:
            rows.append(Row(label, runs, gain))
    return Ablation(grid, tuple(rows), tuple(_effects(grid, pixels)), len(first.photos), first.classes)


def _gain(pixels: dict[tuple[str, int], Pixels], weights: Sequence[tuple[float, str]]) -> Difference | None:
    """The contrast on the seeds that all of its variants have; None without any."""
    seeds = sorted({seed for _, seed in pixels})
    common = [seed for seed in seeds if all((label, seed) in pixels for _, label in weights)]
    if not common:
        return None
    return contrast([(weight, [pixels[label, seed] for seed in common]) for weight, label in weights])


def _effects(grid: Grid, pixels: dict[tuple[str, int], Pixels]) -> list[Effect]:
    """What each axis does by itself; nothing for a single axis, whose effects are the rows."""
    product = [variant for variant in grid.variants if variant.place]
    effects = []
    for number, (axis, labels) in enumerate(grid.axes.items() if len(grid.axes) > 1 else ()):
        for label in labels[1:]:
            weights = [
                *_weights(product, number, label, 1.0),
                *_weights(product, number, labels[0], -1.0),
            ]
            gain = _gain(pixels, weights)
            if gain:
                effects.append(Effect(axis, label, labels[0], len(weights) // 2, gain))
    return effects


def _weights(product: Sequence[Variant], axis: int, label: str, total: float) -> list[tuple[float, str]]:
    """Equal weights for all variants with a label on an axis."""
    chosen = [variant.label for variant in product if variant.place[axis] == label]
    return [(total / len(chosen), one) for one in chosen]
