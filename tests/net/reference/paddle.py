"""PaddleSeg's PSPNet: ResNet vd at stride 8, levels concatenated largest bin first, 3x3 to 1024.

Its convolutions before a batch norm have a bias outside the backbone.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reference.resnet import channels, deep_stem, max_pool, stage


class Paddle(nn.Module):
    """Logits at the photo's size."""

    def __init__(self, depth: int = 50, classes: int = 19) -> None:
        super().__init__()
        first, second, third, fourth = channels(depth)
        self.stem = nn.Sequential(*deep_stem(32), max_pool())
        self.stages = nn.Sequential(
            stage(depth, 0, 64, 1, average=True),
            stage(depth, 1, first, 2, average=True),
            stage(depth, 2, second, 1, 2, 2, average=True),
            stage(depth, 3, third, 1, 4, 4, average=True),
        )
        self.levels = nn.ModuleList(
            nn.Sequential(nn.AdaptiveAvgPool2d(size), *_conv_norm_relu(fourth, fourth // 4, 1))
            for size in (1, 2, 3, 6)
        )
        self.bottleneck = nn.Sequential(*_conv_norm_relu(2 * fourth, 1024, 3))
        self.conv = nn.Conv2d(1024, classes, 1)

    def forward(self, photo: Tensor) -> Tensor:
        x = self.stages(self.stem(photo))
        levels = [
            F.interpolate(level(x), x.shape[2:], mode="bilinear", align_corners=False)
            for level in self.levels
        ]
        logits = self.conv(self.bottleneck(torch.cat([x, *reversed(levels)], 1)))
        return F.interpolate(logits, photo.shape[2:], mode="bilinear", align_corners=False)


def _conv_norm_relu(inside: int, outside: int, side: int) -> list[nn.Module]:
    return [nn.Conv2d(inside, outside, side, padding=side // 2), nn.BatchNorm2d(outside), nn.ReLU()]
