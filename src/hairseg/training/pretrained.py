"""ImageNet weights for a backbone: from a local folder, or by name from torchvision and timm."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from torch import Tensor

from hairseg.errors import ModelError
from hairseg.net.backbones import read_weights


def imagenet_weights(backbone: str) -> dict[str, Tensor]:
    """The state dict of an ImageNet classifier.

    ``$HAIRSEG_WEIGHTS/<backbone>_imagenet.safetensors`` comes first (the folder ``weights`` beside
    ``$HAIRSEG_DATA`` if the variable is not set); without it the library that brings the backbone downloads.

    Raises:
        ModelError: neither works.
    """
    folder = os.environ.get("HAIRSEG_WEIGHTS")
    data = os.environ.get("HAIRSEG_DATA")
    places = [Path(folder)] if folder else [Path(data).parent / "weights"] if data else []
    for place in places:
        path = place / f"{backbone}_imagenet.safetensors"
        if path.is_file():
            return read_weights(path)
    try:
        return _download(backbone)
    except Exception as error:  # every library has its own way to say that there is no network
        looked = f"not in {places[0]}, and " if places else ""
        raise ModelError(
            f"ImageNet weights of {backbone}: {looked}the download failed ({type(error).__name__}); set "
            f"HAIRSEG_WEIGHTS to a folder with {backbone}_imagenet.safetensors, or use --pretrained none"
        ) from error


def _download(backbone: str) -> dict[str, Tensor]:
    if backbone == "squeezenet1_1":
        from torchvision.models import SqueezeNet1_1_Weights

        weights: dict[str, Tensor] = SqueezeNet1_1_Weights.IMAGENET1K_V1.get_state_dict(check_hash=True)
        return weights
    import timm

    model: Any = timm.create_model(backbone, pretrained=True)
    state: dict[str, Tensor] = model.state_dict()
    return state
