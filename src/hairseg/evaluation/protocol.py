"""The protocol ``figaro-native``: one model, one data set, every number.

Each photo goes through ``predict`` as a user's photo would, and its probability is compared with the truth at
the photo's own size. What each number means stands beside its definition in ``report``, ``metrics``,
``boundary``, ``bootstrap`` and ``beards``.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hairseg.data import DataSet, Item, read_item
from hairseg.evaluation.beards import beard_pixels, has_beard
from hairseg.evaluation.boundary import boundary_f
from hairseg.evaluation.legacy import legacy_counts, legacy_rows
from hairseg.evaluation.metrics import THRESHOLDS, Counts, count, cross_entropy, pooled, sweep
from hairseg.evaluation.report import Report
from hairseg.evaluation.scores import Area, Cost, PhotoScore
from hairseg.evaluation.views import VIEWS, Pair, View, scene
from hairseg.mask import to_mask

Predict = Callable[[NDArray[np.uint8]], NDArray[np.float32]]

# Four photos of the official test set also stand in the training set, as 85, 578, 676 and 922.
FIGARO_DUPLICATES = frozenset(f"Frame{number:05d}-org" for number in (90, 469, 695, 975))


def evaluate(
    predict: Predict,
    data: DataSet,
    *,
    model: str = "",
    threshold: float = 0.5,
    negatives: DataSet | None = None,
    legacy: bool = False,
    views: bool = True,
    cost: Cost | None = None,
    progress: Callable[[], None] = lambda: None,
) -> Report:
    """Measure a model on a data set.

    Args:
        predict: (H, W, 3) uint8 sRGB photo -> (H, W) float32 probability in [0, 1]; normally
            ``Segmenter.probability``.
        data: photos with true masks.
        model: a name for the report.
        threshold: a pixel is hair where its probability is at least this; chosen on ``val84``, never here.
        negatives: photos without people; with ``views`` also what the photos lie on, small.
        legacy: score older protocols too, at two more predictions a photo.
        views: look at the photos as ``hairseg.evaluation.views`` has them too, at one more prediction a photo for each;
            in scenes where there are ``negatives``.
        cost: what is known of the model's size; the peak memory is filled in.
        progress: called after each photo, those without people included.

    Raises:
        DataError: a photo or mask is missing or broken.
        ValueError: ``predict`` returned something that is no probability of the photo's size.
    """
    predict = _checked(predict)
    predict(read_item(data.items[0])[0])  # the first call allocates: it is not timed
    scored: list[_Scored] = []
    for number, item in enumerate(data.items):
        looked_at = _views(number, negatives) if views else {}
        scored.append(_score(predict, item, threshold, legacy, looked_at))
        progress()
    areas: list[Area] = []
    for item in negatives.items if negatives else ():
        areas.append(_false_area(predict, item, threshold))
        progress()
    photos = tuple(one.photo for one in scored)
    rows = (pooled(column) for column in zip(*(one.rows for one in scored), strict=True))
    native = [photo.counts for photo in photos]
    return Report(
        data=data.name,
        model=model,
        threshold=threshold,
        photos=photos,
        thresholds=tuple(zip(THRESHOLDS, rows, strict=True)),
        duplicates=_duplicates(data),
        beards=tuple(one.beard for one in scored if one.beard),
        negatives=tuple(areas),
        legacy=legacy_rows(native, [one.legacy for one in scored if one.legacy]) if legacy else (),
        cost=replace(cost or Cost(), peak_memory=peak_memory()),
    )


@dataclass(frozen=True)
class _Scored:
    """All that is kept of one photo: its probability is not."""

    photo: PhotoScore
    rows: tuple[Counts, ...]
    beard: Area | None
    legacy: tuple[Counts, Counts] | None


def _views(number: int, negatives: DataSet | None) -> dict[str, View]:
    """The views of photo ``number``: each scene comes in its turn."""
    if not (negatives and negatives.items):
        return VIEWS

    def in_scene(photo: NDArray[np.uint8], truth: NDArray[np.uint8]) -> Pair:
        ground, _ = read_item(negatives.items[number % len(negatives.items)])
        return scene(photo, truth, ground, seed=number)

    return {**VIEWS, "scene": in_scene}


def _score(predict: Predict, item: Item, threshold: float, legacy: bool, views: dict[str, View]) -> _Scored:
    photo, truth = read_item(item)
    started = time.perf_counter()
    probability = predict(photo)
    milliseconds = 1000 * (time.perf_counter() - started)
    mask = to_mask(probability, threshold)
    score = PhotoScore(
        name=item.name,
        style=item.style,
        counts=count(mask, truth),
        grey=_seen(predict, to_grey(photo), truth, threshold),
        loss=cross_entropy(probability, truth),
        boundary=boundary_f(mask, truth),
        milliseconds=milliseconds,
        views={name: _seen(predict, *view(photo, truth), threshold) for name, view in views.items()},
    )
    return _Scored(
        photo=score,
        rows=sweep(probability, truth),
        beard=_area(item, mask, beard_pixels(item, truth)) if has_beard(item) else None,
        legacy=legacy_counts(predict, photo, truth, threshold) if legacy else None,
    )


def _seen(predict: Predict, photo: NDArray[np.uint8], truth: NDArray[np.uint8], threshold: float) -> Counts:
    return count(to_mask(predict(photo), threshold), truth)


def _false_area(predict: Predict, item: Item, threshold: float) -> Area:
    """Hair found on a photo without people; what its mask ignores does not count."""
    photo, truth = read_item(item)
    return _area(item, to_mask(predict(photo), threshold), truth == 0)


def _area(item: Item, mask: NDArray[np.bool_], where: NDArray[np.bool_]) -> Area:
    return Area(item.name, item.style, int(np.count_nonzero(where)), int(np.count_nonzero(mask & where)))


def _checked(predict: Predict) -> Predict:
    """The same, but sure to return a probability of the photo's size."""

    def checked(photo: NDArray[np.uint8]) -> NDArray[np.float32]:
        probability = predict(photo)
        # Resizing a map of ones gives 1.0000001 here and there.
        low, high = probability.min() + 1e-5, probability.max() - 1e-5
        if probability.shape != photo.shape[:2] or not (low >= 0 and high <= 1):
            raise ValueError(
                f"a prediction of shape {probability.shape} from {low:.4g} to {high:.4g} came back "
                f"for a photo of shape {photo.shape}: (H, W) in [0, 1] is expected"
            )
        return probability

    return checked


def _duplicates(data: DataSet) -> tuple[str, ...]:
    """Photos of Figaro-1k's test set that a model has seen in training."""
    if not data.name.startswith("figaro1k:test"):
        return ()
    return tuple(item.name for item in data.items if item.photo.stem in FIGARO_DUPLICATES)


def to_grey(photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The photo without colour: (H, W, 3) uint8, three equal channels, luma of ITU-R BT.601."""
    return np.repeat(np.asarray(Image.fromarray(photo).convert("L"))[:, :, None], 3, axis=2)


def peak_memory() -> int | None:
    """Largest resident size of this process so far, in bytes; None where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
