"""A faster backward pass for depthwise convolutions on CPUs.

Measured with oneDNN (torch 2.14, AVX512-BF16), channels_last: in bfloat16 the weight gradient of a 5x5
depthwise convolution is 3x slower, and the input gradient of a strided one up to 50x slower, than in float32;
forward, bfloat16 is as fast or faster. So: forward as autocast wants it, backward in float32.
``benchmarks/training_step.py`` shows what it gives.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hairseg.net.efficientnet import EvenSameConv2d


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        return F.conv2d(x, weight, None, stride, padding, 1, weight.shape[0])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        to_x, to_weight, _ = torch.ops.aten.convolution_backward(
            gradients[0].float().contiguous(memory_format=torch.channels_last),
            x.float(),
            weight.float(),
            None,
            [ctx.stride, ctx.stride],
            [ctx.padding, ctx.padding],
            [1, 1],
            False,
            [0, 0],
            weight.shape[0],
            [ctx.needs_input_grad[0], ctx.needs_input_grad[1], False],
        )
        return _as(to_x, x), _as(to_weight, weight), None, None


def _as(gradient: Tensor | None, of: Tensor) -> Tensor | None:
    """None where it was not asked for: the first layer's photo, weights that do not learn."""
    return None if gradient is None else gradient.to(of.dtype)


class FastDepthwise(nn.Conv2d):
    """``nn.Conv2d`` for one filter per channel, with the faster backward pass."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C, H / stride, W / stride)."""
        return _apply(x, self.weight, self.stride[0], int(self.padding[0]))


class FastEvenSame(EvenSameConv2d):
    """``EvenSameConv2d`` for one filter per channel, with the faster backward pass."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C, H / stride, W / stride)."""
        total = self.kernel_size[0] - self.stride[0]
        before = total // 2
        padded = F.pad(x, (before, total - before, before, total - before))
        return _apply(padded, self.weight, self.stride[0], 0)


def _apply(x: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
    if torch.is_autocast_enabled("cpu"):
        kind = torch.get_autocast_dtype("cpu")
        x, weight = x.to(kind), weight.to(kind)
    result: Tensor = _Depthwise.apply(x, weight, stride, padding)
    return result


def speed_up_depthwise(module: nn.Module) -> None:
    """Give every plain depthwise convolution in ``module`` the faster backward pass; weights stay."""
    for child in module.modules():
        plain = type(child) in (nn.Conv2d, EvenSameConv2d)
        if plain and isinstance(child, nn.Conv2d) and _is_depthwise(child):
            child.__class__ = FastEvenSame if isinstance(child, EvenSameConv2d) else FastDepthwise


def _is_depthwise(convolution: nn.Conv2d) -> bool:
    return (
        convolution.groups == convolution.in_channels == convolution.out_channels > 1
        and convolution.bias is None
        and convolution.dilation == (1, 1)
        and convolution.padding_mode == "zeros"
        and not isinstance(convolution.padding, str)
        and convolution.stride[0] == convolution.stride[1]
    )
