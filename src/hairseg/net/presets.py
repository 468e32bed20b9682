"""The published PSPNets by name: what six codes mean by "PSPNet", each as the description of its network.

``paper`` is the network of arXiv 1612.01105 as its authors published it in PyTorch (hszhao/semseg), and
``semseg`` the same under the code's own name. The others are mmsegmentation, segmentation_models.pytorch,
PaddleSeg, GluonCV, and the seed of this project (YBIGTA's SqueezeNet for hair). docs/pspnet.md compares them.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Mapping
from typing import Any

from hairseg.errors import UsageError
from hairseg.net.build import NetConfig

_PAPER = NetConfig(
    backbone="resnet50",
    output_stride=8,
    stem="deep",
    pyramid_norm=True,
    align_corners=True,
    decoder="paper",
    align_logits=True,
    auxiliary=True,
)
_MMSEG = dataclasses.replace(
    _PAPER,
    stem="v1c",
    contract_dilation=True,
    dilate_second=False,
    align_corners=False,
    align_logits=False,
)
# The pyramid stands on layer2, at stride 8 without dilation (encoder_depth=3).
_SMP = dataclasses.replace(
    _PAPER,
    output_stride=0,
    stem="7x7",
    backbone_stages=3,
    norm_at_one=False,
    concat="last",
    bottleneck_kernel=1,
    dropout=0.2,
    classifier_kernel=3,
    auxiliary=False,
)
_PADDLE = dataclasses.replace(
    _PAPER, stem="vd", concat="reversed", head_width=1024, align_corners=False, align_logits=False
)
_GLUON = dataclasses.replace(_PAPER, bins=(1, 2, 3, 4), contract_dilation=True)

PRESETS: Mapping[str, NetConfig] = {
    "paper": _PAPER,
    "semseg": _PAPER,
    "mmseg": _MMSEG,
    "smp": _SMP,
    "paddle": _PADDLE,
    "gluon": _GLUON,
    "seed": NetConfig(),
}


def preset(name: str, **changes: Any) -> NetConfig:
    """The description of a published PSPNet.

    Args:
        name: ``paper``, ``semseg``, ``mmseg``, ``smp``, ``paddle``, ``gluon`` or ``seed``.
        changes: fields of :class:`NetConfig` on top, for example ``classes=150``, ``backbone="resnet101"`` or
            ``auxiliary=False``.

    Raises:
        UsageError: an unknown preset or field; the nearest known one is named.
    """
    config = _of(name, changes.get("backbone", ""))
    known = [field.name for field in dataclasses.fields(NetConfig)]
    for key in changes:
        if key not in known:
            raise UsageError(f"preset {name!r}: unknown field {key!r}; {_nearest(key, known)}")
    return dataclasses.replace(config, **changes)


def expand(table: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The ``[net]`` table of a recipe with its key ``preset`` replaced by the preset's own keys.

    Args:
        table: the keys that stand beside ``preset`` win over it.
        where: the recipe's name, for the message.

    Raises:
        UsageError: an unknown preset.
    """
    changes = dict(table)
    if "preset" not in changes:
        return changes
    try:
        config = _of(changes.pop("preset"), str(changes.get("backbone", "")))
    except UsageError as error:
        raise UsageError(f"{where}: net: {error}") from error
    return dataclasses.asdict(config) | changes


def _of(name: object, backbone: str) -> NetConfig:
    """A preset, with what its code does differently on another backbone than the preset's own."""
    if not isinstance(name, str) or name not in PRESETS:
        raise UsageError(f"preset {name!r} is unknown; {_nearest(str(name), list(PRESETS))}")
    config = PRESETS[name]
    if name == "seed" and backbone.startswith("resnet"):
        return dataclasses.replace(
            config, backbone_stages=4
        )  # the seed's ResNet-101 ends with layer3, at stride 16
    if name == "mmseg" and re.match(r"resnet(18|34)(?!\d)", backbone):
        return dataclasses.replace(config, head_width=128)  # a quarter of layer4's channels, as at 2048
    return config


def _nearest(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word, known, 1)
    return f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
