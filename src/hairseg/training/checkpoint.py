"""Checkpoints: one safetensors file each, replaced in one step, never a pickle.

``best.safetensors`` holds the weights that ship; ``last.safetensors`` everything that a resume needs. Both
carry the recipe in their header, so that a network is rebuilt from the file alone.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hairseg.errors import ModelError
from hairseg.net import PSPNet
from hairseg.net.files import config_in, load_tensors, read_tensors, restore, write_tensors
from hairseg.training.optimize import MovingAverage
from hairseg.training.recipe import Recipe, is_file_name
from hairseg.training.table import from_table


def write_weights(path: Path, net: PSPNet, recipe: Recipe, **facts: Any) -> None:
    """Write a network's weights with its recipe and ``facts`` (epoch, scores) in the header."""
    write_tensors(path, dict(net.state_dict()), {"recipe": dataclasses.asdict(recipe), **facts})


def read_checkpoint(path: Path) -> tuple[PSPNet, Recipe, dict[str, Any]]:
    """The network of a file made by :func:`write_weights`, its recipe, and the facts beside it.

    A converted network has a recipe that names no data.

    Raises:
        ModelError: missing, damaged, or the weights are another network's.
    """
    tensors, header = read_tensors(path)
    if "recipe" not in header and (config := config_in(header, path)):
        name = path.stem if is_file_name(path.stem) else "converted"
        recipe = Recipe(name, config, train=(), validate=())
    else:
        recipe = _recipe(header, path)
    return restore(recipe.net, tensors, header, path), recipe, header


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
    if average.start is not None:
        tensors |= {f"start.{key}": value for key, value in average.start.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        for key, value in state.items():
            if value is not None:
                tensors[f"optimizer.{index}.{key}"] = torch.as_tensor(value)
    write_tensors(path, tensors, {"recipe": dataclasses.asdict(recipe), **facts})


def read_state(
    path: Path, net: PSPNet, average: MovingAverage, optimizer: torch.optim.Optimizer
) -> tuple[Recipe, dict[str, Any]]:
    """Load what :func:`write_state` wrote into the given objects; returns its recipe and facts."""
    tensors, header = read_tensors(path)
    load_tensors(net, _part(tensors, "net."), path)
    load_tensors(average.net, _part(tensors, "average."), path)
    if average.start is not None:
        load_tensors(average.start, _part(tensors, "start."), path)
    try:
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in _part(tensors, "optimizer.").items():
            index, _, name = key.partition(".")
            state.setdefault(int(index), {})[name] = value
        groups = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": state, "param_groups": groups})
        header |= {"epochs": int(header["epochs"]), "best": float(header["best"])}
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise ModelError(f"{path}: not the state of a training ({error!r}): start a new run") from error
    return _recipe(header, path), header


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}


def _recipe(header: dict[str, Any], path: Path) -> Recipe:
    if "recipe" not in header:
        raise ModelError(f"{path}: not a checkpoint of this project: it carries no recipe")
    return from_table(Recipe, header["recipe"], str(path))
