"""Batch norm over all processes: each normalises by the mean and variance of the whole batch.

The paper's batch of 16 lies on 8 GPUs, two photos each: statistics of two photos are noise, so batch norm has to see
them all (section 5.1). On GPUs this is torch's own ``SyncBatchNorm``. It has no kernel for CPUs, where the same is
done here by two sums over the processes, which take part in the gradient.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hairseg.training.processes import Processes


def synchronise(net: nn.Module, processes: Processes) -> None:
    """Make every batch norm in ``net`` see the photos of all processes; weights and their names stay."""
    if processes.count == 1:
        return
    if processes.device.type == "cuda":
        from timm.layers import convert_sync_batchnorm

        convert_sync_batchnorm(net)  # torch's own would drop the activation that timm puts into some norms
        return
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.__class__ = SyncedNorm
            module.__dict__["processes"] = processes


class SyncedNorm(nn.BatchNorm2d):
    """``nn.BatchNorm2d`` over the batch of all processes, each with a part of the same size.

    What timm hangs onto a norm (``drop`` and ``act``) still follows it.
    """

    processes: Processes

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        if self.training:
            mean, variance = self._statistics(x)
            shape = (1, -1, 1, 1)
            scale = torch.rsqrt(variance + self.eps) * self.weight
            y = (x * scale.view(shape) + (self.bias - mean * scale).view(shape)).to(x.dtype)
        else:
            y = F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        for name in ("drop", "act"):
            following = getattr(self, name, None)
            if following is not None:
                y = following(y)
        return y

    def _statistics(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of each channel over all processes; the running ones move towards them."""
        exact = x if x.dtype == torch.float64 else x.float()
        count = x.numel() // x.shape[1] * self.processes.count
        mean = self.processes.sum(exact.sum(dim=(0, 2, 3))) / count
        # In two passes: mean of squares less square of mean loses what is small beside the mean.
        squares = (exact - mean.view(1, -1, 1, 1)).square().sum(dim=(0, 2, 3))
        variance = self.processes.sum(squares) / count
        with torch.no_grad():
            assert self.running_mean is not None
            assert self.running_var is not None
            assert self.num_batches_tracked is not None
            assert self.momentum is not None
            self.num_batches_tracked.add_(1)
            self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.momentum)
            unbiased = variance * (count / (count - 1))
            self.running_var.lerp_(unbiased.to(self.running_var.dtype), self.momentum)
        return mean, variance
