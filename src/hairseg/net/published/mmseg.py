"""mmsegmentation: PSPHead on a dilated ResNet (v1c, v1b or v1d) with an FCN auxiliary head.

Its files hold ``state_dict`` and ``meta``; ``meta`` has the names of the classes and the settings of the run
as text, which tell what no tensor shows. Sources: models/backbones/resnet.py, models/decode_heads/psp_head.py,
models/decode_heads/fcn_head.py and configs/_base_/models/pspnet_r50-d8.py of that repository.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from hairseg.classes import make_classes, to_plain
from hairseg.net.build import NetConfig
from hairseg.net.published.formats import (
    Format,
    Names,
    Shapes,
    auxiliary_width,
    bins,
    count,
    norm,
    resnet,
    stem,
    vote,
)

_STAGES = ("backbone.layer1.", "backbone.layer2.", "backbone.layer3.", "backbone.layer4.")
RGB = tuple[float, float, float]
_HEAD = "decode_head."
_AUXILIARY = "auxiliary_head."


def _fields(shapes: Shapes, entries: Mapping[str, Any]) -> dict[str, Any]:
    settings = run_settings(entries)
    found = {
        "backbone": resnet(shapes, _STAGES),
        "stem": stem(shapes, "backbone.stem.", "backbone.layer2."),
        "bins": bins(count(shapes, r"decode_head\.psp_modules\.")),
        "head_width": vote(
            shapes,
            *norm(f"{_HEAD}bottleneck.bn"),
            (f"{_HEAD}bottleneck.conv.weight", 0),
            (f"{_HEAD}conv_seg.weight", 1),
        ),
        "classes": vote(
            shapes,
            *((f"{head}conv_seg.{part}", 0) for head in (_HEAD, _AUXILIARY) for part in ("weight", "bias")),
        ),
        "auxiliary_width": auxiliary_width(shapes, f"{_AUXILIARY}convs.0.conv", f"{_AUXILIARY}convs.0.bn"),
    }
    if re.search(r"align_corners=True", settings):  # the settings for crops of 769
        found |= {"align_corners": True, "align_logits": True}
    if scales := re.search(r"pool_scales=[\[(]([\d\s,]+)[\])]", settings):
        found["bins"] = tuple(int(number) for number in re.findall(r"\d+", scales[1]))
    if dilations := re.search(r"dilations=[\[(]([\d\s,]+)[\])]", settings):
        # 1, 1, 2, 4 and strides 1, 2, 1, 1 make stride 8 (-d8), 1, 1, 1, 2 make 16, all 1 leave 32 (-d32).
        dilated = sum(int(number) > 1 for number in re.findall(r"\d+", dilations[1]))
        found["output_stride"] = 32 >> dilated if dilated else 0
    if re.search(r"contract_dilation=False", settings):
        found["contract_dilation"] = False
    return found


def run_settings(entries: Mapping[str, Any]) -> str:
    """The settings of the run as Python text; empty where the file has none."""
    meta = entries.get("meta")
    if not isinstance(meta, Mapping):
        return ""
    text = meta.get("config") or meta.get("cfg")  # releases before 1.0, and since
    return text if isinstance(text, str) else ""


def preprocessing(entries: Mapping[str, Any]) -> tuple[RGB, RGB] | None:
    """Mean and standard deviation of RGB in [0, 1] that the run settings name; None where they name none."""
    found = []
    for part in ("mean", "std"):
        if not (listed := re.search(rf"\b{part}=\[([\d\s.,]+)\]", run_settings(entries))):
            return None
        numbers = [float(number) / 255 for number in re.findall(r"[\d.]+", listed[1])]
        if len(numbers) != 3:
            return None
        found.append((numbers[0], numbers[1], numbers[2]))
    return found[0], found[1]


def named_classes(entries: Mapping[str, Any], count: int) -> dict[str, list[str]]:
    """Names and colours of the classes as a header holds them; empty where the file has no usable ones."""
    meta = entries.get("meta")
    meta = meta if isinstance(meta, Mapping) else {}
    known = meta.get("dataset_meta")  # since release 1.0
    known = (
        known
        if isinstance(known, Mapping)
        else {"classes": meta.get("CLASSES"), "palette": meta.get("PALETTE")}
    )
    names, palette = known.get("classes") or (), known.get("palette") or ()
    try:
        colors = ["#{:02x}{:02x}{:02x}".format(*color) for color in palette]
        classes = make_classes([str(name) for name in names], colors)
    except (TypeError, ValueError, IndexError):
        return {}
    return to_plain(classes) if len(classes) == count else {}


def _names(config: NetConfig) -> Names:
    first_norm = "backbone.bn1." if config.stem == "7x7" else "backbone.stem.7."
    convolutions = "backbone.conv1." if config.stem == "7x7" else "backbone.stem."
    return (
        (r"backbone\.body\.conv1\.", convolutions),
        (r"backbone\.body\.bn1\.", first_norm),
        (r"backbone\.body\.", "backbone."),
        (r"pyramid\.levels\.(\d+)\.0\.", r"decode_head.psp_modules.\1.1.conv."),
        (r"pyramid\.levels\.(\d+)\.1\.", r"decode_head.psp_modules.\1.1.bn."),
        (r"decoder\.bottleneck\.0\.", f"{_HEAD}bottleneck.conv."),
        (r"decoder\.bottleneck\.1\.", f"{_HEAD}bottleneck.bn."),
        (r"head\.", f"{_HEAD}conv_seg."),
        (r"auxiliary\.bottleneck\.0\.", f"{_AUXILIARY}convs.0.conv."),
        (r"auxiliary\.bottleneck\.1\.", f"{_AUXILIARY}convs.0.bn."),
        (r"auxiliary\.head\.", f"{_AUXILIARY}conv_seg."),
    )


MMSEG = Format(
    preset="mmseg",
    markers=(
        f"{_HEAD}psp_modules.0.1.conv.weight",
        f"{_HEAD}bottleneck.conv.weight",
        f"{_HEAD}conv_seg.weight",
    ),
    fields=_fields,
    names=_names,
    auxiliary=_AUXILIARY,
)
