"""What a network costs: parameters and multiply-adds."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


@dataclass(frozen=True)
class Cost:
    """Cost of one part of a network, or of all of it.

    Attributes:
        name: the part.
        parameters: how many numbers are learned.
        multiply_adds: of convolutions and matrix products for one photo; a FLOP count is twice this.
    """

    name: str
    parameters: int
    multiply_adds: int


def cost(net: nn.Module, height: int, width: int) -> list[Cost]:
    """Cost of each direct part of ``net`` and, last, of the whole, for one photo of ``height`` x ``width``.

    An auxiliary head counts its parameters but no multiply-adds, since an answer does not ask it. Nothing is
    computed for a network on the meta device. Modes of the modules are restored.
    """
    modes = [(module, module.training) for module in net.modules()]
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        net.eval()(torch.zeros(1, 3, height, width, device=next(net.parameters()).device))
    for module, training in modes:
        module.training = training
    flops = {place: sum(table.values()) for place, table in counter.get_flop_counts().items()}
    root = type(net).__name__
    parts = [(name, part) for name, part in net.named_children() if any(True for _ in part.parameters())]
    rows = [Cost(name, _parameters(part), flops.get(f"{root}.{name}", 0) // 2) for name, part in parts]
    return [*rows, Cost("total", _parameters(net), counter.get_total_flops() // 2)]


def _parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
