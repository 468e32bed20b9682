"""What an evaluation of scene parsing found: one confusion matrix, and what every photo adds to it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from statistics import fmean, median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hairseg.classes import Classes, to_plain
from hairseg.evaluation.bootstrap import LIMITS, RESAMPLES, SEED, Interval
from hairseg.evaluation.confusion import Confusion, mean_of_present, share
from hairseg.evaluation.report import PLACES
from hairseg.evaluation.scores import Cost

PROTOCOL = "scene-native"
FORMAT = 1


@dataclass(frozen=True)
class SceneScore:
    """One photo.

    Attributes:
        name: of the photo in its data set.
        right, true, predicted: pixels of each class that are found, true and predicted.
        loss: cross-entropy, mean over the photo's pixels, in nats.
        milliseconds: of the one prediction.
    """

    name: str
    right: tuple[int, ...]
    true: tuple[int, ...]
    predicted: tuple[int, ...]
    loss: float
    milliseconds: float

    @property
    def mean_iou(self) -> float:
        """Mean IoU of the classes that the photo's truth or prediction holds."""
        return mean_of_present(_ious(*(np.array(one) for one in (self.right, self.true, self.predicted))))


@dataclass(frozen=True)
class SceneReport:
    """Everything that is printed about one model on one data set.

    Attributes:
        data: name of the data set, for example ``voc:val``.
        model: name of the model.
        classes: names and colours.
        confusion: pooled over all photos.
        photos: one entry a photo, in the order of the data set.
        cost: size and memory.
    """

    data: str
    model: str
    classes: Classes
    confusion: Confusion
    photos: tuple[SceneScore, ...]
    cost: Cost = field(default_factory=Cost)

    @property
    def interval(self) -> Interval:
        """95 % bootstrap interval of the mIoU: photos drawn again and again, as ``bootstrap`` does for hair."""
        columns = [[getattr(one, name) for one in self.photos] for name in ("right", "true", "predicted")]
        right, true, predicted = (np.array(column, np.float64) for column in columns)
        count = len(self.photos)
        drawn = np.random.default_rng(SEED).multinomial(count, np.full(count, 1 / count), size=RESAMPLES)
        ious = _ious(drawn @ right, drawn @ true, drawn @ predicted)
        low, high = np.percentile([mean_of_present(row) for row in ious], LIMITS)
        return Interval(float(low), float(high))

    @property
    def loss(self) -> float:
        """Cross-entropy, mean over photos, in nats."""
        return fmean(photo.loss for photo in self.photos)

    @property
    def milliseconds(self) -> float:
        """Median time of one prediction."""
        return median(photo.milliseconds for photo in self.photos)

    def scores(self) -> dict[str, float]:
        """The headline as one flat list, rounded to five places; ``iou`` is the mIoU."""
        chance = self.interval
        values = {
            "iou": self.confusion.mean_iou,
            "iou_low": chance.low,
            "iou_high": chance.high,
            "accuracy": self.confusion.accuracy,
            "mean_accuracy": self.confusion.mean_accuracy,
            "loss": self.loss,
        }
        return {name: round(value, PLACES) for name, value in values.items()}

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        confusion = self.confusion
        columns = (confusion.iou, confusion.recall, confusion.true)
        return {
            "format": FORMAT,
            "protocol": PROTOCOL,
            "data": self.data,
            "model": self.model,
            "scores": self.scores(),
            "classes": [
                {
                    "name": name,
                    "color": color,
                    "iou": _known(iou),
                    "accuracy": _known(recall),
                    "pixels": int(pixels),
                }
                for name, color, iou, recall, pixels in zip(
                    *to_plain(self.classes).values(), *columns, strict=True
                )
            ],
            "confusion": confusion.pixels.tolist(),
            "milliseconds": round(self.milliseconds, 2),
            "cost": asdict(self.cost),
            "photos": [{"name": one.name, "iou": round(one.mean_iou, PLACES)} for one in self.photos],
        }


def _ious(
    right: NDArray[np.float64], true: NDArray[np.float64], predicted: NDArray[np.float64]
) -> NDArray[np.float64]:
    return share(right, true + predicted - right)


def _known(value: float) -> float | None:
    """JSON has no word for what is not a number."""
    return None if np.isnan(value) else round(float(value), PLACES)
