"""Scores of a network in training, on the path that a user's photo takes."""

from __future__ import annotations

import numpy as np

from hairseg.data import IGNORE, DataSet, read_item
from hairseg.fit import Fit
from hairseg.net import PSPNet
from hairseg.training.predict import predictor


def validate(net: PSPNet, how: Fit, datasets: list[DataSet], bf16: bool) -> dict[str, float]:
    """Pooled IoU, F1, accuracy and loss over all photos, at their own size and threshold 0.5."""
    predict = predictor(net, how, bf16)
    tp = fp = fn = tn = 0
    losses = []
    for dataset in datasets:
        for item in dataset.items:
            photo, truth = read_item(item)
            valid = truth != IGNORE
            probability, hair = predict(photo)[valid], truth[valid] == 1
            mask = probability >= 0.5
            tp += int(np.sum(mask & hair))
            fp += int(np.sum(mask & ~hair))
            fn += int(np.sum(~mask & hair))
            tn += int(np.sum(~mask & ~hair))
            p = np.clip(probability, 1e-7, 1 - 1e-7)
            losses.append(float(-np.mean(np.log(np.where(hair, p, 1 - p)))))
    return {
        "iou": tp / max(1, tp + fp + fn),
        "f1": 2 * tp / max(1, 2 * tp + fp + fn),
        "accuracy": (tp + tn) / max(1, tp + fp + fn + tn),
        "validation_loss": sum(losses) / max(1, len(losses)),
    }
