"""The seed's upstream, YBIGTA/pytorch-hair-segmentation: PSPNet on SqueezeNet 1.1 or on ResNet-101 up to layer3.

Its files hold the tensors under ``weight``. The published ones have no bias before the batch norms of the three
upsampling blocks; the document that this project began from has. Source: networks/pspnet.py of that repository.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hairseg.errors import ModelError
from hairseg.net.build import NetConfig
from hairseg.net.published.formats import Format, Names, Shapes, bins, count, resnet, vote

# torchvision's children by index: conv1, bn1, relu, maxpool, layer1, layer2, layer3.
_STAGES = ("base_network.features.4.", "base_network.features.5.", "base_network.features.6.")


def _fields(shapes: Shapes, entries: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG001 - they say nothing
    if any(name.startswith("base_network.features.") for name in shapes):
        backbone = resnet(shapes, _STAGES)
    elif any(name.startswith("base_network.feature1.") for name in shapes):
        backbone = "squeezenet1_1"
    else:
        raise ModelError(
            "its backbone is neither the seed's SqueezeNet (base_network.feature1) nor its ResNet"
        )
    return {
        "backbone": backbone,
        "bins": bins(count(shapes, r"psp\.pooling_layers\.")),
        "classes": vote(shapes, ("final.0.weight", 0), ("final.0.bias", 0)),
    }


def _names(config: NetConfig) -> Names:  # noqa: ARG001 - the same for all
    return (
        (r"backbone\.body\.conv1\.", "base_network.features.0."),
        (r"backbone\.body\.bn1\.", "base_network.features.1."),
        (r"backbone\.body\.layer1\.", _STAGES[0]),
        (r"backbone\.body\.layer2\.", _STAGES[1]),
        (r"backbone\.body\.layer3\.", _STAGES[2]),
        (r"backbone\.", "base_network."),
        (r"pyramid\.levels\.(\d+)\.", r"psp.pooling_layers.\1.1."),
        (r"decoder\.up_(\d)\.", r"up_\1.conv."),
        (r"head\.", "final.0."),
    )


SEED = Format(
    preset="seed",
    markers=("psp.pooling_layers.0.1.weight", "up_1.conv.0.weight", "final.0.weight"),
    fields=_fields,
    names=_names,
    leftovers=("classifier.",),  # of auxiliary_loss=True, which classifies the photo
    zeros=r"decoder\.up_\d\.0\.bias",
)
