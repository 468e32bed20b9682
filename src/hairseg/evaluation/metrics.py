"""Pixel counts, and every number that comes from them.

One convention for photos without hair: where neither the truth nor the prediction holds hair, IoU and F1
are 1 (nothing was to be found and nothing was found); where only one of them does, both are 0.
Pixels whose truth is 255 (ignore) are counted nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

IGNORE = 255
THRESHOLDS = tuple(step / 10 for step in range(11))
# A network that is sure and wrong would otherwise cost infinity; 1 - 1e-7 still differs from 1 in float32.
SUREST = 1e-7


@dataclass(frozen=True)
class Counts:
    """Pixels by prediction and truth: hair found, invented, missed, and background left alone."""

    tp: int = 0
    fp: int = 0
    fn: int = 0
    tn: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn, self.tn + other.tn)

    @property
    def total(self) -> int:
        """All pixels that count."""
        return self.tp + self.fp + self.fn + self.tn

    @property
    def iou(self) -> float:
        """TP / (TP + FP + FN), the Jaccard index of hair; in [0, 1]."""
        union = self.tp + self.fp + self.fn
        return self.tp / union if union else 1.0

    @property
    def f1(self) -> float:
        """2 TP / (2 TP + FP + FN), the Dice coefficient of hair; in [0, 1]."""
        both = 2 * self.tp + self.fp + self.fn
        return 2 * self.tp / both if both else 1.0

    @property
    def accuracy(self) -> float:
        """Share of pixels that are right; in [0, 1]."""
        return (self.tp + self.tn) / self.total if self.total else 1.0

    @property
    def background_iou(self) -> float:
        """TN / (TN + FP + FN): the IoU of everything that is not hair; in [0, 1]."""
        union = self.tn + self.fp + self.fn
        return self.tn / union if union else 1.0


def pooled(counts: Iterable[Counts]) -> Counts:
    """The sum: what the headline is computed from."""
    return sum(counts, Counts())


def f1_from_iou(iou: float) -> float:
    """F1 = 2 IoU / (1 + IoU): a published pair of numbers that breaks it is not of one set of masks."""
    return 2 * iou / (1 + iou)


def count(mask: NDArray[np.bool_], truth: NDArray[np.uint8]) -> Counts:
    """Counts of one photo.

    Args:
        mask: (H, W) bool, the prediction.
        truth: (H, W) uint8, 1 hair, 255 ignore, anything else background.
    """
    hair, valid = truth == 1, truth != IGNORE
    tp = int(np.count_nonzero(mask & hair))
    fp = int(np.count_nonzero(mask & valid)) - tp
    fn = int(np.count_nonzero(hair)) - tp
    return Counts(tp, fp, fn, int(np.count_nonzero(valid)) - tp - fp - fn)


def sweep(
    probability: NDArray[np.float32], truth: NDArray[np.uint8], thresholds: Sequence[float] = THRESHOLDS
) -> tuple[Counts, ...]:
    """Counts of one photo at several thresholds, in one pass.

    A pixel is hair where its probability is at or above the threshold, so 0.0 takes every pixel.

    Args:
        probability: (H, W) float32 in [0, 1].
        truth: (H, W) uint8, 1 hair, 255 ignore, anything else background.
        thresholds: in any order.

    Returns:
        One entry a threshold.
    """
    # Split by truth once: then a threshold costs one comparison a pixel, a tenth of np.histogram's time.
    hair, background = probability[truth == 1], probability[(truth != 1) & (truth != IGNORE)]
    rows = []
    for threshold in thresholds:
        tp, fp = int(np.count_nonzero(hair >= threshold)), int(np.count_nonzero(background >= threshold))
        rows.append(Counts(tp, fp, hair.size - tp, background.size - fp))
    return tuple(rows)


def cross_entropy(probability: NDArray[np.float32], truth: NDArray[np.uint8]) -> float:
    """Binary cross-entropy of one photo: the mean over its pixels, in nats; 0 if none counts.

    The validation loss is the mean over photos, as in training, where every photo weighs the same.
    Probabilities are kept ``SUREST`` away from 0 and 1.

    Args:
        probability: (H, W) float32 in [0, 1].
        truth: (H, W) uint8, 1 hair, 255 ignore, anything else background.
    """
    right = np.where(truth == 1, probability, 1 - probability)[truth != IGNORE]
    return -float(np.log(np.clip(right, SUREST, 1 - SUREST)).mean(dtype=np.float64)) if right.size else 0.0


@dataclass(frozen=True)
class PerPhoto:
    """What a mean hides: how IoU is spread over the photos."""

    mean: float
    median: float
    p5: float
    worst: float


def per_photo(ious: Sequence[float]) -> PerPhoto:
    """Mean, median, 5th percentile (between neighbours, linear) and minimum."""
    values = np.asarray(ious, np.float64)
    p5, median = np.percentile(values, [5, 50])
    return PerPhoto(float(values.mean()), float(median), float(p5), float(values.min()))
