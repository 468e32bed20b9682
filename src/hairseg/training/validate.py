"""Scores of a network in training, on the path that a user's photo takes."""

from __future__ import annotations

import numpy as np

from hairseg.data import DataSet, Item, read_item
from hairseg.evaluation.confusion import Confusion
from hairseg.evaluation.metrics import count, cross_entropy, pooled
from hairseg.evaluation.scene_protocol import Parse, score_photo
from hairseg.fit import Fit
from hairseg.net import PSPNet
from hairseg.training.predict import parser, predictor

Scores = dict[str, float]


def validate(net: PSPNet, how: Fit, datasets: list[DataSet], bf16: bool) -> Scores:
    """Scores over all photos at their own size, pooled.

    Returns:
        ``iou``, ``f1``, ``accuracy`` of hair at threshold 0.5; of many classes ``iou`` (the mIoU),
        ``accuracy`` (of pixels), ``mean_accuracy`` (of classes) and ``iou_NAME`` of every class that is
        present. ``validation_loss`` is the cross-entropy of either.
    """
    items = [item for dataset in datasets for item in dataset.items]
    classes = datasets[0].classes
    if not classes:
        return _hair(net, how, items, bf16)
    return scene_scores(parser(net, how, bf16), items, [one.name for one in classes])


def scene_scores(parse: Parse, items: list[Item], names: list[str]) -> Scores:
    """The scores of :func:`validate` for many classes, for any way to parse a photo."""
    total, losses = Confusion(np.zeros((len(names), len(names)), np.int64)), []
    for item in items:
        confusion, score = score_photo(parse, item)
        total += confusion
        losses.append(score.loss)
    scores = {
        "iou": total.mean_iou,
        "accuracy": total.accuracy,
        "mean_accuracy": total.mean_accuracy,
        "validation_loss": sum(losses) / len(losses),
    }
    present = zip(names, total.iou, total.present, strict=True)
    return scores | {f"iou_{name}": float(iou) for name, iou, there in present if there}


def _hair(net: PSPNet, how: Fit, items: list[Item], bf16: bool) -> Scores:
    predict = predictor(net, how, bf16)
    counts, losses = [], []
    for item in items:
        photo, truth = read_item(item)
        probability = predict(photo)
        counts.append(count(probability >= 0.5, truth))
        losses.append(cross_entropy(probability, truth))
    total = pooled(counts)
    return {
        "iou": total.iou,
        "f1": total.f1,
        "accuracy": total.accuracy,
        "validation_loss": sum(losses) / len(losses),
    }
