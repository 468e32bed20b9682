"""Checkpoints: one safetensors file each, replaced in one step, never a pickle.

``best.safetensors`` holds the weights that ship; ``last.safetensors`` everything that a resume needs. Both
carry the recipe in their header, so that a network is rebuilt from the file alone.
"""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hairseg.errors import ModelError
from hairseg.net import PSPNet, build
from hairseg.training.optimize import MovingAverage
from hairseg.training.recipe import Recipe, from_table


def write_weights(path: Path, net: PSPNet, recipe: Recipe, **facts: Any) -> None:
    """Write a network's weights with its recipe and ``facts`` (epoch, scores) in the header."""
    _write(path, dict(net.state_dict()), {"recipe": dataclasses.asdict(recipe), **facts})


def read_checkpoint(path: Path) -> tuple[PSPNet, Recipe, dict[str, Any]]:
    """The network of a file made by :func:`write_weights`, its recipe, and the facts beside it.

    Raises:
        ModelError: missing, damaged, or the weights are another network's.
    """
    tensors, header = _read(path)
    recipe = _recipe(header, path)
    net = build(recipe.net)
    load(net, tensors, path)
    return net.eval(), recipe, header


def load(net: PSPNet, tensors: dict[str, Tensor], path: Path) -> None:
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


def write_state(
    path: Path,
    net: PSPNet,
    average: MovingAverage,
    optimizer: torch.optim.Optimizer,
    recipe: Recipe,
    **facts: Any,
) -> None:
    """Write everything that training needs to go on after an epoch."""
    tensors = {f"net.{key}": value for key, value in net.state_dict().items()}
    tensors |= {f"average.{key}": value for key, value in average.net.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        for key, value in state.items():
            if value is not None:
                tensors[f"optimizer.{index}.{key}"] = torch.as_tensor(value)
    _write(path, tensors, {"recipe": dataclasses.asdict(recipe), **facts})


def read_state(
    path: Path, net: PSPNet, average: MovingAverage, optimizer: torch.optim.Optimizer
) -> tuple[Recipe, dict[str, Any]]:
    """Load what :func:`write_state` wrote into the given objects; returns its recipe and facts."""
    tensors, header = _read(path)
    load(net, _part(tensors, "net."), path)
    load(average.net, _part(tensors, "average."), path)
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in _part(tensors, "optimizer.").items():
        index, _, name = key.partition(".")
        state.setdefault(int(index), {})[name] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
    return _recipe(header, path), header


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}


def _recipe(header: dict[str, Any], path: Path) -> Recipe:
    if "recipe" not in header:
        raise ModelError(f"{path}: not a checkpoint of this project: it carries no recipe")
    return from_table(Recipe, header["recipe"], str(path))


def _write(path: Path, tensors: dict[str, Tensor], header: dict[str, Any]) -> None:
    from safetensors.torch import save_file

    partial = path.with_name(f".{path.name}.partial")
    plain = {key: value.detach().contiguous() for key, value in tensors.items()}
    try:
        save_file(plain, partial, metadata={"hairseg": json.dumps(header)})
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            header = json.loads((file.metadata() or {}).get("hairseg", "{}"))
            return {key: file.get_tensor(key) for key in file.keys()}, header  # noqa: SIM118 - not a dict
    except FileNotFoundError as error:
        raise ModelError(f"{path}: no such checkpoint") from error
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(f"{path}: not a readable checkpoint ({error})") from error
