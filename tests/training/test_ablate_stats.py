from __future__ import annotations

import math

import numpy as np
import pytest

from hairseg.evaluation.bootstrap import difference
from hairseg.evaluation.confusion import Confusion
from hairseg.evaluation.metrics import Counts, pooled
from hairseg.training.ablate_stats import Pixels, contrast, pooled_scores


def simulated(
    generator: np.random.Generator, photos: int, seeds: int, sd: float, effect: float = 0.0
) -> tuple[list[Pixels], list[Pixels]]:
    """Runs of two variants whose true difference is ``effect``: photos are hard, seeds lucky, pairs odd."""
    hard = generator.normal(0, 0.06, photos)
    own = generator.normal(0, 0.02, photos)
    sides = []
    for shift in (effect + own, np.zeros(photos)):
        runs = []
        for _ in range(seeds):
            iou = 0.7 + hard + shift + generator.normal(0, sd) + generator.normal(0, 0.01, photos)
            tp = np.round(4000 * np.clip(iou, 0.01, 0.99)).astype(np.int64)
            missed = (4000 - tp) // 2
            runs.append(np.stack([tp, 4000 - tp - missed, missed, tp + 1000], axis=1)[:, None])
        sides.append(runs)
    return sides[0], sides[1]


def test_hair_scores_are_those_of_the_protocol() -> None:
    counts = [Counts(5, 1, 2, 10), Counts(0, 0, 0, 7), Counts(3, 4, 0, 1)]
    pixels = np.array([[[one.tp, one.fp, one.fn, one.tn]] for one in counts])
    scores, total = pooled_scores(pixels), pooled(counts)
    assert (scores.iou, scores.f1, scores.accuracy) == (total.iou, total.f1, total.accuracy)


def test_scores_of_many_classes_are_those_of_the_confusion_matrix() -> None:
    matrix = Confusion(
        np.array([[6, 1, 0, 0], [2, 3, 0, 0], [1, 0, 4, 0], [0, 0, 0, 0]])
    )  # the last is absent
    right, true, predicted = matrix.right, matrix.true, matrix.predicted
    rest = matrix.pixels.sum() - true - predicted + right
    pixels = np.stack([right, predicted - right, true - right, rest], axis=1)[None]
    scores = pooled_scores(pixels)
    assert scores.iou == pytest.approx(matrix.mean_iou)
    assert scores.accuracy == pytest.approx(matrix.accuracy)


def test_the_value_is_the_mean_over_seeds() -> None:
    new, old = simulated(np.random.default_rng(0), 20, 4, 0.01)
    per_seed = [pooled_scores(a).iou - pooled_scores(b).iou for a, b in zip(new, old, strict=True)]
    found = contrast([(1, new), (-1, old)])
    assert found.value == pytest.approx(np.mean(per_seed))
    assert found.low < found.value < found.high


def test_equal_runs_differ_by_nothing() -> None:
    runs, _ = simulated(np.random.default_rng(0), 20, 3, 0.01)
    found = contrast([(1, runs), (-1, runs)])
    assert (found.value, found.low, found.high, found.settled) == (0, 0, 0, False)


def test_one_seed_settles_nothing() -> None:
    new, old = simulated(np.random.default_rng(0), 20, 1, 0.0, effect=0.2)
    found = contrast([(1, new), (-1, old)])
    assert found.value > 0.15
    assert (found.low, found.high, found.settled) == (-math.inf, math.inf, False)


def test_without_spread_over_seeds_it_is_the_paired_bootstrap_over_photos() -> None:
    (new,), (old,) = simulated(np.random.default_rng(0), 40, 1, 0.0)
    ours = contrast([(1, [new] * 3), (-1, [old] * 3)])
    sides = [[Counts(*map(int, photo[0])) for photo in run] for run in (old, new)]
    theirs = difference(sides[0], sides[1])
    assert (ours.value, ours.low, ours.high) == pytest.approx((theirs.value, theirs.low, theirs.high))


def test_two_variants_averaged_are_one_side() -> None:
    new, old = simulated(np.random.default_rng(0), 20, 3, 0.01)
    halves = contrast([(0.5, new), (0.5, new), (-1, old)])
    whole = contrast([(1, new), (-1, old)])
    assert (halves.value, halves.low, halves.high) == pytest.approx((whole.value, whole.low, whole.high))


def test_many_classes_are_resampled_by_the_rule_for_absent_ones() -> None:
    # Class 1 stands in one photo only: draws without it average over class 0 alone.
    run = np.array([[[8, 1, 1, 10], [0, 0, 0, 20]], [[6, 2, 2, 10], [5, 2, 3, 10]]])
    worse = run - np.array([1, 0, -1, 0]) * (run[..., :1] > 0)
    found = contrast([(1, [run] * 2), (-1, [worse] * 2)])
    gains = [pooled_scores(run[[i, j]]).iou - pooled_scores(worse[[i, j]]).iou for i, j in ((0, 0), (1, 1))]
    assert (found.low, found.high) == pytest.approx((min(gains), max(gains)))


def test_different_seeds_are_refused() -> None:
    new, old = simulated(np.random.default_rng(0), 20, 3, 0.01)
    with pytest.raises(ValueError, match="the same seeds"):
        contrast([(1, new), (-1, old[:2])])


def test_the_interval_holds_the_truth_where_that_of_one_seed_does_not() -> None:
    """95 % should: of 100 simulated ablations without any effect, at least 90 say so."""
    generator = np.random.default_rng(0)
    ours = single = 0
    for _ in range(100):
        new, old = simulated(generator, 30, 3, 0.01)
        ours += not contrast([(1, new), (-1, old)]).settled
        sides = [[Counts(*map(int, photo[0])) for photo in run] for run in (old[0], new[0])]
        single += not difference(sides[0], sides[1], resamples=400).settled
    assert ours >= 90
    assert single < 70
