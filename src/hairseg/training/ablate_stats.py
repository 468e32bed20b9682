"""What an ablation may say: a difference, and how much of it is the chance of seeds and photos.

A difference of two variants is the mean over seeds of the difference of their pooled IoUs, both runs of a pair
having the same seed: the same order of photos, the same augmentation. Two kinds of chance are in it, and they
cross, since every seed is scored on the same photos:

- photos: the paired percentile bootstrap of ``hairseg.evaluation.bootstrap``, each draw used for both variants
  and for all seeds;
- seeds: few, so drawing them again with replacement would understate them (of three seeds one draw in nine is
  a single seed three times, with no spread at all). Instead each draw is moved by Student's t with S - 1 degrees
  of freedom times the standard error of the mean over the S seeds.

The interval is the middle 95 % of the moved draws. What differs from seed to seed and photo to photo at once is
counted on both sides, so the interval is rather a little wide than narrow. With one seed there is no interval.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hairseg.evaluation.bootstrap import LIMITS, RESAMPLES, SEED, Difference
from hairseg.evaluation.confusion import mean_of_present, share

# (photos, classes, 4) int64: pixels TP, FP, FN, TN of each photo and class; hair is the one class of its own.
Pixels = NDArray[np.int64]
# Moves by the seeds' chance for each draw of photos: enough that Student's heavy tails do not shake the limits.
MOVES = 32


@dataclass(frozen=True)
class Scores:
    """Numbers over all photos of a run, in [0, 1]; of many classes the mean over those that are present."""

    iou: float
    f1: float
    accuracy: float


def pooled_scores(pixels: Pixels) -> Scores:
    """IoU, F1 and pixel accuracy of pixels pooled over photos.

    Args:
        pixels: (photos, classes, 4), TP, FP, FN, TN.
    """
    tp, fp, fn, tn = pixels.sum(axis=0).T  # each (classes,)
    total = max(1, int(tp[0] + fp[0] + fn[0] + tn[0]))
    right = tp[0] + tn[0] if len(tp) == 1 else tp.sum()
    return Scores(
        iou=mean_of_present(share(tp, tp + fp + fn)),
        f1=mean_of_present(share(2 * tp, 2 * tp + fp + fn)),
        accuracy=int(right) / total,
    )


def contrast(sides: Sequence[tuple[float, Sequence[Pixels]]]) -> Difference:
    """A weighted sum of the IoUs of several variants, with its 95 % interval over seeds and photos.

    Args:
        sides: weight and runs of each variant: one run a seed, the same seeds in the same order, all of the
            same photos. ``[(1, new), (-1, reference)]`` is a difference.
    """
    runs = [run for _, side in sides for run in side]
    seeds, photos = len(sides[0][1]), len(runs[0])
    if any(len(side) != seeds for _, side in sides) or any(len(run) != photos for run in runs):
        raise ValueError("a paired comparison needs the same seeds and the same photos on every side")
    by_seed = sum(weight * np.array([pooled_scores(run).iou for run in side]) for weight, side in sides)
    value = float(np.mean(by_seed))
    if seeds == 1:
        return Difference(value, -math.inf, math.inf)
    generator = np.random.default_rng(SEED)
    drawn = generator.multinomial(photos, np.full(photos, 1 / photos), size=RESAMPLES).astype(np.float64)
    draws = sum(
        weight * np.mean([_pooled_ious(run, drawn) for run in side], axis=0) for weight, side in sides
    )
    error = float(np.std(by_seed, ddof=1)) / math.sqrt(seeds)
    moved = draws + error * generator.standard_t(seeds - 1, (MOVES, RESAMPLES))
    low, high = np.percentile(moved, LIMITS)
    return Difference(value, float(low), float(high))


def _pooled_ious(pixels: Pixels, drawn: NDArray[np.float64]) -> NDArray[np.float64]:
    """(draws,) pooled IoU of each draw.

    Args:
        pixels: (photos, classes, 4).
        drawn: (draws, photos), how often each photo is drawn.
    """
    found = drawn @ pixels[..., 0]  # (draws, classes)
    union = drawn @ pixels[..., :3].sum(axis=2)
    present = union > 0
    ious = np.divide(found, union, out=np.zeros_like(found), where=present).sum(axis=1)
    count = present.sum(axis=1)
    means: NDArray[np.float64] = np.divide(ious, count, out=np.ones(len(drawn)), where=count > 0)
    return means
