"""hszhao/semseg, the code of the paper's authors: PSPNet-50 and 101 for ADE20K, VOC and Cityscapes.

Its files hold ``state_dict`` beside the epoch and the optimizer, every name prefixed ``module.``, and the
auxiliary head. Source: model/pspnet.py and model/resnet.py of that repository.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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

_STAGES = ("layer1.", "layer2.", "layer3.", "layer4.")


def _fields(shapes: Shapes, entries: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG001 - they say nothing
    return {
        "backbone": resnet(shapes, _STAGES),
        "stem": stem(shapes, "layer0.", "layer2."),
        "bins": bins(count(shapes, r"ppm\.features\.")),  # none with use_ppm=False
        "head_width": vote(shapes, *norm("cls.1"), ("cls.0.weight", 0), ("cls.4.weight", 1)),
        "classes": vote(
            shapes, ("cls.4.weight", 0), ("cls.4.bias", 0), ("aux.4.weight", 0), ("aux.4.bias", 0)
        ),
        "auxiliary_width": auxiliary_width(shapes, "aux.0", "aux.1"),
    }


def _names(config: NetConfig) -> Names:  # noqa: ARG001 - the same for all
    return (
        (r"backbone\.body\.conv1\.", "layer0."),
        (r"backbone\.body\.bn1\.", "layer0.7."),
        (r"backbone\.body\.", ""),
        (r"pyramid\.levels\.(\d+)\.0\.", r"ppm.features.\1.1."),
        (r"pyramid\.levels\.(\d+)\.1\.", r"ppm.features.\1.2."),
        (r"decoder\.bottleneck\.", "cls."),
        (r"head\.", "cls.4."),
        (r"auxiliary\.bottleneck\.", "aux."),
        (r"auxiliary\.head\.", "aux.4."),
    )


SEMSEG = Format(
    preset="semseg",
    markers=("layer0.0.weight", "ppm.features.0.1.weight", "cls.0.weight"),
    fields=_fields,
    names=_names,
    auxiliary="aux.",
)
