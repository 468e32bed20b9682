"""Base networks: a photo in, features at falling resolution out.

``squeezenet1_1`` is torchvision's, cut before its classifier as in the seed. Every other name is timm's.
A backbone has ``channels`` and ``strides``, one entry per stage, and returns a list of features.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hairseg.errors import ModelError, UsageError

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class Backbone(nn.Module):
    """What the network asks of its base: features per stage, their channels and strides.

    Attributes:
        channels: channels of each stage's features, finest first.
        strides: stride of each stage's features against the photo.
        mean: channel means of the photos it was trained on, of RGB in [0, 1].
        std: their standard deviations.
    """

    channels: tuple[int, ...]
    strides: tuple[int, ...]
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD

    def load_imagenet(self, weights: dict[str, Tensor]) -> None:
        """Load a classifier's state dict; its classifier is left over, everything else must be there."""
        raise NotImplementedError


class SqueezeNet(Backbone):
    """SqueezeNet 1.1 (torchvision) up to its classifier, in the seed's four stages.

    Shape:
        (N, 3, H, W) -> features of 64, 128, 256, 512 channels at strides 2, 4, 8, 16.
    """

    channels = (64, 128, 256, 512)
    strides = (2, 4, 8, 16)

    def __init__(self) -> None:
        super().__init__()
        from torchvision.models import squeezenet1_1

        features = squeezenet1_1(weights=None).features
        self.feature1 = features[:2]
        self.feature2 = features[2:5]
        self.feature3 = features[5:8]
        self.feature4 = features[8:]

    def forward(self, photo: Tensor) -> list[Tensor]:
        """Photo (N, 3, H, W), normalised, to four features, finest first."""
        feature1 = self.feature1(photo)  # stride 2
        feature2 = self.feature2(feature1)  # stride 4
        feature3 = self.feature3(feature2)  # stride 8
        feature4 = self.feature4(feature3)  # stride 16
        return [feature1, feature2, feature3, feature4]

    def load_imagenet(self, weights: dict[str, Tensor]) -> None:
        """Load torchvision's names: ``features.<index>.*``."""
        stages = {
            "feature1": range(2),
            "feature2": range(2, 5),
            "feature3": range(5, 8),
            "feature4": range(8, 13),
        }
        own = {}
        for key, value in weights.items():
            if key.startswith("features."):
                index, rest = key.removeprefix("features.").split(".", 1)
                stage = next(name for name, indices in stages.items() if int(index) in indices)
                own[f"{stage}.{index}.{rest}"] = value  # a sliced Sequential keeps the running index
        self.load_state_dict(own)


class EvenSameConv2d(nn.Conv2d):
    """A strided convolution with TensorFlow's "same" padding for even inputs, as fixed numbers.

    TensorFlow pads (0, 1) before a 3x3 convolution of stride 2 on an even input. timm computes that from the
    input's size at run time; canvases are multiples of 32, so the fixed padding gives the same numbers, and
    an exported graph holds no shape arithmetic.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, out_channels, about H / stride, about W / stride)."""
        total = self.kernel_size[0] - self.stride[0]
        before = total // 2
        padded = F.pad(x, (before, total - before, before, total - before))
        return F.conv2d(padded, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)


def _fix_same_padding(module: nn.Module) -> None:
    from timm.layers import Conv2dSame

    for child in module.modules():
        if isinstance(child, Conv2dSame):
            child.__class__ = EvenSameConv2d


class Timm(Backbone):
    """Any timm backbone that gives features per stage.

    Args:
        name: timm's name, for example ``tf_efficientnet_lite0``.
        stages: how many stages to keep, finest first; None keeps all.
        output_stride: dilate the last stages so that no stride is larger; None leaves the network as it is.
    """

    def __init__(self, name: str, stages: int | None = None, output_stride: int | None = None) -> None:
        super().__init__()
        import timm

        arguments: dict[str, Any] = {} if output_stride is None else {"output_stride": output_stride}
        if stages is not None:
            arguments["out_indices"] = tuple(range(stages))
        try:
            self.body = timm.create_model(name, pretrained=False, features_only=True, **arguments)
        except RuntimeError as error:
            raise UsageError(f"backbone {name!r} cannot be built by timm: {error}") from error
        _fix_same_padding(self.body)
        self.channels = tuple(self.body.feature_info.channels())
        self.strides = tuple(self.body.feature_info.reduction())
        config = timm.get_pretrained_cfg(name)
        if config is not None:
            self.mean = tuple(config.mean)
            self.std = tuple(config.std)

    def forward(self, photo: Tensor) -> list[Tensor]:
        """Photo (N, 3, H, W), normalised, to one feature map per stage, finest first."""
        return list(self.body(photo))

    def load_imagenet(self, weights: dict[str, Tensor]) -> None:
        """Load timm's names; only what the features do not use may be left over."""
        missing, _ = self.body.load_state_dict(weights, strict=False)
        lost = [key for key in missing if not key.endswith("num_batches_tracked")]
        if lost:
            raise ModelError(f"the backbone weights lack {len(lost)} tensors, for example {lost[0]!r}")


def build_backbone(name: str, stages: int | None = None, output_stride: int | None = None) -> Backbone:
    """The backbone called ``name``: ``squeezenet1_1`` or any timm name."""
    if name == "squeezenet1_1":
        if output_stride not in (None, 16):
            raise UsageError(f"squeezenet1_1 has output stride 16, not {output_stride}")
        return SqueezeNet()
    return Timm(name, stages, output_stride)


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
