"""Optimiser, learning-rate schedule and the moving average of the weights."""

from __future__ import annotations

import copy
import math

import torch
from torch import nn

from hairseg.net import PSPNet
from hairseg.training.recipe import Recipe


def build_optimizer(net: PSPNet, recipe: Recipe) -> torch.optim.Optimizer:
    """AdamW or SGD with four groups: backbone and new layers, with and without weight decay.

    New layers learn faster (section 5.1 of the paper: ten times); norms and biases do not decay, unless the
    recipe says so.
    """
    new = {id(parameter) for parameter in net.new_parameters()}
    learning = [parameter for parameter in net.parameters() if parameter.requires_grad]
    groups = []
    for is_new, rate in ((False, recipe.backbone_rate), (True, recipe.head_rate)):
        for decays in (True, False):
            chosen = [p for p in learning if (id(p) in new) == is_new and (p.ndim > 1) == decays]
            decay = recipe.weight_decay if decays or recipe.decay_all else 0.0
            groups.append({"params": chosen, "lr": rate, "peak": rate, "weight_decay": decay})
    groups = [group for group in groups if group["params"]]
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(groups, momentum=0.9)
    return torch.optim.AdamW(groups, foreach=True)


def rate_factor(step: int, total: int, recipe: Recipe) -> float:
    """Factor on the peak learning rate at ``step`` of ``total``: linear warm-up, then poly or cosine to 0."""
    if step < recipe.warmup:
        return (step + 1) / recipe.warmup
    left = 1 - (step - recipe.warmup) / max(1, total - recipe.warmup)
    left = min(max(left, 0.0), 1.0)
    if recipe.schedule == "cosine":
        return 0.5 * (1 - math.cos(math.pi * left))
    return float(left**0.9)  # power 0.9: section 5.1 of the paper


def set_rate(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Set every group's learning rate to its peak times ``factor``."""
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * factor


def _tensors(net: nn.Module) -> list[torch.Tensor]:
    return [*net.parameters(), *net.buffers()]


class MovingAverage:
    """Exponential moving average of a network's weights and of its batch norms' statistics.

    The statistics are averaged too: those of the last steps are of a hundred photos or so, and of other weights.

    Args:
        net: the network that trains.
        decay: of the average; 0 keeps a plain copy.
        keep: share of the weights as they are now in :meth:`shipped`.
        of: the network whose share it is, if another one; it is taken over.
    """

    def __init__(self, net: PSPNet, decay: float, keep: float = 0.0, of: PSPNet | None = None) -> None:
        self.decay = decay
        self.keep = keep
        self.net = copy.deepcopy(net).eval().requires_grad_(False)
        self.start = (of.eval().requires_grad_(False) if of else copy.deepcopy(self.net)) if keep else None

    @torch.no_grad()
    def shipped(self) -> PSPNet:
        """The network that is validated and shipped: the average, ``keep`` of the way back to what is kept.

        Between what a network was and what it became often lies one that is better than both, above all on photos
        unlike the training's (WiSE-FT; Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022).
        """
        if self.start is None:
            return self.net
        net = copy.deepcopy(self.net)
        for mine, first in zip(_tensors(net), _tensors(self.start), strict=True):
            if mine.is_floating_point():
                mine.lerp_(first, self.keep)
        return net

    @torch.no_grad()
    def update(self, net: nn.Module, step: int) -> None:
        """Move towards ``net``; the first steps move faster, so that the random start is forgotten."""
        decay = min(self.decay, (1 + step) / (10 + step))
        own: list[torch.Tensor] = list(self.net.parameters())
        torch._foreach_lerp_(own, [p.detach() for p in net.parameters()], 1 - decay)
        for mine, theirs in zip(self.net.buffers(), net.buffers(), strict=True):
            if mine.is_floating_point():
                mine.lerp_(theirs, 1 - decay)
            else:
                mine.copy_(theirs)  # how many batches there were
