"""What is imitated: a network that is asked about every view, as it is varied, while another one learns.

What a teacher says of whole photos, stored once, is varied with the masks; what it would say of the varied view it
does not tell: of hair that was dyed, of blur, of a head on another background. A student that sees what its teacher sees,
for long, comes much nearer to it (Beyer et al., "Knowledge distillation: A good teacher is patient and consistent",
CVPR 2022).
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from hairseg.errors import ModelError, UsageError
from hairseg.models import find_model, info_of, packaged
from hairseg.net import PSPNet
from hairseg.net.backbones import Backbone
from hairseg.printable import printable
from hairseg.session import Session
from hairseg.training.checkpoint import read_checkpoint, write_weights
from hairseg.training.precision import autocast
from hairseg.training.processes import Processes
from hairseg.training.recipe import Recipe
from hairseg.training.start import config_of

# Views (N, 3, H, W), normalised for the network that learns -> the probability (N, H, W), and the features that the
# asked network's parts hand on, where they can be compared.
Imitated = Callable[[Tensor], tuple[Tensor, list[Tensor]]]

# In the run's folder, where a resume finds it.
IMITATED = "imitated.safetensors"
# Sides of reduced views are multiples of it: grids of networks that halve four times.
GRID = 16


def itself(net: PSPNet, recipe: Recipe, path: Path, resume: bool, processes: Processes) -> Imitated:
    """What the training starts from, with all of its channels.

    Args:
        net: with the weights that the training starts from; on a resume, whatever it is.
        recipe: of the training.
        path: where it is kept, or was.
        resume: take what is kept.
        processes: that train; the first one writes.
    """
    if resume:
        whole = read_checkpoint(path)[0]
    else:
        whole = copy.deepcopy(net)
        described = dataclasses.replace(recipe, net=config_of(whole, recipe))
        processes.from_first(lambda: write_weights(path, whole, described))
    whole = _still(whole, processes)

    def ask(views: Tensor) -> tuple[Tensor, list[Tensor]]:
        with autocast(recipe.bf16, processes.device):
            logits, features = whole.with_features(views)
        return torch.sigmoid(logits[0][:, 0].float()), features

    return ask


def another(
    name: str, backbone: Backbone, recipe: Recipe, path: Path, resume: bool, processes: Processes
) -> Imitated:
    """Another network than what the training starts from.

    Args:
        name: a packaged model's name, an exported ``.onnx``, or a checkpoint.
        backbone: of the network that learns, whose normalisation views have.
        recipe: of the training.
        path: where a checkpoint's network is kept, or was.
        resume: take what is kept.
        processes: that train; the first one writes.

    Raises:
        UsageError: there is no such model.
        ModelError: it is missing, damaged, or tells other classes than hair.
    """
    if name.endswith(".onnx") or name in packaged():
        return _exported(find_model(name), name, backbone)
    if not name.endswith((".safetensors", ".toml")):
        raise UsageError(
            f"distil: imitate_of is {name!r}: use a packaged model's name, an exported .onnx file, a .safetensors "
            "checkpoint, or the .toml recipe to train first"
        )
    net, described, _ = read_checkpoint(path if resume else Path(name))
    _check_classes(name, described.net.classes)
    if not resume:
        processes.from_first(lambda: write_weights(path, net, described))
    net = _still(net, processes)
    rescale = _other_norm(backbone, net.backbone.mean, net.backbone.std)

    def ask(views: Tensor) -> tuple[Tensor, list[Tensor]]:
        with autocast(recipe.bf16, processes.device):
            logits: Tensor = net(rescale(views))
        return torch.sigmoid(logits[:, 0].float()), []

    return ask


def reduced(views: Tensor, truth: Tensor, times: float) -> tuple[Tensor, Tensor]:
    """Views and their truth as the network that learns sees them, where what it imitates sees them larger.

    Args:
        views: (N, 3, H, W), normalised.
        truth: (N, H, W) or (N, 2, H, W) uint8; taken at the nearest pixel's middle.
        times: their sides shrink by, to multiples of ``GRID``.
    """
    if times == 1:
        return views, truth
    sides = [shrunk(side, times) for side in views.shape[2:]]
    small = F.interpolate(views, size=sides, mode="bilinear", antialias=True)
    layers = truth if truth.ndim == 4 else truth[:, None]
    true = F.interpolate(layers, size=sides, mode="nearest-exact")
    return small.contiguous(memory_format=torch.channels_last), true if truth.ndim == 4 else true[:, 0]


def shrunk(side: int, times: float) -> int:
    """The side of a view, in pixels, that is reduced by so many times."""
    return side if times == 1 else max(2, round(side / times / GRID)) * GRID


def as_large(said: Tensor, views: Tensor) -> Tensor:
    """An answer (N, H, W) at the size of views (N, 3, h, w)."""
    if said.shape[1:] == views.shape[2:]:
        return said
    return F.interpolate(said[:, None], size=views.shape[2:], mode="bilinear", antialias=True)[:, 0]


def _still(net: PSPNet, processes: Processes) -> PSPNet:
    return net.eval().requires_grad_(False).to(processes.device).to(memory_format=torch.channels_last)


def _exported(path: Path, name: str, backbone: Backbone) -> Imitated:
    session = Session(path, torch.get_num_threads())
    info = info_of(session.get(), path)
    _check_classes(name, len(info.classes))
    rescale = _other_norm(backbone, info.mean, info.std)

    def ask(views: Tensor) -> tuple[Tensor, list[Tensor]]:
        photo = rescale(views).float().cpu().contiguous(memory_format=torch.contiguous_format).numpy()
        (found,) = session.get().run(["probability"], {"photo": photo})
        return torch.from_numpy(found)[:, 0].clamp(0, 1).to(views.device), []

    return ask


def _other_norm(
    backbone: Backbone, mean: tuple[float, ...], std: tuple[float, ...]
) -> Callable[[Tensor], Tensor]:
    """From views as ``backbone`` takes them to views less ``mean``, divided by ``std``."""
    own_mean, own_std, new_mean, new_std = (
        torch.tensor(one).view(1, 3, 1, 1) for one in (backbone.mean, backbone.std, mean, std)
    )
    gain, shift = own_std / new_std, (own_mean - new_mean) / new_std
    return lambda views: views * gain.to(views.device) + shift.to(views.device)


def _check_classes(name: str, classes: int) -> None:
    if classes != 1:
        raise ModelError(
            f"distil: imitate_of {printable(name)} tells {classes} classes apart: give one that finds hair"
        )
