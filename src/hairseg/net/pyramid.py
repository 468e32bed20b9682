"""Pyramid pooling (Zhao et al., "Pyramid Scene Parsing Network", arXiv 1612.01105, section 3.2, figure 3).

The features are pooled to a few coarse grids (bins), each is projected by a 1x1 convolution, brought back
to the features' size bilinearly, and concatenated with the features: every place then also sees what the
whole photo, its halves, thirds and sixths contain.
"""

from __future__ import annotations

import itertools
from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hairseg.errors import UsageError

Pooling = Literal["average", "max"]
Concat = Literal["first", "last", "reversed"]


def bin_edges(length: int, bins: int, index: int) -> tuple[int, int]:
    """First and one-past-last row of bin ``index``: floor(i L / n) and ceil((i + 1) L / n).

    Bins overlap where ``bins`` does not divide ``length``, as in ``torch.nn.AdaptiveAvgPool2d``.
    """
    return index * length // bins, ((index + 1) * length + bins - 1) // bins


def averaging_matrix(
    length: int, bins: int | tuple[int, ...], device: torch.device, dtype: torch.dtype = torch.float32
) -> Tensor:
    """(bins, length): row i averages the rows of bin i; of several grids the rows of each, one after another.

    Built from the length by arithmetic alone, so that an exported graph stays exact for every size:
    exporters trace ``adaptive_avg_pool2d`` with the windows of the example's size. Row p is in bin i of n if
    i L / n < p + 1 and p < (i + 1) L / n: the edges of :func:`bin_edges` without their divisions.
    """
    sizes = bins if isinstance(bins, tuple) else (bins,)
    first = torch.tensor([[i] for size in sizes for i in range(size)], device=device)
    last = torch.tensor([[i + 1] for size in sizes for i in range(size)], device=device)
    of = torch.tensor([[size] for size in sizes for _ in range(size)], device=device)
    place = of * torch.arange(length, device=device)
    inside = ((first * length < place + of) & (place < last * length)).to(dtype)
    return inside / inside.sum(dim=1, keepdim=True)


def adaptive_average(x: Tensor, bins: int) -> Tensor:
    """Exact adaptive average pooling of (N, C, H, W) to (N, C, bins, bins), as two matrix products."""
    return adaptive_averages(x, (bins,))[0]


def adaptive_averages(x: Tensor, bins: tuple[int, ...]) -> list[Tensor]:
    """Exact adaptive average pooling of (N, C, H, W) to (N, C, n, n) for each n of ``bins``.

    One product along each side for all grids: each costs little, and in an exported graph the arithmetic on sizes that
    its matrix takes costs more.
    """
    several = [size for size in bins if size > 1]
    grids: list[Tensor] = []
    if several:
        exact = torch.float64 if x.dtype == torch.float64 else torch.float32
        rows = averaging_matrix(x.shape[2], tuple(several), x.device, exact).to(x.dtype)
        columns = averaging_matrix(x.shape[3], tuple(several), x.device, exact).to(x.dtype)
        means = torch.matmul(torch.matmul(rows, x), columns.transpose(0, 1))
        begins = [0, *itertools.accumulate(several)]
        of_rows = torch.split(means, several, dim=2)
        grids = [
            of_row[..., begin : begin + size]
            for of_row, begin, size in zip(of_rows, begins, several, strict=False)
        ]
    left = iter(grids)
    return [x.mean(dim=(2, 3), keepdim=True) if size == 1 else next(left) for size in bins]


def adaptive_max(x: Tensor, bins: int) -> Tensor:
    """Exact adaptive max pooling of (N, C, H, W) to (N, C, bins, bins), as slices, which export for any size."""
    height, width = x.shape[2], x.shape[3]
    rows = [x[:, :, slice(*bin_edges(height, bins, i))].amax(dim=2, keepdim=True) for i in range(bins)]
    x = torch.cat(rows, dim=2)
    columns = [x[:, :, :, slice(*bin_edges(width, bins, i))].amax(dim=3, keepdim=True) for i in range(bins)]
    return torch.cat(columns, dim=3)


class LevelNorm(nn.BatchNorm2d):
    """Batch norm that also trains on a single value per channel: bin 1 and a batch of one photo.

    Over one value the mean is the value and the variance 0, so batch norm would forget its input, and torch
    refuses. Such a step is normalised by the running statistics, as at test time, and leaves them as they
    are: what the layer computes is then what it computes after training, and its weights still learn.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) to the same shape."""
        if self.training and x.numel() == x.shape[1]:
            return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        return super().forward(x)


class PyramidPooling(nn.Module):
    """Concatenates the features with what ``bins`` x ``bins`` coarse grids of them say.

    Args:
        in_channels: C of the features.
        bins: grid sizes, the paper's 1, 2, 3 and 6 by default.
        pooling: ``average`` (the better one in the paper's table 1) or ``max``.
        reduction: project every level to C / len(bins) channels by a 1x1 convolution (section 3.2); without
            it each level keeps C channels and has no weights.
        norm: 1x1 without bias, then batch norm and ReLU (the authors' code), rather than 1x1 with bias
            (the seed's).
        align_corners: of the bilinear upsampling.
        norm_at_one: with ``norm``, also in bin 1; without, that level is a 1x1 with bias and ReLU
            (segmentation_models.pytorch).
        concat: the features ``first``, then the levels; the features ``last``; or the features first and
            the levels ``reversed`` (PaddleSeg).

    Shape:
        (N, C, H, W) -> (N, out_channels, H, W).
    """

    def __init__(
        self,
        in_channels: int,
        bins: tuple[int, ...] = (1, 2, 3, 6),
        pooling: Pooling = "average",
        reduction: bool = True,
        norm: bool = True,
        align_corners: bool = True,
        norm_at_one: bool = True,
        concat: Concat = "first",
    ) -> None:
        super().__init__()
        if not bins or min(bins) < 1:
            raise UsageError(f"pyramid bins {bins} are not usable: give one or more positive grid sizes")
        if pooling not in get_args(Pooling):
            raise UsageError(f"pyramid pooling {pooling!r} is unknown: use average or max")
        if concat not in get_args(Concat):
            raise UsageError(f"pyramid concat {concat!r} is unknown: use first, last or reversed")
        if reduction and in_channels < len(bins):
            raise UsageError(f"{in_channels} channels cannot be shared by {len(bins)} pyramid levels")
        self.bins = bins
        self.pooling = pooling
        self.align_corners = align_corners
        self.concat = concat
        level_channels = in_channels // len(bins) if reduction else in_channels
        self.out_channels = in_channels + len(bins) * level_channels
        self.levels = nn.ModuleList(
            _projection(in_channels, level_channels, norm, norm_at_one or size > 1)
            if reduction
            else nn.Identity()
            for size in bins
        )

    def forward(self, features: Tensor) -> Tensor:
        """Features (N, C, H, W) to the pyramid (N, out_channels, H, W)."""
        size = features.shape[2:]
        levels = []
        for pooled, project in zip(self.pooled(features), self.levels, strict=True):
            level = project(pooled)  # (N, C / levels, bins, bins)
            levels.append(F.interpolate(level, size=size, mode="bilinear", align_corners=self.align_corners))
        if self.concat == "last":
            return torch.cat([*levels, features], dim=1)
        return torch.cat([features, *(levels[::-1] if self.concat == "reversed" else levels)], dim=1)

    def pooled(self, features: Tensor) -> list[Tensor]:
        """Features (N, C, H, W) on each grid: (N, C, n, n) for each n of ``bins``."""
        if self.pooling == "average":
            return adaptive_averages(features, self.bins)
        return [adaptive_max(features, size) for size in self.bins]

    def check_size(self, height: int, width: int) -> None:
        """Refuse features that are smaller than a bin: its cells would repeat each other.

        For whoever plans a training; pooling itself works at every size, so a small photo is no error.

        Raises:
            UsageError: names the bin and the size.
        """
        if max(self.bins) > min(height, width):
            raise UsageError(
                f"bin {max(self.bins)} of the pyramid is larger than its features of {height} x {width}: "
                "train on larger photos, or take smaller bins"
            )


def _projection(in_channels: int, out_channels: int, norm: bool, normed: bool) -> nn.Module:
    """One level: 1x1 with bias; or with ``norm`` 1x1, batch norm if ``normed``, and ReLU."""
    if not norm:
        return nn.Conv2d(in_channels, out_channels, 1)
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 1, bias=not normed),
        LevelNorm(out_channels) if normed else nn.Identity(),
        nn.ReLU(inplace=True),
    )
