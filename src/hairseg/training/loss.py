"""What training minimises: cross-entropy, and Dice for the overlap that IoU measures."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from hairseg.data import IGNORE


def hair_loss(logits: Tensor, truth: Tensor, dice: float, edge: float = 0.0) -> Tensor:
    """Binary cross-entropy + ``dice`` times (1 - Dice), over the pixels that are not ignored.

    Args:
        logits: (N, 1, H, W).
        truth: (N, H, W) uint8: 0, 1, or 255 to ignore.
        dice: weight of the Dice loss.
        edge: extra weight of pixels within about 2 pixels of the true edge.

    Returns:
        A scalar.
    """
    logits = logits[:, 0].float()
    valid = (truth != IGNORE).float()
    target = (truth == 1).float()
    weight = valid * (1 + edge * edge_band(target)) if edge else valid
    entropy = F.binary_cross_entropy_with_logits(
        logits, target, weight, reduction="sum"
    ) / weight.sum().clamp(min=1)
    if not dice:
        return entropy
    return entropy + dice * (1 - soft_dice(torch.sigmoid(logits), target, valid))


def soft_dice(probability: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """Mean Dice overlap of (N, H, W) maps, 2 |P T| / (|P| + |T|) per photo (Milletari et al. 2016, squares left out).

    One is added to both parts: a photo without hair, rightly left empty, counts as 1.
    """
    probability, target = probability * valid, target * valid
    overlap = (probability * target).sum(dim=(1, 2))
    return ((2 * overlap + 1) / (probability.sum(dim=(1, 2)) + target.sum(dim=(1, 2)) + 1)).mean()


def edge_band(target: Tensor) -> Tensor:
    """(N, H, W) 0/1: 1 where a 5x5 window holds both hair and background."""
    target = target[:, None]
    highest = F.max_pool2d(target, 5, 1, 2)
    lowest = -F.max_pool2d(-target, 5, 1, 2)
    return (highest - lowest)[:, 0]
