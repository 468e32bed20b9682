"""Runs a grid: every variant with every seed, one after another, and goes on where it was stopped.

Each run is an ordinary training run without validation: the weights after the last epoch are scored, so that no
checkpoint is chosen on the photos that the table is about.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from hairseg.data import Item, check, read_item
from hairseg.errors import UsageError
from hairseg.evaluation.metrics import count
from hairseg.evaluation.scene_protocol import score_photo
from hairseg.net import PSPNet, build
from hairseg.save import write
from hairseg.training.ablate_grid import Grid, Variant
from hairseg.training.ablate_results import REMEDY, Result, Results, Scored, fingerprint, run_name, seeded
from hairseg.training.ablate_stats import Pixels, pooled_scores
from hairseg.training.batches import Photos, open_sources
from hairseg.training.checkpoint import read_checkpoint
from hairseg.training.loop import Report, train
from hairseg.training.predict import parser, predictor
from hairseg.training.recipe import Recipe
from hairseg.training.run import Run
from hairseg.training.step import Progress, TrainingError


def ablate(
    grid: Grid,
    results: Results,
    seeds: int,
    report: Report = print,
    progress: Progress = lambda step, total, loss: None,
) -> None:
    """Run what is missing of a grid.

    Seeds are the outer loop: at any time all variants have the same seeds, but for the last one. A run that was
    stopped in the middle goes on from its last epoch.

    Args:
        grid: what to run.
        results: where; holds what is finished.
        seeds: how many, from 0.
        report: told how many runs there are, and one line a run.
        progress: told steps done, steps in all, and the loss, after every step of a run.

    Raises:
        UsageError: a variant's network cannot be built, or what is there was run with another recipe.
        DataError: a photo or mask is missing or broken.
        TrainingError: the loss of a run is not a number.
    """
    if seeds < 1:
        raise UsageError(f"--seeds is {seeds}: give 1 or more")
    done = results.read(grid)
    todo = [
        (variant, seed)
        for seed in range(seeds)
        for variant in grid.variants
        if (variant.label, seed) not in done
    ]
    total = len(grid.variants) * seeds
    report(
        f"{len(grid.variants)} variants x {seeds} seeds = {total} runs, {total - len(todo)} of them finished"
    )
    if not todo:
        return
    _check_networks(grid)
    judged = _Judge(grid)
    shared = _Shared()
    begun = time.perf_counter()
    for number, (variant, seed) in enumerate(todo, 1):
        result = _run(grid, variant, seed, results, judged, shared, progress)
        left = (time.perf_counter() - begun) / number * (len(todo) - number)
        report(
            f"{total - len(todo) + number}/{total} {variant.label}, seed {seed}: IoU {result.iou:.4f}, "
            f"{result.seconds:.0f} s" + (f"; about {left / 60:.0f} min left" if left else "")
        )


def _check_networks(grid: Grid) -> None:
    """Build every variant's network without weights, before hours are spent on the first ones."""
    for variant in grid.variants:
        try:
            with torch.device("meta"):
                net = build(variant.recipe.net)
            for stage in variant.recipe.stages:
                net.check_size(stage.sides[-1], stage.sides[-1])
        except UsageError as error:
            raise UsageError(f"{grid.name}: variant {variant.label!r}: {error}") from error


def _run(
    grid: Grid,
    variant: Variant,
    seed: int,
    results: Results,
    judged: _Judge,
    shared: _Shared,
    progress: Progress,
) -> Result:
    """Train and score one variant with one seed."""
    recipe = seeded(variant, seed)
    config = fingerprint(recipe, grid.score)
    run = _folder(results.folder / run_name(variant, seed), recipe, config)
    try:
        train(recipe, run, run.last.is_file(), lambda line: None, progress, shared.photos(recipe))
    except (TrainingError, UsageError) as error:
        raise type(error)(f"variant {variant.label!r}, seed {seed}: {error}") from error
    seconds = sum(float(line["seconds"]) for line in run.lines())
    begun = time.perf_counter()
    net, _, _ = read_checkpoint(run.best)
    scored = judged.score(net, recipe)
    scores = pooled_scores(scored.pixels)
    result = Result(
        variant.label,
        seed,
        scores.iou,
        scores.f1,
        scores.accuracy,
        len(scored.photos),
        round(seconds + time.perf_counter() - begun, 1),
        config,
    )
    results.add(variant, result, scored)
    run.last.unlink(missing_ok=True)  # four times the size of the weights, and only a resume needs it
    return result


def _folder(folder: Path, recipe: Recipe, config: str) -> Run:
    """The run's folder, found again by its name."""
    run, note = Run(folder), folder / "config.json"
    if run.last.is_file():
        if json.loads(note.read_text(encoding="utf-8"))["config"] != config:
            raise UsageError(f"{folder}: was begun with another recipe than the grid's now: {REMEDY}")
    else:
        plain = {"config": config, **dataclasses.asdict(recipe)}
        write((json.dumps(plain, indent=2) + "\n").encode(), note)
    return run


class _Shared:
    """The decoded training photos of the last run, for the next one if its data are the same."""

    def __init__(self) -> None:
        self._kept: tuple[object, Photos] | None = None

    def photos(self, recipe: Recipe) -> Photos:
        parts = (recipe.train, recipe.stages, recipe.augment, recipe.net.classes, recipe.in_memory)
        if self._kept is None or self._kept[0] != parts:
            self._kept = None  # two sets of photos at once might not fit
            self._kept = (parts, Photos(recipe))
        return self._kept[1]


class _Judge:
    """The photos that are scored.

    Args:
        grid: names them.
    """

    def __init__(self, grid: Grid) -> None:
        # All variants answer for the same classes, or their scores could not be compared.
        self.datasets = open_sources(grid.score, grid.variants[0].recipe.net.classes)
        for dataset in self.datasets:
            check(dataset.items)

    def score(self, net: PSPNet, recipe: Recipe) -> Scored:
        """Every photo at its own size, as a user's photo; hair at threshold 0.5."""
        items = [item for dataset in self.datasets for item in dataset.items]
        names = tuple(one.name for one in self.datasets[0].classes)
        pixels = _of_classes(net, recipe) if names else _of_hair(net, recipe)
        return Scored(
            tuple(item.name for item in items), names or ("hair",), np.stack([pixels(item) for item in items])
        )


def _of_hair(net: PSPNet, recipe: Recipe) -> Callable[[Item], Pixels]:
    predict = predictor(net, recipe.fit, recipe.bf16)

    def pixels(item: Item) -> Pixels:
        photo, truth = read_item(item)
        return np.array([dataclasses.astuple(count(predict(photo) >= 0.5, truth))], np.int64)

    return pixels


def _of_classes(net: PSPNet, recipe: Recipe) -> Callable[[Item], Pixels]:
    parse = parser(net, recipe.fit, recipe.bf16)

    def pixels(item: Item) -> Pixels:
        confusion, _ = score_photo(parse, item)
        tp, total = confusion.right, confusion.pixels.sum()
        fp, fn = confusion.predicted - tp, confusion.true - tp
        return np.stack([tp, fp, fn, total - tp - fp - fn], axis=1)

    return pixels
