"""The confusion matrix of scene parsing, pooled over photos, and every number that comes from it.

The rule for classes that are absent, which is torchmetrics' rule for ``average="macro"``: a class that neither
the truth nor the prediction holds is left out of the means; one that is predicted and nowhere true counts 0.
Pixels whose truth is 255 (ignore) are counted nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hairseg.classes import IGNORE
from hairseg.evaluation.metrics import SUREST

Numbers = NDArray[np.int64] | NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Confusion:
    """Pixels by truth and prediction.

    Attributes:
        pixels: (classes, classes) int64; a row is a true class, a column a predicted one.
    """

    pixels: NDArray[np.int64]

    @classmethod
    def of(cls, labels: NDArray[np.uint8], truth: NDArray[np.uint8], classes: int) -> Confusion:
        """The matrix of one photo.

        Args:
            labels: (H, W) uint8, predicted class indices below ``classes``.
            truth: (H, W) uint8, true class indices, or 255 to ignore.
            classes: how many there are.
        """
        valid = truth != IGNORE
        pairs = truth[valid].astype(np.int64) * classes + labels[valid]
        return cls(np.bincount(pairs, minlength=classes * classes).reshape(classes, classes))

    def __add__(self, other: Confusion) -> Confusion:
        return Confusion(self.pixels + other.pixels)

    @property
    def true(self) -> NDArray[np.int64]:
        """(classes,) pixels of each class in the truth."""
        return np.asarray(self.pixels.sum(axis=1))

    @property
    def predicted(self) -> NDArray[np.int64]:
        """(classes,) pixels of each class in the prediction."""
        return np.asarray(self.pixels.sum(axis=0))

    @property
    def right(self) -> NDArray[np.int64]:
        """(classes,) pixels of each class that are found."""
        return self.pixels.diagonal()

    @property
    def present(self) -> NDArray[np.bool_]:
        """(classes,) the classes that the truth or the prediction holds."""
        return self.true + self.predicted > 0

    @property
    def iou(self) -> NDArray[np.float64]:
        """(classes,) intersection over union; not a number where a class is absent."""
        return share(self.right, self.true + self.predicted - self.right)

    @property
    def mean_iou(self) -> float:
        """mIoU: the mean IoU of the classes that are present, in [0, 1]; 1 if none is."""
        return mean_of_present(self.iou)

    @property
    def recall(self) -> NDArray[np.float64]:
        """(classes,) share of a class's true pixels that are found: its accuracy; 0 if it is only predicted."""
        return np.where(self.present, self.right / np.maximum(self.true, 1), np.nan)

    @property
    def mean_accuracy(self) -> float:
        """Mean class accuracy: the mean recall of the classes that are present, in [0, 1]; 1 if none is."""
        return mean_of_present(self.recall)

    @property
    def accuracy(self) -> float:
        """Pixel accuracy: the share of all pixels that are right, in [0, 1]; 1 if none counts."""
        total = int(self.pixels.sum())
        return int(self.right.sum()) / total if total else 1.0


def share(part: Numbers, whole: Numbers) -> NDArray[np.float64]:
    """``part / whole``, and not a number where ``whole`` is 0."""
    return np.where(whole > 0, part / np.maximum(whole, 1), np.nan)


def mean_of_present(values: NDArray[np.float64]) -> float:
    """The mean of the numbers among ``values``; 1 if there is none."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else 1.0


def cross_entropy(band: NDArray[np.float32], truth: NDArray[np.uint8]) -> tuple[float, int]:
    """Summed -log of the true class's probability, in nats, and the number of pixels that count.

    Args:
        band: (classes, H, W) float32 probabilities.
        truth: (H, W) uint8 class indices, or 255 to ignore.
    """
    y, x = np.nonzero(truth != IGNORE)
    right = band[truth[y, x], y, x]
    return -float(np.log(np.clip(right, SUREST, 1)).sum(dtype=np.float64)), y.size
