"""Decoders: what turns the pyramid into the features that the head classifies.

``PaperDecoder`` is the paper's, one convolution over the whole pyramid. ``SeedDecoder`` is the seed's: three
times (x2 bilinear, 3x3, BN, ReLU) on the pyramid alone. ``FineDecoder`` adds the backbone's finer features one
by one through depthwise-separable convolutions: most of the seed's multiply-adds go into its first wide 3x3,
and features at stride 16 alone cap the sharpness of a hair's edge.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# Side of what a place of the last step stands for, in pixels of the finest features.
SUBPIXEL = 2


class PaperDecoder(nn.Module):
    """The paper's (arXiv 1612.01105, figure 3, and the authors' code): convolution, BN, ReLU, dropout.

    Args:
        in_channels: channels of the pyramid.
        width: channels after it; 512 in the paper, 1024 in PaddleSeg.
        kernel: side of the convolution; 3 in the paper, 1 in segmentation_models.pytorch.
        dropout: share of the channels that a training step leaves out.

    Shape:
        pyramid (N, in_channels, h, w) -> (N, width, h, w).
    """

    def __init__(self, in_channels: int, width: int = 512, kernel: int = 3, dropout: float = 0.1) -> None:
        super().__init__()
        self.out_channels = width
        self.bottleneck = bottleneck(in_channels, width, kernel)
        self.drop = nn.Dropout2d(dropout)

    def forward(self, pyramid: Tensor, features: Sequence[Tensor]) -> Tensor:  # noqa: ARG002
        """The pyramid alone; the finer ``features`` are not used."""
        x: Tensor = self.drop(self.bottleneck(pyramid))
        return x


def bottleneck(in_channels: int, out_channels: int, kernel: int) -> nn.Module:
    """Convolution that keeps the size, without bias, batch norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )


class SeedDecoder(nn.Module):
    """The seed's decoder: dropout 0.3, three upsampling blocks to 256, 64 and 64 channels, dropout 0.15.

    Shape:
        pyramid (N, in_channels, h, w) -> (N, 64, 8 h, 8 w).
    """

    out_channels = 64

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.drop_1 = nn.Dropout2d(0.3)
        self.up_1 = _up_block(in_channels, 256)
        self.up_2 = _up_block(256, 64)
        self.up_3 = _up_block(64, 64)
        self.drop_2 = nn.Dropout2d(0.15)

    def forward(self, pyramid: Tensor, features: Sequence[Tensor]) -> Tensor:  # noqa: ARG002
        """The pyramid alone; the finer ``features`` are not used."""
        x: Tensor = self.drop_1(pyramid)
        x = self.drop_2(self.up_1(_double(x)))
        x = self.drop_2(self.up_2(_double(x)))
        last: Tensor = self.drop_2(self.up_3(_double(x)))
        return last


def _double(x: Tensor) -> Tensor:
    # align_corners=False: what F.upsample, the seed's call, does by default.
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def _up_block(in_channels: int, out_channels: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, padding=1),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )


class FineDecoder(nn.Module):
    """Adds finer features to the pyramid, one stage at a time.

    Each step: bilinear to the next finer features' size, plus a 1x1 lateral of them, then a
    depthwise-separable block that changes the channels.

    Args:
        in_channels: channels of the pyramid.
        feature_channels: channels of the features to add, finest first (the pyramid's own stage left out).
        widths: channels after the first 3x3 and after each step, coarsest first;
            ``len(feature_channels) + 1`` numbers.
        kernel: side of the depthwise convolutions.
        subpixel: the last step stays on the grid of the features before the finest, each place of which is 2 x 2 of
            theirs: their lateral is a 2x2 convolution of stride 2. For a head that gives 2 x 2 logits for each place.

    Shape:
        pyramid (N, in_channels, h, w) and features -> (N, widths[-1], finest H, finest W), halves of these with
        ``subpixel``.
    """

    def __init__(
        self,
        in_channels: int,
        feature_channels: Sequence[int],
        widths: Sequence[int],
        kernel: int = 3,
        subpixel: bool = False,
    ) -> None:
        super().__init__()
        self.out_channels = widths[-1]
        self.reduce = nn.Sequential(
            nn.Conv2d(in_channels, widths[0], 1, bias=False),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(inplace=True),
            _separable(widths[0], widths[0], kernel),
        )
        coarse_first = list(reversed(feature_channels))
        # Of the finer features' pixels that a place of each step stands for.
        self.sides = [1] * len(coarse_first)
        if subpixel:
            self.sides[-1] = SUBPIXEL
        self.laterals = nn.ModuleList(
            nn.Sequential(nn.Conv2d(channels, width, side, side, bias=False), nn.BatchNorm2d(width))
            for channels, width, side in zip(coarse_first, widths[:-1], self.sides, strict=True)
        )
        self.steps = nn.ModuleList(
            _separable(before, after, kernel) for before, after in itertools.pairwise(widths)
        )

    def forward(self, pyramid: Tensor, features: Sequence[Tensor]) -> Tensor:
        """The pyramid and the finer features, finest first."""
        x: Tensor = self.reduce(pyramid)
        parts = zip(reversed(features), self.laterals, self.steps, self.sides, strict=True)
        for finer, lateral, step, side in parts:
            if side == 1:
                x = F.interpolate(x, size=finer.shape[2:], mode="bilinear", align_corners=False)
            x = step(torch.relu(x + lateral(finer)))
        return x


def _separable(in_channels: int, out_channels: int, kernel: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(in_channels, in_channels, kernel, padding=kernel // 2, groups=in_channels, bias=False),
        nn.BatchNorm2d(in_channels),
        nn.ReLU(inplace=True),
        nn.Conv2d(in_channels, out_channels, 1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )
