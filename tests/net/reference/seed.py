"""The seed's network: SqueezeNet 1.1, or ResNet-101 up to layer3, at stride 16; three doublings to 256, 64 and 64.

The published weights have no bias in the doublings' convolutions; the seed's document has.
"""

from __future__ import annotations

import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional as F


class SqueezeNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        features = torchvision.models.squeezenet1_1().features
        self.feature1 = features[:2]
        self.feature2 = features[2:5]
        self.feature3 = features[5:8]
        self.feature4 = features[8:]

    def forward(self, x: Tensor) -> Tensor:
        return self.feature4(self.feature3(self.feature2(self.feature1(x))))


class ResNet(nn.Module):
    def __init__(self, name: str) -> None:
        super().__init__()
        self.features = nn.Sequential(*list(torchvision.models.get_model(name).children())[:7])

    def forward(self, x: Tensor) -> Tensor:
        return self.features(x)


class Pyramid(nn.Module):
    """1x1 with bias, no batch norm, no ReLU."""

    def __init__(self, inside: int) -> None:
        super().__init__()
        self.pooling_layers = nn.ModuleList(
            nn.Sequential(nn.AdaptiveAvgPool2d(size), nn.Conv2d(inside, inside // 4, 1))
            for size in (1, 2, 3, 6)
        )

    def forward(self, x: Tensor) -> Tensor:
        levels = [
            F.interpolate(level(x), x.shape[2:], mode="bilinear", align_corners=False)
            for level in self.pooling_layers
        ]
        return torch.cat([x, *levels], 1)


class Doubling(nn.Module):
    def __init__(self, inside: int, outside: int, bias: bool) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(inside, outside, 3, padding=1, bias=bias), nn.BatchNorm2d(outside), nn.ReLU()
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False))


class Seed(nn.Module):
    """Logits at the photo's size."""

    def __init__(
        self, backbone: str = "squeezenet", classes: int = 1, bias: bool = False, classifier: bool = False
    ) -> None:
        super().__init__()
        squeezenet = backbone == "squeezenet"
        inside = {"squeezenet": 512, "resnet18": 256, "resnet34": 256}.get(backbone, 1024)
        self.base_network = SqueezeNet() if squeezenet else ResNet(backbone)
        self.psp = Pyramid(inside)
        self.up_1 = Doubling(2 * inside, 256, bias)
        self.up_2 = Doubling(256, 64, bias)
        self.up_3 = Doubling(64, 64, bias)
        self.final = nn.Sequential(nn.Conv2d(64, classes, 1))
        if classifier:
            self.classifier = nn.Sequential(nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, classes))

    def forward(self, photo: Tensor) -> Tensor:
        x = self.up_3(self.up_2(self.up_1(self.psp(self.base_network(photo)))))
        x = F.interpolate(x, photo.shape[2:], mode="bilinear", align_corners=False)
        return self.final(x)
