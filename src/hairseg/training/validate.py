"""Scores of a network in training, on the path that a user's photo takes."""

from __future__ import annotations

import numpy as np

from hairseg.data import DataSet, Item, read_item
from hairseg.evaluation.confusion import Confusion
from hairseg.evaluation.metrics import Counts, count, cross_entropy, pooled
from hairseg.evaluation.scene_protocol import Parse, score_photo
from hairseg.fit import Fit
from hairseg.net import PSPNet
from hairseg.training.predict import parser, predictor
from hairseg.training.processes import Processes

Scores = dict[str, float]


def validate(
    net: PSPNet, how: Fit, datasets: list[DataSet], bf16: bool, processes: Processes | None = None
) -> Scores:
    """Scores over all photos at their own size, pooled.

    Args:
        net: what is scored.
        how: its fit.
        datasets: with true masks.
        bf16: autocast to bfloat16.
        processes: that share the photos, to the same scores; None for one.

    Returns:
        ``iou``, ``f1``, ``accuracy`` of hair at threshold 0.5; of many classes ``iou`` (the mIoU),
        ``accuracy`` (of pixels), ``mean_accuracy`` (of classes) and ``iou_NAME`` of every class that is
        present. ``validation_loss`` is the cross-entropy of either.
    """
    items = [item for dataset in datasets for item in dataset.items]
    classes = datasets[0].classes
    if not classes:
        return _hair(net, how, items, bf16, processes or Processes())
    names = [one.name for one in classes]
    return scene_scores(parser(net, how, bf16), items, names, processes)


def scene_scores(
    parse: Parse, items: list[Item], names: list[str], processes: Processes | None = None
) -> Scores:
    """The scores of :func:`validate` for many classes, for any way to parse a photo."""

    processes = processes or Processes()
    none = Confusion(np.zeros((len(names), len(names)), np.int64))
    own = none

    def score(item: Item) -> float:
        nonlocal own
        confusion, one = score_photo(parse, item)
        own += confusion
        return one.loss

    losses = processes.map(score, items)
    total = sum(processes.all(lambda: own), start=none)
    scores = {
        "iou": total.mean_iou,
        "accuracy": total.accuracy,
        "mean_accuracy": total.mean_accuracy,
        "validation_loss": sum(losses) / len(losses),
    }
    present = zip(names, total.iou, total.present, strict=True)
    return scores | {f"iou_{name}": float(iou) for name, iou, there in present if there}


def _hair(net: PSPNet, how: Fit, items: list[Item], bf16: bool, processes: Processes) -> Scores:
    predict = predictor(net, how, bf16)

    def score(item: Item) -> tuple[Counts, float]:
        photo, truth = read_item(item)
        probability = predict(photo)
        return count(probability >= 0.5, truth), cross_entropy(probability, truth)

    found = processes.map(score, items)
    total = pooled([counts for counts, _ in found])
    return {
        "iou": total.iou,
        "f1": total.f1,
        "accuracy": total.accuracy,
        "validation_loss": sum(loss for _, loss in found) / len(found),
    }
