"""Networks as files: the weights in one safetensors file, the network's description in its header.

A file of ours is a checkpoint of a training, whose header has the recipe, or a converted one, whose header has
the network alone. A file is replaced in one step, and is never a pickle.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hairseg.errors import HairsegError, ModelError, OutputError, UsageError
from hairseg.net.build import NetConfig, build
from hairseg.net.pspnet import PSPNet
from hairseg.printable import printable


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
        ModelError: the weights are another network's, or there is no such network.
    """
    try:
        with torch.device("meta"):  # shapes alone: a header may ask for more than fits into memory
            check_tensors(build(config), tensors, path)
    except HairsegError:
        raise
    except Exception as error:  # torch and timm have no common base for what cannot be built
        reason = str(error).partition("\n")[0]
        raise ModelError(f"{path}: describes a network that cannot be built ({reason})") from error
    net = build(config)
    net.load_state_dict(tensors)
    if "mean" in header and "std" in header:  # a converted file's; a checkpoint's are its backbone's
        try:
            net.backbone.mean, net.backbone.std = _triple(header["mean"]), _triple(header["std"])
        except (TypeError, ValueError) as error:
            raise ModelError(
                f"{path}: its header's mean or std is not three numbers: convert it again"
            ) from error
    return net.eval()


def _triple(values: Any) -> tuple[float, float, float]:
    """One number a colour; raises a built-in error for anything else."""
    red, green, blue = map(float, values)
    return red, green, blue


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
    check_tensors(net, tensors, path)
    net.load_state_dict(tensors)


def check_tensors(net: PSPNet, tensors: dict[str, Tensor], path: Path) -> None:
    """Look whether weights are those of ``net``, whose own values do not matter.

    Raises:
        ModelError: the file is a checkpoint of another network.
    """
    own = net.state_dict()
    missing = sorted(own.keys() - tensors.keys())
    surplus = sorted(tensors.keys() - own.keys())
    shapes = [key for key in own.keys() & tensors.keys() if own[key].shape != tensors[key].shape]
    if any(key.startswith("average.") for key in surplus):
        raise ModelError(
            f"{path}: a training's whole state, from which it goes on: give the best.safetensors beside it"
        )
    if missing or surplus or shapes:
        example = (missing + surplus + sorted(shapes))[0]
        raise ModelError(
            f"{path}: a checkpoint of another network: {len(missing)} tensors are missing, {len(surplus)} are "
            f"left over, {len(shapes)} have another shape, for example {example}"
        )


def write_tensors(path: Path, tensors: dict[str, Tensor], header: dict[str, Any]) -> None:
    """Write a safetensors file with ``header`` as JSON in its metadata, replaced in one step.

    Raises:
        OutputError: the disk is full, or the folder read-only; a file from before is untouched.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    partial = path.with_name(f".{path.name}.partial")
    plain = {key: value.detach().contiguous() for key, value in tensors.items()}
    try:
        save_file(plain, partial, metadata={"hairseg": json.dumps(header)})
        with partial.open("rb") as file:
            os.fsync(file.fileno())  # or a machine that loses its power may have renamed an empty file
        os.replace(partial, path)
    except (OSError, SafetensorError) as error:
        raise OutputError(
            f"{printable(path)} cannot be written ({_reason(error)}): make room or give rights and go on; a file of "
            "that name from before is kept"
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def _reason(error: Exception) -> str:
    """What the system says, also where safetensors wraps it: ``I/O error: ... (os error 28)``."""
    number = re.search(r"os error (\d+)", str(error))
    return os.strerror(int(number[1])) if number else getattr(error, "strerror", None) or str(error)


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
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path}: not a readable checkpoint ({error})") from error
