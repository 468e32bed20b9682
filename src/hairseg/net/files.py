"""Networks as files: the weights in one safetensors file, the network's description in its header.

A file of ours is a checkpoint of a training, whose header has the recipe, or a converted one, whose header has
the network alone. A file is replaced in one step, and is never a pickle.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from torch import Tensor

from hairseg.errors import ModelError, UsageError
from hairseg.net.build import NetConfig, build
from hairseg.net.pspnet import PSPNet


def load(path: str | os.PathLike[str]) -> PSPNet:
    """The network in a file, ready to be called.

    ``net(batch)`` gives logits (N, classes, H, W) of photos (N, 3, H, W) at their own size, whatever it is. The
    photos are RGB in [0, 1], less ``net.backbone.mean`` and divided by ``net.backbone.std``.

    Args:
        path: a converted file, a checkpoint of a training (best.safetensors), or a published file, which is
            converted in memory (:func:`hairseg.net.published.convert`).

    Returns:
        The network in eval mode, float32.

    Raises:
        ModelError: the file is missing, damaged, or holds no network that is known.
    """
    from hairseg.net.published import convert

    path = Path(path)
    if path.suffix.lower() == ".safetensors":
        tensors, header = read_tensors(path)
        config = config_in(header, path)
        if config is not None:
            return restore(config, tensors, header, path)
    return convert(path).net


def restore(config: NetConfig, tensors: dict[str, Tensor], header: dict[str, Any], path: Path) -> PSPNet:
    """The network of a file of ours that has been read.

    Raises:
        ModelError: the weights are another network's.
    """
    net = build(config)
    load_tensors(net, tensors, path)
    if "mean" in header and "std" in header:  # a converted file's; a checkpoint's are its backbone's
        net.backbone.mean, net.backbone.std = tuple(header["mean"]), tuple(header["std"])
    return net.eval()


def config_in(header: dict[str, Any], path: Path) -> NetConfig | None:
    """The network that a header describes; None where the file is not one of ours.

    Raises:
        ModelError: the description is of a newer release, or was changed.
    """
    from hairseg.training.table import from_table

    recipe = header.get("recipe")
    table = recipe.get("net") if isinstance(recipe, dict) else header.get("net")
    if not isinstance(table, dict):
        return None
    try:
        return from_table(NetConfig, table, str(path))
    except UsageError as error:
        raise ModelError(f"{error}; the file is of another release of hairseg") from error


def load_tensors(net: PSPNet, tensors: dict[str, Tensor], path: Path) -> None:
    """Load weights into ``net``, or say which do not fit.

    Raises:
        ModelError: the file is a checkpoint of another network.
    """
    own = net.state_dict()
    missing = sorted(own.keys() - tensors.keys())
    surplus = sorted(tensors.keys() - own.keys())
    shapes = [key for key in own.keys() & tensors.keys() if own[key].shape != tensors[key].shape]
    if missing or surplus or shapes:
        example = (missing + surplus + sorted(shapes))[0]
        raise ModelError(
            f"{path}: a checkpoint of another network: {len(missing)} tensors are missing, {len(surplus)} are "
            f"left over, {len(shapes)} have another shape, for example {example}"
        )
    net.load_state_dict(tensors)


def write_tensors(path: Path, tensors: dict[str, Tensor], header: dict[str, Any]) -> None:
    """Write a safetensors file with ``header`` as JSON in its metadata, replaced in one step."""
    from safetensors.torch import save_file

    partial = path.with_name(f".{path.name}.partial")
    plain = {key: value.detach().contiguous() for key, value in tensors.items()}
    try:
        save_file(plain, partial, metadata={"hairseg": json.dumps(header)})
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors of a safetensors file and our header, empty in another's file.

    Raises:
        ModelError: missing or damaged.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            header = json.loads((file.metadata() or {}).get("hairseg", "{}"))
            if not isinstance(header, dict):
                raise ValueError("its header is no table")
            return {key: file.get_tensor(key) for key in file.keys()}, header  # noqa: SIM118 - not a dict
    except FileNotFoundError as error:
        raise ModelError(f"{path}: no such checkpoint") from error
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(f"{path}: not a readable checkpoint ({error})") from error
