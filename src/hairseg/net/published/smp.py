"""segmentation_models.pytorch: PSPNet on the first stages of an encoder, torchvision's ResNet among them.

Its files are bare state dicts. They hold the encoder whole, also the stages behind the pyramid. With timm's
encoders (``tu-resnet50``) the names begin with ``encoder.model.``. Sources: decoders/pspnet/, base/heads.py,
base/modules.py and encoders/resnet.py of that repository; pspnet/ of release 0.0.x for the older names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hairseg.errors import ModelError
from hairseg.net.build import NetConfig
from hairseg.net.published.formats import Format, Names, Shapes, bins, count, norm, resnet, stem, vote

_STAGES = ("encoder.layer1.", "encoder.layer2.", "encoder.layer3.", "encoder.layer4.")
_LEVEL = "decoder.psp.blocks.{}.pool.1.0.weight"


def _fields(shapes: Shapes, entries: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG001 - they say nothing
    levels = count(shapes, r"decoder\.psp\.blocks\.")
    return {
        "backbone": resnet(shapes, _STAGES),
        "stem": stem(shapes, "encoder.conv1.", "encoder.layer2."),
        "backbone_stages": _depth(shapes, levels),
        "bins": bins(levels),
        "head_width": vote(shapes, *norm("decoder.conv.1"), ("decoder.conv.0.weight", 0)),
        "classes": vote(shapes, ("segmentation_head.0.weight", 0), ("segmentation_head.0.bias", 0)),
    }


def _depth(shapes: Shapes, levels: int) -> int | None:
    """encoder_depth: how many stages, the stem as the first, stand below the pyramid."""
    wanted = vote(shapes, *((_LEVEL.format(level), 1) for level in range(levels)))
    for index, stage in enumerate(_STAGES):
        blocks = count(shapes, stage.replace(".", r"\."))
        last = [f"{stage}{blocks - 1}.{norm_of_block}" for norm_of_block in ("bn3", "bn2")]
        channels = next((vote(shapes, *norm(name)) for name in last if f"{name}.weight" in shapes), None)
        # layer1 and the stem of ResNet-18 have the same channels; encoder_depth is 3 to 5.
        if index > 0 and channels == wanted:
            return index + 2
    if wanted is None:
        return None
    raise ModelError(f"its pyramid takes {wanted} channels, which no stage of its encoder has")


def _names(config: NetConfig) -> Names:  # noqa: ARG001 - the same for all
    return (
        (r"backbone\.body\.", "encoder."),
        (r"pyramid\.levels\.(\d+)\.(\d+)\.", r"decoder.psp.blocks.\1.pool.1.\2."),
        (r"decoder\.bottleneck\.", "decoder.conv."),
        (r"head\.", "segmentation_head.0."),
    )


SMP = Format(
    preset="smp",
    markers=(_LEVEL.format(0), "decoder.conv.0.weight", "segmentation_head.0.weight"),
    fields=_fields,
    names=_names,
    # encoder_depth leaves the last stages in the file; aux_params adds a head that classifies the photo.
    leftovers=("encoder.layer3.", "encoder.layer4.", "encoder.fc.", "classification_head.", "decoder.aux."),
    older=(
        (r"\bencoder\.model\.", "encoder."),
        (r"\bdecoder\.psp\.stages\.", "decoder.psp.blocks."),
        (r"(\bdecoder\.(?:psp\.blocks\.\d+\.pool\.1|conv))\.conv\.", r"\1.0."),
        (r"(\bdecoder\.(?:psp\.blocks\.\d+\.pool\.1|conv))\.batchnorm\.", r"\1.1."),
        (r"\bdecoder\.final_conv\.", "segmentation_head.0."),
    ),
)
