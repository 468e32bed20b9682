"""Scores of a network in training, on the path that a user's photo takes."""

from __future__ import annotations

from hairseg.data import DataSet, read_item
from hairseg.evaluation.metrics import count, cross_entropy, pooled
from hairseg.fit import Fit
from hairseg.net import PSPNet
from hairseg.training.predict import predictor


def validate(net: PSPNet, how: Fit, datasets: list[DataSet], bf16: bool) -> dict[str, float]:
    """Pooled IoU, F1, accuracy and loss over all photos, at their own size and threshold 0.5."""
    predict = predictor(net, how, bf16)
    counts, losses = [], []
    for item in (item for dataset in datasets for item in dataset.items):
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
