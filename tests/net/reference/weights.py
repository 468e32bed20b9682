"""Random weights under which a network's answer depends on all of them."""

from __future__ import annotations

import torch
from torch import nn


def randomise(net: nn.Module, seed: int = 0) -> nn.Module:
    """Give every batch norm statistics and weights of its own, and every bias a value; returns ``net`` in eval mode."""
    generator = torch.Generator().manual_seed(seed)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor, low, high in (
                (module.weight.data, 0.5, 1.5),
                (module.bias.data, -0.2, 0.2),
                (module.running_mean, -0.2, 0.2),
                (module.running_var, 0.5, 1.5),
            ):
                tensor.uniform_(low, high, generator=generator)
        elif isinstance(module, nn.Conv2d) and module.bias is not None:
            module.bias.data.uniform_(-0.2, 0.2, generator=generator)
    return net.eval()
