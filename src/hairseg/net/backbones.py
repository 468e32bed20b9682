"""Base networks: a photo in, features at falling resolution out.

``squeezenet1_1`` is torchvision's, cut before its classifier as in the seed. Every other name is timm's.
A backbone has ``channels`` and ``strides``, one entry per stage, and returns a list of features.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, get_args

import torch
from torch import Tensor, nn

from hairseg.errors import ModelError, UsageError
from hairseg.net.efficientnet import fix_same_padding, leave_out, set_hidden, trim_last
from hairseg.net.resnet import STEMS, Stem, is_resnet, set_dilation, weights_name

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class Backbone(nn.Module):
    """What the network asks of its base: features per stage, their channels and strides.

    Attributes:
        channels: channels of each stage's features, finest first.
        strides: stride of each stage's features against the photo.
        imagenet_name: of the classifier whose weights it can start from.
        mean: channel means of the photos it was trained on, of RGB in [0, 1].
        std: their standard deviations.
    """

    channels: tuple[int, ...]
    strides: tuple[int, ...]
    imagenet_name: str
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD

    def load_imagenet(self, weights: dict[str, Tensor]) -> None:
        """Load a classifier's state dict; its classifier is left over, everything else must be there."""
        raise NotImplementedError


class SqueezeNet(Backbone):
    """SqueezeNet 1.1 (torchvision) up to its classifier, in the seed's four stages.

    Args:
        stages: how many of them to keep, finest first; 0 keeps all.

    Shape:
        (N, 3, H, W) -> features of 64, 128, 256, 512 channels at strides 2, 4, 8, 16.
    """

    imagenet_name = "squeezenet1_1"
    # torchvision's layers in each stage.
    layers: ClassVar[dict[str, range]] = {
        "feature1": range(2),
        "feature2": range(2, 5),
        "feature3": range(5, 8),
        "feature4": range(8, 13),
    }

    def __init__(self, stages: int = 0) -> None:
        super().__init__()
        from torchvision.models import squeezenet1_1

        if stages > len(self.layers):
            raise UsageError(
                f"backbone 'squeezenet1_1' has no {stages} stages: lower backbone_stages, or 0 for all"
            )
        kept = stages or len(self.layers)
        self.channels = (64, 128, 256, 512)[:kept]
        self.strides = (2, 4, 8, 16)[:kept]
        features = squeezenet1_1(weights=None).features
        for name in list(self.layers)[:kept]:
            indices = self.layers[name]
            self.add_module(name, features[indices.start : indices.stop])

    def forward(self, photo: Tensor) -> list[Tensor]:
        """Photo (N, 3, H, W), normalised, to its features, finest first."""
        features = [photo]
        for stage in self.children():
            features.append(stage(features[-1]))
        return features[1:]

    def load_imagenet(self, weights: dict[str, Tensor]) -> None:
        """Load torchvision's names: ``features.<index>.*``."""
        kept = dict(self.named_children())
        own = {}
        for key, value in weights.items():
            if key.startswith("features."):
                index, rest = key.removeprefix("features.").split(".", 1)
                stage = next(name for name, indices in self.layers.items() if int(index) in indices)
                if stage in kept:
                    own[f"{stage}.{index}.{rest}"] = value  # a sliced Sequential keeps the running index
        self.load_state_dict(own)


class Timm(Backbone):
    """Any timm backbone that gives features per stage.

    Args:
        name: timm's name, for example ``tf_efficientnet_lite0`` or ``resnet50``.
        stages: how many stages to keep, finest first; 0 keeps all. A ResNet's are the stem and its four.
        output_stride: dilate the last stages so that no stride is larger; 0 leaves the network as it is.
        stem: of a ResNet; ``own`` is the named network's.
        contract_dilation: the first block of a ResNet's dilated stage keeps the dilation of the stage before.
        dilate_second: blocks of ResNet-18 and 34 dilate both their convolutions, not the first alone.
        trim: leave out this many groups of blocks at the end of an EfficientNet's last stage.
        without: leave out these of an EfficientNet's residual blocks, by the numbers of their group and in it.
        hidden: channels inside each of an EfficientNet's blocks that are left, in their order; empty for its own.
    """

    def __init__(
        self,
        name: str,
        stages: int = 0,
        output_stride: int = 0,
        stem: Stem = "own",
        contract_dilation: bool = False,
        dilate_second: bool = True,
        trim: int = 0,
        without: Sequence[str] = (),
        hidden: Sequence[int] = (),
    ) -> None:
        super().__init__()
        import timm

        # With "hf-hub:" or "local-dir:" in front, timm would fetch or open whatever a recipe names.
        if not re.fullmatch(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)?", name):
            raise UsageError(f"backbone {name!r} is no name of timm's: use one of timm.list_models()")
        resnet = is_resnet(name)
        if stem != "own" and not resnet:
            raise UsageError(f'backbone {name!r} has no {stem} stem, only ResNets have: use stem = "own"')
        arguments: dict[str, Any] = dict(STEMS[stem]) if stem != "own" else {}
        if output_stride:
            arguments["output_stride"] = output_stride
        if stages:
            arguments["out_indices"] = tuple(range(stages))
        try:
            self.body = timm.create_model(name, pretrained=False, features_only=True, **arguments)
        except IndexError as error:
            raise UsageError(
                f"backbone {name!r} has no {stages} stages: lower backbone_stages, or 0 for all"
            ) from error
        except (RuntimeError, TypeError, AssertionError) as error:
            dilated = f" at output stride {output_stride}" if output_stride else ""
            raise UsageError(f"backbone {name!r} cannot be built by timm{dilated}: {error}") from error
        if resnet:
            set_dilation(self.body, contract_dilation, dilate_second)
        if stages and hasattr(self.body, "blocks"):
            # timm's EfficientNets run every block, and keep its weights, whatever stages are asked for.
            last = self.body.feature_info.module_name(stages - 1)
            self.body.blocks = self.body.blocks[: int(last.split(".")[1]) + 1]
        fix_same_padding(self.body)
        leave_out(self.body, without, name)
        self.channels = tuple(self.body.feature_info.channels())
        if trim:
            self.channels = (*self.channels[:-1], trim_last(self.body, trim, name))
        set_hidden(self.body, hidden, name)
        self.strides = tuple(self.body.feature_info.reduction())
        if output_stride and self.strides[-1] > output_stride:
            raise UsageError(
                f"backbone {name!r} has stride {self.strides[-1]} and cannot be dilated to {output_stride}"
            )
        self.imagenet_name = weights_name(name, stem)
        config = timm.get_pretrained_cfg(self.imagenet_name)
        if config is not None:
            self.mean = tuple(config.mean)
            self.std = tuple(config.std)

    def forward(self, photo: Tensor) -> list[Tensor]:
        """Photo (N, 3, H, W), normalised, to one feature map per stage, finest first."""
        return list(self.body(photo))

    def load_imagenet(self, weights: dict[str, Tensor]) -> None:
        """Load timm's names; only what the features do not use may be left over."""
        own = self.body.state_dict()
        other = [key for key in own.keys() & weights.keys() if own[key].shape != weights[key].shape]
        if other:
            raise ModelError(
                f"the backbone weights, {self.imagenet_name}'s, are another network's: {len(other)} tensors have "
                f"another shape, for example {min(other)!r}; use --pretrained none, or that network's own stem"
            )
        missing, _ = self.body.load_state_dict(weights, strict=False)
        lost = [key for key in missing if not key.endswith("num_batches_tracked")]
        if lost:
            raise ModelError(f"the backbone weights lack {len(lost)} tensors, for example {lost[0]!r}")


def build_backbone(
    name: str,
    stages: int = 0,
    output_stride: int = 0,
    stem: Stem = "own",
    contract_dilation: bool = False,
    dilate_second: bool = True,
    trim: int = 0,
    without: Sequence[str] = (),
    hidden: Sequence[int] = (),
) -> Backbone:
    """The backbone called ``name``: ``squeezenet1_1`` or any timm name; arguments as of :class:`Timm`.

    Raises:
        UsageError: the backbone is unknown, or cannot be had like this.
    """
    if stages < 0:
        raise UsageError(f"backbone_stages is {stages}: give how many to keep, or 0 for all")
    if output_stride not in (0, 8, 16, 32):
        raise UsageError(
            f"output_stride {output_stride} is not possible: use 8, 16, 32, or 0 for the backbone's own"
        )
    if stem not in get_args(Stem):
        raise UsageError(f"stem {stem!r} is unknown: use one of {', '.join(get_args(Stem))}")
    if name != "squeezenet1_1":
        return Timm(
            name, stages, output_stride, stem, contract_dilation, dilate_second, trim, without, hidden
        )
    if trim:
        raise UsageError(
            "backbone_trim leaves out blocks of an EfficientNet, and squeezenet1_1 has none: use 0"
        )
    if without:
        raise UsageError(
            "backbone_without leaves out blocks of an EfficientNet, and squeezenet1_1 has none: leave it out"
        )
    if hidden:
        raise UsageError(
            "backbone_hidden is of an EfficientNet's blocks, and squeezenet1_1 has none: leave it out"
        )
    if stem != "own":
        raise UsageError(f'squeezenet1_1 has no {stem} stem, only ResNets have: use stem = "own"')
    if output_stride not in (0, 16):
        raise UsageError(f"squeezenet1_1 has output stride 16, not {output_stride}")
    return SqueezeNet(stages)


def read_weights(path: Path) -> dict[str, Tensor]:
    """Tensors of a safetensors file by name; never a pickle.

    Raises:
        ModelError: the file is missing or is not safetensors.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        weights: dict[str, Tensor] = load_file(path)
    except FileNotFoundError as error:
        raise ModelError(f"{path}: no such weights file") from error
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path}: not a readable safetensors file ({error})") from error
    return {key: value.float() if torch.is_floating_point(value) else value for key, value in weights.items()}
