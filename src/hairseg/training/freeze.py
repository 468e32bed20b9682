"""Training a part of a network: the rest stays as it was found, batch norms' statistics included.

Where a network looks at the wrong thing, its deep parts err; where it draws edges badly, its early ones do. Training the
one leaves the other as it was (Lee et al., "Surgical Fine-Tuning Improves Adaptation to Distribution Shifts", ICLR 2023),
and costs less: no gradient goes into what stays below the parts that learn.
"""

from __future__ import annotations

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from hairseg.errors import UsageError
from hairseg.net import PSPNet
from hairseg.training.recipe import Recipe


def freeze(net: PSPNet, recipe: Recipe) -> None:
    """Take the gradient from all but the recipe's trainable parts; all keep it where it names none.

    Raises:
        UsageError: a part is none of the network's, or one that starts anew would never learn.
    """
    if not recipe.trainable:
        return
    names = dict(net.named_parameters())
    for part in recipe.trainable:
        if not any(name.startswith(part) for name in names):
            raise UsageError(f"trainable: {no_part(net, part)}")
    for name in _begun_anew(net, recipe):
        if not name.startswith(recipe.trainable):
            raise UsageError(
                f"trainable: {name} starts anew and would never learn: name its part, too, or start from a model "
                "of this project that has it"
            )
    for name, parameter in names.items():
        parameter.requires_grad_(name.startswith(recipe.trainable))


def _begun_anew(net: PSPNet, recipe: Recipe) -> list[str]:
    """The names of the parameters that no earlier training gave."""
    names = [name for name, _ in net.named_parameters()]
    if recipe.pretrained == "none":
        return names
    if recipe.pretrained == "imagenet":
        return [name for name in names if not name.startswith("backbone.")]
    return [name for name in names if name.startswith(recipe.fresh)]


def no_part(net: nn.Module, part: str) -> str:
    """What is wrong with ``part``, and what to do."""
    parts = ", ".join(dict.fromkeys(name.split(".")[0] for name in net.state_dict()))
    return f"the network has no part {part!r}: give the beginning of a name under {parts}"


def to_training(net: nn.Module) -> None:
    """Put ``net`` into training mode, but for batch norms that do not learn: they keep their statistics, and use them."""
    net.train()
    for module in net.modules():
        own = list(module.parameters()) if isinstance(module, _BatchNorm) else []
        if own and not any(parameter.requires_grad for parameter in own):
            module.eval()
