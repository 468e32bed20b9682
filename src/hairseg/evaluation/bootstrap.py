"""How much of a number is chance: photos drawn again and again from the photos at hand.

Percentile bootstrap (Efron and Tibshirani 1993, chapter 13): each resample draws as many photos as there are,
with replacement, pools their pixel counts and computes IoU; the middle 95 % of these is the interval.
Two models are compared on the same draws, so what is easy or hard about the photos cancels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hairseg.evaluation.metrics import Counts, pooled

RESAMPLES = 2000
SEED = 0
LIMITS = (2.5, 97.5)


@dataclass(frozen=True)
class Interval:
    """A 95 % interval."""

    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """How much higher the second pooled IoU is than the first, with its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def settled(self) -> bool:
        """The interval excludes 0: only then may the difference be called a gain or a loss."""
        return self.low > 0 or self.high < 0


def interval(counts: Sequence[Counts], resamples: int = RESAMPLES, seed: int = SEED) -> Interval:
    """95 % interval of the IoU pooled over photos.

    Args:
        counts: one entry a photo, at least one.
        resamples: draws.
        seed: of the draws; the same seed and number of photos give the same draws.
    """
    low, high = np.percentile(_resampled(counts, resamples, seed), LIMITS)
    return Interval(float(low), float(high))


def difference(
    first: Sequence[Counts], second: Sequence[Counts], resamples: int = RESAMPLES, seed: int = SEED
) -> Difference:
    """Pooled IoU of ``second`` minus that of ``first``, both of the same photos in the same order."""
    if len(first) != len(second):
        raise ValueError(
            f"a paired bootstrap needs the same photos: {len(first)} and {len(second)} were given"
        )
    gains = _resampled(second, resamples, seed) - _resampled(first, resamples, seed)
    low, high = np.percentile(gains, LIMITS)
    return Difference(pooled(second).iou - pooled(first).iou, float(low), float(high))


def _resampled(counts: Sequence[Counts], resamples: int, seed: int) -> NDArray[np.float64]:
    """(resamples,) pooled IoU of each draw."""
    pixels = np.array([(one.tp, one.tp + one.fp + one.fn) for one in counts], np.float64)
    photos = len(counts)
    # How often each photo is drawn, (resamples, photos).
    drawn = np.random.default_rng(seed).multinomial(photos, np.full(photos, 1 / photos), size=resamples)
    found, union = (drawn.astype(np.float64) @ pixels).T
    ious: NDArray[np.float64] = np.divide(found, union, out=np.ones(resamples), where=union > 0)
    return ious
