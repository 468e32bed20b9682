"""Dilated ResNets as the papers describe them, in plain torch: the trunk of the reference networks.

Blocks and depths: He et al., arXiv 1512.03385, table 1, the stride on the 3x3 convolution. Deep stems and the
pooling before a downsampling convolution: He et al., arXiv 1812.01187, figure 2. Modules stand in the order in
which torchvision registers them.
"""

from __future__ import annotations

from torch import Tensor, nn

BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}


def conv3x3(inside: int, outside: int, stride: int = 1, dilation: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inside, outside, 3, stride, padding=dilation, dilation=dilation, bias=False)


class Basic(nn.Module):
    """Two 3x3 convolutions; the first is dilated, the second by ``second``."""

    expansion = 1

    def __init__(
        self, inside: int, width: int, stride: int, dilation: int, second: int, downsample: nn.Module | None
    ) -> None:
        super().__init__()
        self.conv1 = conv3x3(inside, width, stride, dilation)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = conv3x3(width, width, 1, second)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        y = self.bn1(self.conv1(x)).relu()
        return (self.bn2(self.conv2(y)) + shortcut).relu()


class Bottleneck(nn.Module):
    """1x1, 3x3 with the stride and the dilation, 1x1 to four times the width."""

    expansion = 4

    def __init__(
        self, inside: int, width: int, stride: int, dilation: int, second: int, downsample: nn.Module | None
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inside, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = conv3x3(width, width, stride, dilation)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        y = self.bn1(self.conv1(x)).relu()
        y = self.bn2(self.conv2(y)).relu()
        return (self.bn3(self.conv3(y)) + shortcut).relu()


def stage(
    depth: int,
    index: int,
    inside: int,
    stride: int,
    dilation: int = 1,
    first_dilation: int = 1,
    dilate_second: bool = True,
    average: bool = False,
) -> nn.Sequential:
    """Stage ``index`` (0 to 3) of a ResNet.

    Args:
        depth: 18, 34, 50, 101 or 152.
        index: which stage.
        inside: channels that come in.
        stride: of the first block.
        dilation: of the other blocks' 3x3.
        first_dilation: of the first block's.
        dilate_second: the second convolution of a basic block is dilated as the first.
        average: pool before the convolution of a shortcut that has a stride.
    """
    kind = Basic if depth < 50 else Bottleneck
    width = 64 * 2**index
    outside = width * kind.expansion
    downsample: nn.Sequential | None = None
    if stride > 1 or inside != outside:
        layers: list[nn.Module] = []
        if average:
            pool = nn.AvgPool2d(2, 2, ceil_mode=True, count_include_pad=False)
            layers.append(pool if stride > 1 else nn.Identity())
        layers.append(nn.Conv2d(inside, outside, 1, 1 if average else stride, bias=False))
        downsample = nn.Sequential(*layers, nn.BatchNorm2d(outside))
    second = dilation if dilate_second else 1
    blocks = [kind(inside, width, stride, first_dilation, second, downsample)]
    blocks += [kind(outside, width, 1, dilation, second, None) for _ in range(BLOCKS[depth][index] - 1)]
    return nn.Sequential(*blocks)


def deep_stem(width: int) -> list[nn.Module]:
    """Three 3x3 convolutions, the first with stride 2, to ``width``, ``width`` and twice that."""
    return [
        conv3x3(3, width, 2),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        conv3x3(width, width),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        conv3x3(width, 2 * width),
        nn.BatchNorm2d(2 * width),
        nn.ReLU(),
    ]


def max_pool() -> nn.MaxPool2d:
    return nn.MaxPool2d(3, 2, padding=1)


def channels(depth: int) -> tuple[int, int, int, int]:
    """Channels of the four stages."""
    factor = 1 if depth < 50 else 4
    return 64 * factor, 128 * factor, 256 * factor, 512 * factor
