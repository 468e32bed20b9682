"""The authors' PSPNet (hszhao/semseg): deep stem to 128 channels, stride 8, every block of layer3 and layer4 dilated."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reference.resnet import channels, deep_stem, max_pool, stage


class Pyramid(nn.Module):
    """Bins 1, 2, 3 and 6; 1x1 without bias, batch norm and ReLU in each; features first."""

    def __init__(self, inside: int) -> None:
        super().__init__()
        self.features = nn.ModuleList(
            nn.Sequential(
                nn.AdaptiveAvgPool2d(size),
                nn.Conv2d(inside, inside // 4, 1, bias=False),
                nn.BatchNorm2d(inside // 4),
                nn.ReLU(),
            )
            for size in (1, 2, 3, 6)
        )

    def forward(self, x: Tensor) -> Tensor:
        levels = [
            F.interpolate(level(x), x.shape[2:], mode="bilinear", align_corners=True)
            for level in self.features
        ]
        return torch.cat([x, *levels], 1)


class Semseg(nn.Module):
    """Logits at the photo's size, whose sides are multiples of 8, plus 1."""

    def __init__(self, depth: int = 50, classes: int = 150, auxiliary: bool = True) -> None:
        super().__init__()
        first, second, third, fourth = channels(depth)
        self.layer0 = nn.Sequential(*deep_stem(64), max_pool())
        self.layer1 = stage(depth, 0, 128, 1)
        self.layer2 = stage(depth, 1, first, 2)
        self.layer3 = stage(depth, 2, second, 1, 2, 2)
        self.layer4 = stage(depth, 3, third, 1, 4, 4)
        self.ppm = Pyramid(fourth)
        self.cls = _head(2 * fourth, 512, classes)
        if auxiliary:
            self.aux = _head(third, third // 4, classes)

    def forward(self, x: Tensor) -> Tensor:
        features = self.layer4(self.layer3(self.layer2(self.layer1(self.layer0(x)))))
        logits = self.cls(self.ppm(features))
        return F.interpolate(logits, x.shape[2:], mode="bilinear", align_corners=True)

    def auxiliary(self, x: Tensor) -> Tensor:
        logits = self.aux(self.layer3(self.layer2(self.layer1(self.layer0(x)))))
        return F.interpolate(logits, x.shape[2:], mode="bilinear", align_corners=True)


def _head(inside: int, width: int, classes: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inside, width, 3, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.Dropout2d(0.1),
        nn.Conv2d(width, classes, 1),
    )
