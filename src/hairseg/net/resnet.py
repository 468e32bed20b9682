"""What the variants of PSPNet change in a ResNet: its stem, and how its last stages are dilated.

timm brings ResNets, stems and dilation, but of the published PSPNets it dilates as one of them only: the
first block of a dilated stage keeps the dilation of the stage before (mmsegmentation and GluonCV call
that contracted). The paper's code and PaddleSeg dilate that block like the others of its stage.
"""

from __future__ import annotations

from typing import Any, Literal

from torch import nn

Stem = Literal["own", "7x7", "deep", "v1c", "vd"]

# 7x7: one convolution to 64 channels. The others: three 3x3, to 64, 64 and 128 channels (the paper's) or
# to 32, 32 and 64 (v1c of mmsegmentation; vd of PaddleSeg, which also averages where it downsamples).
STEMS: dict[str, dict[str, Any]] = {
    "7x7": {"stem_type": "", "stem_width": 64, "avg_down": False},
    "deep": {"stem_type": "deep", "stem_width": 64, "avg_down": False},
    "v1c": {"stem_type": "deep", "stem_width": 32, "avg_down": False},
    "vd": {"stem_type": "deep", "stem_width": 32, "avg_down": True},
}
# timm's names of the same networks, under which their ImageNet weights are kept.
_SUFFIXES = {"deep": "s", "v1c": "c", "vd": "d"}


def is_resnet(name: str) -> bool:
    """Whether timm builds ``name`` from its ResNet class, whose stem can be chosen."""
    import timm

    plain = name.partition(".")[0]  # without the tag of its weights
    known = timm.is_model(plain)
    return bool(known and timm.model_entrypoint(plain).__module__ == "timm.models.resnet")


def weights_name(name: str, stem: Stem) -> str:
    """timm's name of the network with that stem, for example ``resnet50s``; ``name`` where it has none."""
    import timm

    with_stem = name + _SUFFIXES.get(stem, "")
    return with_stem if timm.is_model(with_stem) else name


def set_dilation(body: nn.Module, contracted: bool, second: bool) -> None:
    """Dilate the stages of one of timm's ResNets as another code does; weights stay.

    Args:
        body: a ResNet, or the part of it that gives features.
        contracted: the first block of a dilated stage keeps the dilation of the stage before.
        second: blocks of two 3x3 convolutions (ResNet-18 and 34) dilate both, rather than the first alone
            (as mmsegmentation does).
    """
    before = 1
    for name, stage in body.named_children():
        if not name.startswith("layer"):
            continue
        for index, block in enumerate(stage.children()):
            dilation = int(block.dilation)  # type: ignore[arg-type]  # of the stage
            first = before if contracted and index == 0 else dilation
            if _is_basic(block):
                _dilate(block.conv1, first)
                _dilate(block.conv2, dilation if second else 1)
            else:
                _dilate(block.conv2, first)
            if dilation > 1 and isinstance(block.downsample, nn.Sequential) and len(block.downsample) == 3:
                # Where nothing is downsampled any more, timm averages 2x2 all the same; no other code does.
                block.downsample[0] = nn.Identity()
        before = dilation


def _is_basic(block: nn.Module) -> bool:
    return not hasattr(block, "conv3")


def _dilate(convolution: Any, dilation: int) -> None:
    if convolution.kernel_size != (1, 1):
        convolution.dilation = convolution.padding = (dilation, dilation)
