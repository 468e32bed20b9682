"""mmsegmentation's PSPNet (pspnet_r50-d8): the first block of layer3 and layer4 has half of its stage's dilation.

ResNet-18 dilates the first convolution of a block alone, and its heads have a quarter of the channels.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reference.resnet import channels, deep_stem, max_pool, stage


class ConvNormReLU(nn.Module):
    def __init__(self, inside: int, outside: int, side: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inside, outside, side, padding=side // 2, bias=False)
        self.bn = nn.BatchNorm2d(outside)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.conv(x)).relu()


class Backbone(nn.Module):
    """Stem v1b (7x7), v1c (three 3x3) or v1d (three 3x3, and average pooling in the shortcuts)."""

    def __init__(self, depth: int, stem: Literal["v1b", "v1c", "v1d"]) -> None:
        super().__init__()
        if stem == "v1b":
            self.conv1 = nn.Conv2d(3, 64, 7, 2, padding=3, bias=False)
            self.bn1 = nn.BatchNorm2d(64)
        else:
            self.stem = nn.Sequential(*deep_stem(32))
        self.maxpool = max_pool()
        first, second, third, _ = channels(depth)
        average = stem == "v1d"
        self.layer1 = stage(depth, 0, 64, 1, average=average)
        self.layer2 = stage(depth, 1, first, 2, average=average)
        self.layer3 = stage(depth, 2, second, 1, 2, 1, dilate_second=False, average=average)
        self.layer4 = stage(depth, 3, third, 1, 4, 2, dilate_second=False, average=average)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.stem(x) if hasattr(self, "stem") else self.bn1(self.conv1(x)).relu()
        third = self.layer3(self.layer2(self.layer1(self.maxpool(x))))
        return third, self.layer4(third)


class PSPHead(nn.Module):
    def __init__(self, inside: int, classes: int, align_corners: bool) -> None:
        super().__init__()
        self.align_corners = align_corners
        self.psp_modules = nn.ModuleList(
            nn.Sequential(nn.AdaptiveAvgPool2d(size), ConvNormReLU(inside, inside // 4, 1))
            for size in (1, 2, 3, 6)
        )
        self.bottleneck = ConvNormReLU(2 * inside, inside // 4, 3)
        self.conv_seg = nn.Conv2d(inside // 4, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        levels = [
            F.interpolate(level(x), x.shape[2:], mode="bilinear", align_corners=self.align_corners)
            for level in self.psp_modules
        ]
        return self.conv_seg(self.bottleneck(torch.cat([x, *levels], 1)))


class FCNHead(nn.Module):
    def __init__(self, inside: int, classes: int) -> None:
        super().__init__()
        self.convs = nn.Sequential(ConvNormReLU(inside, inside // 4, 3))
        self.conv_seg = nn.Conv2d(inside // 4, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv_seg(self.convs(x))


class Mmseg(nn.Module):
    """Logits at the photo's size."""

    def __init__(
        self,
        depth: int = 50,
        classes: int = 19,
        auxiliary: bool = True,
        stem: Literal["v1b", "v1c", "v1d"] = "v1c",
        align_corners: bool = False,
    ) -> None:
        super().__init__()
        _, _, third, fourth = channels(depth)
        self.align_corners = align_corners
        self.backbone = Backbone(depth, stem)
        self.decode_head = PSPHead(fourth, classes, align_corners)
        if auxiliary:
            self.auxiliary_head = FCNHead(third, classes)

    def forward(self, x: Tensor) -> Tensor:
        _, features = self.backbone(x)
        return self._upsample(self.decode_head(features), x)

    def auxiliary(self, x: Tensor) -> Tensor:
        features, _ = self.backbone(x)
        return self._upsample(self.auxiliary_head(features), x)

    def _upsample(self, logits: Tensor, x: Tensor) -> Tensor:
        return F.interpolate(logits, x.shape[2:], mode="bilinear", align_corners=self.align_corners)
