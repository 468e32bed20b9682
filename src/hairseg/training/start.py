"""What a training starts from: ImageNet, another model of this project, a recipe that is trained first, or nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from hairseg.errors import UsageError
from hairseg.models import find_model, packaged, read_info
from hairseg.net import NetConfig, PSPNet, build
from hairseg.net.files import load_tensors
from hairseg.net.hidden import hidden_channels
from hairseg.printable import printable
from hairseg.training.alike import changed
from hairseg.training.checkpoint import read_checkpoint
from hairseg.training.export import data_names
from hairseg.training.freeze import no_part
from hairseg.training.pretrained import imagenet_weights
from hairseg.training.recipe import Recipe, read_recipe
from hairseg.training.unfold import Folded, load_exported, shapes_in


@dataclass(frozen=True)
class Start:
    """A network with the weights that its training starts from.

    Attributes:
        net: the network.
        wide: what has the weights that ``net`` is to get from it on training photos, where it has more hidden channels
            (:func:`hairseg.training.narrow.narrow`); None where ``net`` has its weights.
        folded: batch norms of the one with the weights that are still to be measured on training photos
            (:func:`hairseg.training.unfold.spread`).
        seen: data that an earlier training of these weights saw, as ``set:split``.
    """

    net: PSPNet
    wide: PSPNet | None = None
    folded: Folded = field(default_factory=list)
    seen: tuple[str, ...] = ()


def start(recipe: Recipe, pretrained: str) -> Start:
    """The network of ``recipe`` with the weights that ``pretrained`` names.

    Args:
        recipe: names the network.
        pretrained: ``imagenet``, ``none``, a packaged model's name, an exported ``.onnx`` or a ``.safetensors``.

    Raises:
        UsageError: it names nothing, or a fresh part is none of the network's.
        ModelError: the file is missing, damaged or another network's.
    """
    net = build(recipe.net)
    _check_fresh(recipe, net, pretrained)
    if pretrained.endswith(".safetensors"):
        other, trained, header = read_checkpoint(Path(pretrained))
        whole = _whole(recipe, net, {name: value.shape for name, value in other.state_dict().items()})
        load_tensors(whole, _with_fresh(whole, other, recipe), Path(pretrained))
        seen = (*data_names(trained), *map(str, header.get("seen", ())))
        return Start(net, _other_than(net, whole), seen=seen)
    if pretrained.endswith(".onnx") or pretrained in packaged():
        path = find_model(pretrained)
        whole = _whole(recipe, net, shapes_in(path))
        folded = load_exported(whole, path, recipe.fresh, left_out(recipe))
        return Start(net, _other_than(net, whole), folded, read_info(path).data)
    if pretrained == "imagenet":
        whole = (
            build(dataclasses.replace(recipe.net, backbone_hidden=())) if recipe.net.backbone_hidden else net
        )
        whole.backbone.load_imagenet(imagenet_weights(net.backbone.imagenet_name))
        return Start(net, _other_than(net, whole))
    if pretrained != "none":
        raise UsageError(
            f"pretrained is {pretrained!r}: use imagenet, none, a packaged model's name, an exported .onnx file, a "
            ".safetensors checkpoint, or the .toml recipe to train first"
        )
    return Start(net)


def _whole(recipe: Recipe, net: PSPNet, shapes: Mapping[str, Sequence[int]]) -> PSPNet:
    """The network of ``recipe`` with as many hidden channels as a file has; ``net`` itself where they are as many.

    Args:
        recipe: names the network.
        net: the network of ``recipe``.
        shapes: of the file's tensors, by the network's own names.
    """
    hidden = {one.name: one.width for one in hidden_channels(net)}
    found = {
        name: width if name.startswith(recipe.fresh) else shapes.get(f"{name}.weight", (width,))[0]
        for name, width in hidden.items()
    }
    return net if found == hidden else build(_with_channels(recipe.net, found))


def config_of(net: PSPNet, recipe: Recipe) -> NetConfig:
    """The description of a network that has, if anything, other hidden channels than the recipe's."""
    return _with_channels(recipe.net, {one.name: one.width for one in hidden_channels(net)})


def _with_channels(config: NetConfig, widths: Mapping[str, int]) -> NetConfig:
    """``config`` with these hidden channels, by the names of :func:`hairseg.net.hidden.hidden_channels`."""
    inside = tuple(width for name, width in widths.items() if name.startswith("backbone."))
    steps = tuple(width for name, width in widths.items() if name.startswith("decoder.steps."))
    # The first is also that of the reduction.
    return dataclasses.replace(config, backbone_hidden=inside, widths=(*steps, *config.widths[len(steps) :]))


def _other_than(net: PSPNet, whole: PSPNet) -> PSPNet | None:
    return None if whole is net else whole


def kept(recipe: Recipe, of: str) -> PSPNet:
    """The network of ``recipe`` with the weights of which a share is kept.

    Args:
        recipe: names the network.
        of: a ``.safetensors`` checkpoint.

    Raises:
        ModelError: the file is missing, damaged or another network's.
    """
    net = build(recipe.net)
    load_tensors(net, _without(read_checkpoint(Path(of))[0], recipe), Path(of))
    return net


def left_out(recipe: Recipe) -> tuple[str, ...]:
    """The beginnings of the names of what the recipe's network leaves out, and a model that it starts from may have."""
    return tuple(f"backbone.body.blocks.{name}." for name in recipe.net.backbone_without)


def _without(other: PSPNet, recipe: Recipe) -> dict[str, Tensor]:
    """The tensors of ``other``, but for what the recipe's network leaves out."""
    gone = left_out(recipe)
    return {name: value for name, value in other.state_dict().items() if not name.startswith(gone)}


def _with_fresh(net: PSPNet, other: PSPNet, recipe: Recipe) -> dict[str, Tensor]:
    """The tensors of ``other``, but for the fresh parts, which are ``net``'s own; what only ``other`` has is left.

    What neither has is missing, and is refused as it is without fresh parts.
    """
    theirs, own, fresh = _without(other, recipe), net.state_dict(), recipe.fresh
    if not fresh:
        return theirs
    taken = {name: value for name, value in theirs.items() if name in own and not name.startswith(fresh)}
    return taken | {name: value for name, value in own.items() if name.startswith(fresh)}


def _check_fresh(recipe: Recipe, net: PSPNet, pretrained: str) -> None:
    """Say that a fresh part is none of the network's, or that there is nothing that it could be fresh beside."""
    if recipe.fresh and pretrained == "imagenet":
        raise UsageError(
            "fresh goes with pretrained = another model of this project: with imagenet all but the backbone is new"
        )
    for part in recipe.fresh:
        if not any(name.startswith(part) for name in net.state_dict()):
            raise UsageError(f"fresh: {no_part(net, part)}")


def earlier(recipe: Recipe) -> dict[str, Recipe]:
    """The recipes that have to be trained before ``recipe``, by what it calls them.

    Raises:
        UsageError: one is missing or wrong, two that differ have one name, or recipes wait for each other.
    """
    return _earlier(recipe, (recipe.name,), {})


def _earlier(
    recipe: Recipe, waiting: tuple[str, ...], called: dict[str, tuple[str, Recipe]]
) -> dict[str, Recipe]:
    """``called``: where the recipes that were met so far stand, by the names that their runs will have."""
    found = {}
    for name in (recipe.pretrained, recipe.keep_of, recipe.distil.imitate_of, *recipe.distil.teachers):
        if name.endswith(".toml"):
            found[name] = first = read_recipe(Path(name))
            if first.name in waiting:
                raise UsageError(
                    f"{waiting[0]}: pretrained: {printable(first.name)} is to be trained before itself: start from "
                    "another recipe, or give recipes names of their own"
                )
            if first.name not in called:
                called[first.name] = name, first
                _earlier(first, (*waiting, first.name), called)
            place, other = called[first.name]
            if changed(dataclasses.asdict(other), dataclasses.asdict(first)):
                raise UsageError(
                    f"{waiting[0]}: {printable(place)} and {printable(name)} are both called {printable(first.name)}: "
                    "they would be trained in one folder; give them names of their own"
                )
    return found
