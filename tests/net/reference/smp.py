"""PSPNet of segmentation_models.pytorch: the pyramid stands on the encoder's third feature, at stride 8, undilated.

The encoder is torchvision's ResNet, whole, without its classifier.
"""

from __future__ import annotations

import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional as F


def conv_relu(inside: int, outside: int, norm: bool) -> nn.Sequential:
    """1x1 convolution; batch norm, or a bias in its place; ReLU."""
    normed = nn.BatchNorm2d(outside) if norm else nn.Identity()
    return nn.Sequential(nn.Conv2d(inside, outside, 1, bias=not norm), normed, nn.ReLU())


class Level(nn.Module):
    """Bin 1 has no batch norm."""

    def __init__(self, inside: int, size: int) -> None:
        super().__init__()
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(size), conv_relu(inside, inside // 4, size > 1))

    def forward(self, x: Tensor) -> Tensor:
        return F.interpolate(self.pool(x), x.shape[2:], mode="bilinear", align_corners=True)


class Pyramid(nn.Module):
    """The levels first, the features last."""

    def __init__(self, inside: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Level(inside, size) for size in (1, 2, 3, 6))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([*(level(x) for level in self.blocks), x], 1)


class Decoder(nn.Module):
    def __init__(self, inside: int, width: int) -> None:
        super().__init__()
        self.psp = Pyramid(inside)
        self.conv = conv_relu(2 * inside, width, True)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(self.psp(x))


class Smp(nn.Module):
    """Logits at the photo's size, whose sides are multiples of 8 (of 16 or 32 at encoder_depth 4 or 5)."""

    def __init__(
        self,
        encoder: str = "resnet34",
        classes: int = 1,
        encoder_depth: int = 3,
        width: int = 512,
        classification: int = 0,
    ) -> None:
        super().__init__()
        self.encoder = torchvision.models.get_model(encoder)
        del self.encoder.fc, self.encoder.avgpool
        self.encoder_depth = encoder_depth
        stages = (self.encoder.layer2, self.encoder.layer3, self.encoder.layer4)
        block = stages[encoder_depth - 3][-1]
        inside = (block.bn3 if hasattr(block, "bn3") else block.bn2).num_features
        self.decoder = Decoder(inside, width)
        self.segmentation_head = nn.Sequential(
            nn.Conv2d(width, classes, 3, padding=1), nn.UpsamplingBilinear2d(scale_factor=2**encoder_depth)
        )
        if classification:
            self.classification_head = nn.Sequential(
                nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(inside, classification)
            )

    def forward(self, x: Tensor) -> Tensor:
        encoder = self.encoder
        x = encoder.layer1(encoder.maxpool(encoder.bn1(encoder.conv1(x)).relu()))
        x = encoder.layer2(x)
        if self.encoder_depth > 3:
            x = encoder.layer3(x)
        if self.encoder_depth > 4:
            x = encoder.layer4(x)
        return self.segmentation_head(self.decoder(x))
