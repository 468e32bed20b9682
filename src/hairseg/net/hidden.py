"""Channels that a depthwise convolution keeps apart, between the convolutions that make them and the one that reads them.

So are the insides of an EfficientNet-Lite's blocks built, and the steps of the fine decoder. Some of these channels can
be taken away without a change of anything around them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from hairseg.net.decoders import FineDecoder

# A convolution and the batch norm behind it.
Pair = tuple[nn.Conv2d, _BatchNorm]


@dataclass(frozen=True)
class Hidden:
    """One set of such channels.

    Attributes:
        name: of the depthwise convolution, in the network that was asked.
        makers: the convolutions whose outputs, added up, the channels are.
        depthwise: filters each of them.
        reader: the 1x1 convolution that adds them up.
    """

    name: str
    makers: tuple[Pair, ...]
    depthwise: Pair
    reader: Pair

    @property
    def width(self) -> int:
        """How many channels there are."""
        return self.depthwise[0].out_channels

    def keep(self, chosen: Tensor) -> None:
        """Take all but the ``chosen`` channels (their numbers, int64) away, in place."""
        for conv, norm in (*self.makers, self.depthwise):
            _take_outputs(conv, norm, chosen)
        depthwise, reader = self.depthwise[0], self.reader[0]
        depthwise.groups = depthwise.in_channels = len(chosen)
        reader.weight = nn.Parameter(reader.weight.detach()[:, chosen].clone())
        reader.in_channels = len(chosen)


def _take_outputs(conv: nn.Conv2d, norm: _BatchNorm, chosen: Tensor) -> None:
    conv.weight = nn.Parameter(conv.weight.detach()[chosen].clone())
    norm.weight = nn.Parameter(norm.weight.detach()[chosen].clone())
    norm.bias = nn.Parameter(norm.bias.detach()[chosen].clone())
    assert norm.running_mean is not None
    assert norm.running_var is not None
    norm.running_mean = norm.running_mean[chosen].clone()
    norm.running_var = norm.running_var[chosen].clone()
    conv.out_channels = norm.num_features = len(chosen)


def in_blocks(body: Any, prefix: str = "") -> list[Hidden]:
    """What is inside the blocks of a timm EfficientNet-Lite, in their order; nothing of any other network.

    The first block has no convolution that widens: its channels are the stem's.
    """
    found: list[Hidden] = []
    for number, group in enumerate(getattr(body, "blocks", ())):
        for place, block in group.named_children():
            if isinstance(block, nn.Identity):  # left out
                continue
            one = _in_block(body, block, f"{prefix}blocks.{number}.{place}.conv_dw", first=not found)
            if one is None:
                return []
            found.append(one)
    return found


def _in_block(body: Any, block: Any, name: str, first: bool) -> Hidden | None:
    """What is inside one block; None where it is built otherwise, or where something else reads its channels."""
    if not all(isinstance(getattr(block, other, None), nn.Identity) for other in ("se", "aa")):
        return None
    pairs: list[Any]
    if hasattr(block, "conv_pwl"):
        parts = [("conv_pw", "bn1"), ("conv_dw", "bn2"), ("conv_pwl", "bn3")]
        pairs = [(getattr(block, conv, None), getattr(block, norm, None)) for conv, norm in parts]
    elif first and not getattr(block, "has_skip", False):  # it would add the stem, too
        stem = getattr(body, "conv_stem", None), getattr(body, "bn1", None)
        parts = [("conv_dw", "bn1"), ("conv_pw", "bn2")]
        pairs = [stem, *((getattr(block, conv, None), getattr(block, norm, None)) for conv, norm in parts)]
    else:
        return None
    if not all(isinstance(conv, nn.Conv2d) and isinstance(norm, _BatchNorm) for conv, norm in pairs):
        return None
    maker, depthwise, reader = pairs
    plain = maker[0].groups == reader[0].groups == 1 and depthwise[0].groups == depthwise[0].out_channels
    return Hidden(name, (maker,), depthwise, reader) if plain else None


def in_decoder(decoder: nn.Module, prefix: str = "") -> list[Hidden]:
    """What is inside the steps of a fine decoder, coarsest first; nothing of any other."""
    if not isinstance(decoder, FineDecoder):
        return []
    reduction: Any = decoder.reduce
    made, made_norm, _, first = reduction
    found = [_step(f"{prefix}reduce.3.0", ((made, made_norm),), first)]
    before: Any = first
    parts: Any = zip(decoder.laterals, decoder.steps, strict=True)
    for number, (lateral, step) in enumerate(parts):
        makers = ((before[3], before[4]), (lateral[0], lateral[1]))
        found.append(_step(f"{prefix}steps.{number}.0", makers, step))
        before = step
    return found


def _step(name: str, makers: tuple[Pair, ...], separable: Any) -> Hidden:
    depthwise, filtered, _, reader, read, _ = separable
    return Hidden(name, makers, (depthwise, filtered), (reader, read))


def hidden_channels(net: Any) -> list[Hidden]:
    """All of a PSPNet's, under the names that they have in it."""
    body = getattr(net.backbone, "body", None)
    return [*in_blocks(body, "backbone.body."), *in_decoder(net.decoder, "decoder.")]
