"""GluonCV's PSPNet: deep stem to 128 channels, bins 1 2 3 4, contracted dilation.

The first block of layer3 and of layer4 has half of its stage's dilation.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reference.resnet import channels, deep_stem, max_pool, stage


class Gluon(nn.Module):
    """Logits at the photo's size; bottleneck ResNets only."""

    def __init__(self, depth: int = 50, classes: int = 21) -> None:
        super().__init__()
        first, second, third, fourth = channels(depth)
        self.stem = nn.Sequential(*deep_stem(64), max_pool())
        self.stages = nn.Sequential(
            stage(depth, 0, 128, 1),
            stage(depth, 1, first, 2),
            stage(depth, 2, second, 1, 2, 1),
            stage(depth, 3, third, 1, 4, 2),
        )
        self.levels = nn.ModuleList(
            nn.Sequential(
                nn.AdaptiveAvgPool2d(size),
                nn.Conv2d(fourth, fourth // 4, 1, bias=False),
                nn.BatchNorm2d(fourth // 4),
                nn.ReLU(),
            )
            for size in (1, 2, 3, 4)
        )
        self.block = nn.Sequential(
            nn.Conv2d(2 * fourth, 512, 3, padding=1, bias=False),
            nn.BatchNorm2d(512),
            nn.ReLU(),
            nn.Dropout(0.1),
            nn.Conv2d(512, classes, 1),
        )

    def forward(self, photo: Tensor) -> Tensor:
        x = self.stages(self.stem(photo))
        levels = [
            F.interpolate(level(x), x.shape[2:], mode="bilinear", align_corners=True) for level in self.levels
        ]
        logits = self.block(torch.cat([x, *levels], 1))
        return F.interpolate(logits, photo.shape[2:], mode="bilinear", align_corners=True)
