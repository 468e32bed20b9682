"""The auxiliary head: deep supervision of a middle stage (arXiv 1612.01105, section 3.3, figure 4).

A second classifier on the third of a ResNet's four stages (the paper's res4b22) is trained beside the main
one, with a smaller weight (0.4), so that gradients reach the middle of a deep network on a short way. It
serves training alone: its logits are no part of the answer, and an exported graph does not hold it.
"""

from __future__ import annotations

from torch import Tensor, nn

from hairseg.net.decoders import bottleneck


class AuxiliaryHead(nn.Module):
    """3x3 convolution, BN, ReLU, dropout, 1x1 to the classes.

    Args:
        in_channels: C of the stage.
        classes: number of logits.
        width: channels between the two convolutions; 0 for C / 4, as in the authors' code.
        dropout: share of the channels that a training step leaves out.

    Shape:
        features of one stage (N, C, h, w) -> logits (N, classes, h, w).
    """

    def __init__(self, in_channels: int, classes: int, width: int = 0, dropout: float = 0.1) -> None:
        super().__init__()
        width = width or in_channels // 4
        self.bottleneck = bottleneck(in_channels, width, 3)
        self.drop = nn.Dropout2d(dropout)
        self.head = nn.Conv2d(width, classes, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Features of the stage to logits at their size."""
        logits: Tensor = self.head(self.drop(self.bottleneck(features)))
        return logits
