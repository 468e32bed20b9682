"""What training minimises: cross-entropy, and Dice for the overlap that IoU measures."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from hairseg.data import IGNORE

# Of the mean variance of a feature's channels, added to that of each.
QUIET = 0.05
# A sum over the pixels of a batch -> the same over the batches of all processes.
Across = Callable[[Tensor], Tensor]


def alone(total: Tensor) -> Tensor:
    """One process has the whole batch."""
    return total


def segmentation_loss(
    logits: Tensor, truth: Tensor, dice: float, edge: float = 0.0, across: Across = alone
) -> Tensor:
    """:func:`hair_loss` of one logit a pixel, :func:`scene_loss` of several."""
    loss = hair_loss if logits.shape[1] == 1 else scene_loss
    return loss(logits, truth, dice, edge, across)


def scene_loss(
    logits: Tensor, truth: Tensor, dice: float, edge: float = 0.0, across: Across = alone
) -> Tensor:
    """Softmax cross-entropy + ``dice`` times (1 - Dice), over the pixels that are not ignored.

    With ``dice`` and ``edge`` 0 this is the paper's loss: torch's ``cross_entropy(ignore_index=255)``, but 0
    instead of not-a-number where everything is ignored.

    Args:
        logits: (N, classes, H, W), at least two classes.
        truth: (N, H, W) uint8: the class index, or 255 to ignore.
        dice: weight of the Dice loss.
        edge: extra weight of pixels within about 2 pixels of another class.
        across: sums over processes, so that a mean is over the pixels of all.

    Returns:
        A scalar.
    """
    logits = logits.float()
    valid = (truth != IGNORE).float()
    target = truth.long()
    weight = valid * (1 + edge * class_edge_band(truth)) if edge else valid
    entropy = F.cross_entropy(logits, target, ignore_index=IGNORE, reduction="none")
    entropy = across((entropy * weight).sum()) / across(weight.sum()).clamp(min=1)
    if not dice:
        return entropy
    probability = torch.softmax(logits, dim=1)
    return entropy + dice * (1 - scene_dice(probability, target * valid.long(), valid, across))


def scene_dice(probability: Tensor, target: Tensor, valid: Tensor, across: Across = alone) -> Tensor:
    """Dice overlap 2 |P T| / (|P| + |T|) of each class over the whole batch, averaged over the classes in it.

    Pooled over the batch, since a class that is on few photos would otherwise be judged by a handful of pixels;
    classes that no photo of the batch holds are left to the cross-entropy. 1 where everything is ignored.

    Args:
        probability: (N, classes, H, W), after the softmax.
        target: (N, H, W) int64, class indices; anything below the number of classes where ignored.
        valid: (N, H, W) float, 0 where ignored.
        across: sums over processes.
    """
    found = probability.gather(1, target[:, None])[:, 0] * valid
    zeros = probability.new_zeros(probability.shape[1])
    overlap = across(zeros.index_add(0, target.flatten(), found.flatten()))
    true = across(zeros.index_add(0, target.flatten(), valid.flatten()))
    predicted = across((probability * valid[:, None]).sum(dim=(0, 2, 3)))
    present = (true > 0).float()
    scores = 2 * overlap / (predicted + true).clamp(min=1e-6)
    return (scores * present).sum() / present.sum().clamp(min=1) + (1 - present.amax())


def hair_loss(
    logits: Tensor,
    truth: Tensor,
    dice: float,
    edge: float = 0.0,
    across: Across = alone,
    taught: Tensor | None = None,
) -> Tensor:
    """Binary cross-entropy + ``dice`` times (1 - Dice), over the pixels that are not ignored.

    Args:
        logits: (N, 1, H, W).
        truth: (N, H, W) uint8: 0, 1, or 255 to ignore.
        dice: weight of the Dice loss.
        edge: extra weight of pixels within about 2 pixels of the true edge.
        across: sums over processes, so that a mean is over the pixels of all.
        taught: (N, H, W) in [0, 1], the cross-entropy's target in place of the truth. Dice stays with the truth: a
            soft target would only make it surer (its optimum is a yes or a no at every pixel).

    Returns:
        A scalar.
    """
    logits = logits[:, 0].float()
    valid = (truth != IGNORE).float()
    target = (truth == 1).float()
    weight = valid * (1 + edge * class_edge_band(truth)) if edge else valid
    goal = target if taught is None else taught
    nats = F.binary_cross_entropy_with_logits(logits, goal, weight, reduction="sum")
    entropy = across(nats) / across(weight.sum()).clamp(min=1)
    if not dice:
        return entropy
    return entropy + dice * (1 - soft_dice(torch.sigmoid(logits), target, valid))


def feature_loss(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> Tensor:
    """Mean squared error of features, in units of their channels' variance.

    Args:
        ours: of the network that learns, each (N, C, H, W) with its own C, H and W.
        theirs: of the network that is imitated, alike in shape.

    Returns:
        A scalar: the mean over channels, and then over the features.
    """
    return torch.stack(
        [_apart(one.float(), other.float()) for one, other in zip(ours, theirs, strict=True)]
    ).mean()


def _apart(ours: Tensor, theirs: Tensor) -> Tensor:
    variance = theirs.var(dim=(0, 2, 3), correction=0)
    # Channels that hardly ever change say little, and are not magnified without bound.
    unit = (variance + QUIET * variance.mean()).clamp(min=1e-12)
    return ((ours - theirs).square().mean(dim=(0, 2, 3)) / unit).mean()


def soft_dice(probability: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """Mean Dice overlap of (N, H, W) maps, 2 |P T| / (|P| + |T|) per photo (Milletari et al. 2016, squares left out).

    One is added to both parts: a photo without hair, rightly left empty, counts as 1.
    """
    probability, target = probability * valid, target * valid
    overlap = (probability * target).sum(dim=(1, 2))
    return ((2 * overlap + 1) / (probability.sum(dim=(1, 2)) + target.sum(dim=(1, 2)) + 1)).mean()


def class_edge_band(truth: Tensor) -> Tensor:
    """(N, H, W) 0/1: 1 where a 5x5 window holds two classes; ignored pixels are no class."""
    ignored = truth == IGNORE
    highest = F.max_pool2d(truth.float().masked_fill(ignored, -1)[:, None], 5, 1, 2)
    lowest = -F.max_pool2d((-truth.float()).masked_fill(ignored, -IGNORE)[:, None], 5, 1, 2)
    return (highest > lowest).float()[:, 0]
