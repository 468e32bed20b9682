"""A network from its description: one frozen dataclass, the same in a recipe, a checkpoint and a report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn
from torch.func import functional_call

from hairseg.errors import UsageError
from hairseg.net.auxiliary import AuxiliaryHead
from hairseg.net.backbones import Backbone, build_backbone
from hairseg.net.decoders import SUBPIXEL, FineDecoder, PaperDecoder, SeedDecoder
from hairseg.net.pspnet import PSPNet
from hairseg.net.pyramid import Concat, Pooling, PyramidPooling
from hairseg.net.resnet import Stem


@dataclass(frozen=True)
class NetConfig:
    """What a network is made of; the defaults are the seed's, and the paper's where only its decoder asks.

    ``hairseg.net.presets`` holds the descriptions of the published PSPNets.

    Attributes:
        backbone: ``squeezenet1_1`` or a timm name.
        output_stride: dilate a timm backbone down to this stride; 0 leaves it as it is.
        stem: of a ResNet: ``7x7``, ``deep`` (the paper's three 3x3 to 128 channels), ``v1c`` (three 3x3 to 64
            channels), ``vd`` (v1c, and averaging where it downsamples), or ``own``, the named backbone's.
        contract_dilation: the first block of a ResNet's dilated stage keeps the dilation of the stage before.
        dilate_second: the two-convolution blocks of ResNet-18 and 34 dilate both, not the first alone.
        backbone_stages: keep only this many of the backbone's stages, finest first, and put the pyramid on the
            last of them; 0 keeps all. A ResNet has five: its stem and layer1 to layer4.
        backbone_trim: leave out this many groups of blocks at the end of an EfficientNet's last stage; its stride
            stays.
        backbone_without: residual blocks of an EfficientNet that are left out, each as the numbers of its group and in
            it, such as ``5.1``; a model that has them can be what training starts from.
        backbone_hidden: channels inside each block of an EfficientNet-Lite that is left, in their order, between the
            convolution that widens and the one that adds up; for the first block, which has none that widens, the
            stem's. Empty for the backbone's own. A model that has more of them can be what training starts from.
        bins: grid sizes of the pyramid; empty for the FCN twin without pyramid pooling.
        pooling: ``average`` or ``max``.
        reduction: project each level to C / N channels.
        pyramid_norm: BN and ReLU in the levels instead of a bias.
        norm_at_one: with ``pyramid_norm``, BN in bin 1 too; without, that level has a bias and ReLU.
        concat: features ``first``, then the levels; ``last``; or first and the levels ``reversed``.
        align_corners: of the pyramid's upsampling.
        decoder: ``paper``, ``seed`` or ``fine``.
        head_width: channels of the paper's decoder.
        bottleneck_kernel: side of its convolution.
        dropout: of the paper's decoder and of the auxiliary head.
        widths: channels of the fine decoder, coarsest first.
        kernel: side of the fine decoder's depthwise convolutions.
        subpixel: the fine decoder's last step works on a grid half as fine, and the head gives 2 x 2 logits for each of
            its places (Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel
            Convolutional Neural Network", arXiv 1609.05158), for a third of that step's time.
        classifier_kernel: side of the last convolution.
        align_logits: align_corners of the logits' upsampling to the photo's size.
        auxiliary: a second head on a middle stage, for training only.
        auxiliary_stage: its stage, as an index into the backbone's: -2 is the last but one, a ResNet's layer3.
        auxiliary_width: its channels; 0 for a quarter of the stage's.
        classes: number of logits; 1 for hair.
    """

    backbone: str = "squeezenet1_1"
    output_stride: int = 0
    stem: Stem = "own"
    contract_dilation: bool = False
    dilate_second: bool = True
    backbone_stages: int = 0
    backbone_trim: int = 0
    backbone_without: tuple[str, ...] = ()
    backbone_hidden: tuple[int, ...] = ()
    bins: tuple[int, ...] = (1, 2, 3, 6)
    pooling: Pooling = "average"
    reduction: bool = True
    pyramid_norm: bool = False
    norm_at_one: bool = True
    concat: Concat = "first"
    align_corners: bool = False
    decoder: Literal["seed", "fine", "paper"] = "seed"
    head_width: int = 512
    bottleneck_kernel: int = 3
    dropout: float = 0.1
    widths: tuple[int, ...] = ()
    kernel: int = 3
    subpixel: bool = False
    classifier_kernel: int = 1
    align_logits: bool = False
    auxiliary: bool = False
    auxiliary_stage: int = -2
    auxiliary_width: int = 0
    classes: int = 1


def build(config: NetConfig) -> PSPNet:
    """The network that ``config`` describes, with random weights.

    Raises:
        UsageError: the description does not fit together.
    """
    for name in ("classes", "head_width", "bottleneck_kernel", "kernel", "classifier_kernel"):
        if getattr(config, name) < 1:
            raise UsageError(f"{name} is {getattr(config, name)}: give a positive number")
    for name in ("bottleneck_kernel", "kernel", "classifier_kernel"):
        if getattr(config, name) % 2 == 0:
            raise UsageError(f"{name} is {getattr(config, name)}: give an odd number, such as 1 or 3")
    if not 0 <= config.dropout < 1:
        raise UsageError(f"dropout is {config.dropout:g}: give a share from 0 (none) to below 1")
    if min(config.widths, default=1) < 1:
        raise UsageError(f"widths is {list(config.widths)}: give positive numbers of channels")
    if config.auxiliary_width < 0:
        raise UsageError(
            f"auxiliary_width is {config.auxiliary_width}: give a positive number of channels, or 0 for a quarter of "
            "the stage's"
        )
    backbone = build_backbone(
        config.backbone,
        config.backbone_stages,
        config.output_stride,
        config.stem,
        config.contract_dilation,
        config.dilate_second,
        config.backbone_trim,
        config.backbone_without,
        config.backbone_hidden,
    )
    if config.subpixel:
        _check_subpixel(config, backbone)
    pyramid, channels = _pyramid(config, backbone.channels[-1])
    decoder = _decoder(config, backbone, channels)
    side = config.classifier_kernel
    step = SUBPIXEL if config.subpixel else 1
    head = nn.Conv2d(decoder.out_channels, config.classes * step**2, side, padding=side // 2)
    auxiliary = _auxiliary(config, backbone) if config.auxiliary else None
    return PSPNet(
        backbone,
        pyramid,
        decoder,
        head,
        auxiliary,
        config.auxiliary_stage,
        config.align_logits,
        subpixel=step,
    )


def _pyramid(config: NetConfig, channels: int) -> tuple[nn.Module, int]:
    """The pyramid on features of ``channels`` channels, and its own channels."""
    if not config.bins:
        return nn.Identity(), channels
    pyramid = PyramidPooling(
        channels,
        config.bins,
        config.pooling,
        config.reduction,
        config.pyramid_norm,
        config.align_corners,
        config.norm_at_one,
        config.concat,
    )
    return pyramid, pyramid.out_channels


def _decoder(
    config: NetConfig, backbone: Backbone, channels: int
) -> SeedDecoder | FineDecoder | PaperDecoder:
    if config.decoder == "seed":
        return SeedDecoder(channels)
    if config.decoder == "paper":
        return PaperDecoder(channels, config.head_width, config.bottleneck_kernel, config.dropout)
    if config.decoder == "fine":
        if len(config.widths) != len(backbone.channels):
            raise UsageError(
                f"widths holds {len(config.widths)} numbers, but the fine decoder on {config.backbone} "
                f"needs {len(backbone.channels)}: one per stage"
            )
        return FineDecoder(channels, backbone.channels[:-1], config.widths, config.kernel, config.subpixel)
    raise UsageError(f"decoder {config.decoder!r} is unknown: use paper, seed or fine")


def _check_subpixel(config: NetConfig, backbone: Backbone) -> None:
    """Refuse a network whose finest features cannot be folded onto the next ones at every size.

    Raises:
        UsageError: the decoder is another, or the features' sizes do not halve, rounded down.
    """
    if config.decoder != "fine":
        raise UsageError(
            f"subpixel is of the fine decoder, and the decoder is {config.decoder!r}: leave it out"
        )
    state = {key: value.to("meta") for key, value in backbone.state_dict().items()}
    for side in range(97, 101):
        photo = torch.empty(2, 3, side, side, device="meta")
        sizes = [features.shape[2] for features in functional_call(backbone, state, photo)[:2]]
        if len(sizes) < 2 or sizes[0] // SUBPIXEL != sizes[1]:
            raise UsageError(
                f"subpixel folds the finest features onto the next ones, but those of {config.backbone} have "
                f"{' and '.join(map(str, sizes))} rows for {side} of a photo: leave it out, or take a backbone whose "
                "features halve, rounded down, such as tf_efficientnet_lite0"
            )


def _auxiliary(config: NetConfig, backbone: Backbone) -> AuxiliaryHead:
    count = len(backbone.channels)
    if not -count <= config.auxiliary_stage < count:
        raise UsageError(
            f"auxiliary_stage is {config.auxiliary_stage}, but {config.backbone} has {count} stages: "
            f"use 0 to {count - 1}, or -1 to -{count} from the coarsest"
        )
    channels = backbone.channels[config.auxiliary_stage]
    return AuxiliaryHead(channels, config.classes, config.auxiliary_width, config.dropout)
