"""What is changed in timm's EfficientNets: their padding, and what is left out of their blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hairseg.errors import UsageError
from hairseg.net.hidden import in_blocks


class EvenSameConv2d(nn.Conv2d):
    """A strided convolution with TensorFlow's "same" padding for even inputs, as fixed numbers.

    TensorFlow pads (0, 1) before a 3x3 convolution of stride 2 on an even input. timm computes that from the
    input's size at run time; canvases are multiples of 32, so the fixed padding gives the same numbers, and
    an exported graph holds no shape arithmetic.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, out_channels, about H / stride, about W / stride)."""
        total = self.kernel_size[0] - self.stride[0]
        before = total // 2
        padded = F.pad(x, (before, total - before, before, total - before))
        return F.conv2d(padded, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)


def fix_same_padding(module: nn.Module) -> None:
    """Give a timm network's strided convolutions the fixed padding of :class:`EvenSameConv2d`."""
    from timm.layers import Conv2dSame

    for child in module.modules():
        if isinstance(child, Conv2dSame):
            child.__class__ = EvenSameConv2d


def trim_last(body: Any, count: int, name: str) -> int:
    """Take the last groups of blocks away, all of them in the last stage; returns the channels that are left.

    An EfficientNet's last stage has two groups: that of its last downsampling, and a block that widens it for the
    classifier (in EfficientNet-Lite2 from 208 to 352 channels, a sixth of the features' weights).
    """
    kept = len(getattr(body, "blocks", ())) - count
    names: list[str] = ["blocks.-1", *body.feature_info.module_name()]  # before the first stage there is none
    before, last = names[-2:]
    if count < 0 or not last.startswith("blocks.") or kept <= int(before.split(".")[1]) + 1:
        raise UsageError(
            f"backbone_trim is {count}: backbone {name!r} has no such groups of blocks to leave out in its last "
            "stage; lower it, or 0 for none"
        )
    body.blocks = body.blocks[:kept]
    index = body._stage_out_idx.pop(int(last.split(".")[1]) + 1)
    body._stage_out_idx[kept] = index
    channels = [
        module.num_features for module in body.blocks[-1].modules() if isinstance(module, nn.BatchNorm2d)
    ]
    return int(channels[-1])


def leave_out(body: Any, names: Sequence[str], backbone: str) -> None:
    """Put what hands its input on in the place of blocks that add something to it; all other names stay.

    A residual block refines what the blocks before it say, and a trained network does without many of them (Veit et al.,
    "Residual Networks Behave Like Ensembles of Relatively Shallow Networks", NIPS 2016).
    """
    residual = {
        f"{number}.{place}": (group, int(place))
        for number, group in enumerate(getattr(body, "blocks", ()))
        for place, block in group.named_children()
        if getattr(block, "has_skip", False)
    }
    for name in names:
        if name not in residual:
            raise UsageError(
                f"backbone_without: backbone {backbone!r} has no residual block {name!r}: give the number of its group "
                'and its own in the group, such as "5.1", of an EfficientNet'
            )
        group, place = residual[name]
        group[place] = nn.Identity()


def set_hidden(body: Any, widths: Sequence[int], backbone: str) -> None:
    """Leave so many channels inside each block, in the order of the blocks; the first ones, with what weights they have.

    A block widens its features (six times, in an EfficientNet), filters each channel by itself, and adds them up again
    (Sandler et al., "MobileNetV2", arXiv 1801.04381, section 3.3); the first one has the stem's channels.
    """
    if not widths:
        return
    hidden = in_blocks(body)
    own = [one.width for one in hidden]
    if not hidden:
        raise UsageError(
            f"backbone_hidden is of an EfficientNet-Lite's blocks, and backbone {backbone!r} has none: leave it out"
        )
    fits = len(widths) == len(own) and all(0 < new <= old for new, old in zip(widths, own, strict=True))
    if not fits:
        raise UsageError(
            f"backbone_hidden is {list(widths)}: give a positive number for each of the {len(own)} blocks of "
            f"{backbone!r} that are left, none above its own: {own}"
        )
    for one, width in zip(hidden, widths, strict=True):
        one.keep(torch.arange(width))
