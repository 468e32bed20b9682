"""A network from its description: one frozen dataclass, the same in a recipe, a checkpoint and a report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import nn

from hairseg.errors import UsageError
from hairseg.net.backbones import build_backbone
from hairseg.net.decoders import FineDecoder, SeedDecoder
from hairseg.net.pspnet import PSPNet
from hairseg.net.pyramid import Pooling, PyramidPooling


@dataclass(frozen=True)
class NetConfig:
    """What a network is made of; the defaults are the seed's.

    Attributes:
        backbone: ``squeezenet1_1`` or a timm name.
        output_stride: dilate a timm backbone down to this stride; 0 leaves it as it is.
        backbone_stages: keep only this many of a timm backbone's stages, finest first; 0 keeps all.
        bins: grid sizes of the pyramid; empty for the FCN twin without pyramid pooling.
        pooling: ``average`` or ``max``.
        reduction: project each level to C / N channels.
        pyramid_norm: BN and ReLU in the levels instead of a bias.
        align_corners: of the pyramid's upsampling.
        decoder: ``seed`` or ``fine``.
        widths: channels of the fine decoder, coarsest first.
        kernel: side of the fine decoder's depthwise convolutions.
        classes: number of logits; 1 for hair.
    """

    backbone: str = "squeezenet1_1"
    output_stride: int = 0
    backbone_stages: int = 0
    bins: tuple[int, ...] = (1, 2, 3, 6)
    pooling: Pooling = "average"
    reduction: bool = True
    pyramid_norm: bool = False
    align_corners: bool = False
    decoder: Literal["seed", "fine"] = "seed"
    widths: tuple[int, ...] = ()
    kernel: int = 3
    classes: int = 1


def build(config: NetConfig) -> PSPNet:
    """The network that ``config`` describes, with random weights.

    Raises:
        UsageError: the description does not fit together.
    """
    backbone = build_backbone(config.backbone, config.backbone_stages, config.output_stride)
    coarsest = backbone.channels[-1]
    pyramid: nn.Module = nn.Identity()
    pyramid_channels = coarsest
    if config.bins:
        pooled = PyramidPooling(
            coarsest, config.bins, config.pooling, config.reduction, config.pyramid_norm, config.align_corners
        )
        pyramid, pyramid_channels = pooled, pooled.out_channels
    decoder: SeedDecoder | FineDecoder
    if config.decoder == "seed":
        decoder = SeedDecoder(pyramid_channels)
    elif config.decoder == "fine":
        if len(config.widths) != len(backbone.channels):
            raise UsageError(
                f"widths holds {len(config.widths)} numbers, but the fine decoder on {config.backbone} "
                f"needs {len(backbone.channels)}: one per stage"
            )
        decoder = FineDecoder(pyramid_channels, backbone.channels[:-1], config.widths, config.kernel)
    else:
        raise UsageError(f"decoder {config.decoder!r} is unknown: use seed or fine")
    return PSPNet(backbone, pyramid, decoder, decoder.out_channels, config.classes)
