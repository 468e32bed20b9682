"""The protocol ``scene-native``: every photo as a user's photo, its classes scored at the photo's own size."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hairseg.classes import Classes
from hairseg.data import DataSet, Item, read_item
from hairseg.errors import DataError
from hairseg.evaluation.confusion import Confusion, cross_entropy
from hairseg.evaluation.protocol import peak_memory
from hairseg.evaluation.scene_report import SceneReport, SceneScore
from hairseg.evaluation.scores import Cost
from hairseg.scene import Banded, bands

# (H, W, 3) uint8 photo -> (classes, h, w) float32 probabilities, at any size, or a band of rows at a time.
Parse = Callable[[NDArray[np.uint8]], NDArray[np.float32] | Banded]


def evaluate_scenes(
    parse: Parse,
    data: DataSet,
    classes: Classes,
    *,
    model: str = "",
    cost: Cost | None = None,
    progress: Callable[[], None] = lambda: None,
) -> SceneReport:
    """Measure a model of many classes on a data set.

    Args:
        parse: (H, W, 3) uint8 sRGB photo -> (classes, h, w) float32 probabilities on its canvas.
        data: photos with class-index masks.
        classes: of the model.
        model: a name for the report.
        cost: what is known of the model's size; the peak memory is filled in.
        progress: called after each photo.

    Raises:
        DataError: a photo or mask is missing or broken, or the data's classes are not the model's.
    """
    same_classes(data, classes)
    parse(read_item(data.items[0])[0])  # the first call allocates: it is not timed
    confusion, photos = Confusion(np.zeros((len(classes), len(classes)), np.int64)), []
    for item in data.items:
        counts, score = score_photo(parse, item)
        confusion += counts
        photos.append(score)
        progress()
    cost = replace(cost or Cost(), peak_memory=peak_memory())
    return SceneReport(data.name, model, classes, confusion, tuple(photos), cost)


def score_photo(parse: Parse, item: Item) -> tuple[Confusion, SceneScore]:
    """One photo with its truth: the confusion matrix, and what is kept of it."""
    photo, truth = read_item(item)
    started = time.perf_counter()
    probability = parse(photo)
    seconds = time.perf_counter() - started
    classes = len(probability)
    confusion, loss, pixels = Confusion(np.zeros((classes, classes), np.int64)), 0.0, 0
    for rows, band in bands(probability, *truth.shape):
        confusion += Confusion.of(band.argmax(axis=0).astype(np.uint8), truth[rows], classes)
        nats, count = cross_entropy(band, truth[rows])
        loss, pixels = loss + nats, pixels + count
    if not isinstance(probability, np.ndarray):
        seconds += probability.seconds
    columns = (confusion.right, confusion.true, confusion.predicted)
    right, true, predicted = (tuple(map(int, column)) for column in columns)
    return confusion, SceneScore(item.name, right, true, predicted, loss / max(pixels, 1), 1000 * seconds)


def same_classes(data: DataSet, classes: Classes) -> None:
    """Refuse data whose list of classes is another than the model's; a set without names is taken as it is.

    Raises:
        DataError: names the first class that differs.
    """
    names = [one.name for one in data.classes]
    for index, (own, other) in enumerate(zip([one.name for one in classes], names, strict=True)):
        if own != other and other != f"class {index}" and own != f"class {index}":
            raise DataError(
                f"class {index} is {own!r} for the model and {other!r} in {data.name}: their lists differ"
            )
