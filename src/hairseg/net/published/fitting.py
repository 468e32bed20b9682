"""Theirs beside ours: whether every tensor of a published network has its place in one of ours, and the move there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from hairseg.errors import ModelError
from hairseg.net.build import NetConfig
from hairseg.net.pspnet import PSPNet
from hairseg.net.published.formats import Format
from hairseg.printable import printable

# Of batch norm, for training alone; files from before PyTorch 0.4.1 have none.
_COUNTER = ".num_batches_tracked"
# Weights of a loss and the preprocessing's constants, which some trainings save beside the network.
_BESIDE = re.compile(r"(\w*(criterion|loss|metric)\w*\.|mean$|std$|pixel_(mean|std)$)")
# A refusal stays readable: so many names at most, and so many letters of them.
_SHOWN = 5
_LONGEST = 600


def _names(kind: Format, config: NetConfig, net: PSPNet) -> dict[str, str]:
    """Our names to theirs."""
    names = kind.names(config)
    return {ours: kind.theirs(ours, names) for ours in net.state_dict()}


def has_auxiliary(kind: Format, config: NetConfig, net: PSPNet, tensors: Mapping[str, Tensor]) -> bool:
    """Whether the auxiliary head is there as in ``net``: whole, of the same kind, and of the same classes.

    What is there otherwise is left over from another training. Tensors of a wrong shape are for :func:`check`.
    """
    names = _names(kind, config, net)
    own = {names[ours]: value for ours, value in net.state_dict().items() if ours.startswith("auxiliary.")}
    theirs = {name: value for name, value in tensors.items() if name.startswith(kind.auxiliary)}
    if _without_counters(own) != _without_counters(theirs):
        return False
    head = [names[f"auxiliary.head.{part}"] for part in ("weight", "bias")]
    classes = {theirs[name].shape[:1] for name in head}
    return len(classes) > 1 or classes == {own[head[0]].shape[:1]}


def _without_counters(names: Iterable[str]) -> set[str]:
    return {name for name in names if not name.endswith(_COUNTER)}


def check(kind: Format, config: NetConfig, net: PSPNet, tensors: Mapping[str, Tensor]) -> tuple[str, ...]:
    """Compare all names and shapes; returns the parts and tensors that are left out.

    Raises:
        ModelError: lists what is missing, left over, or of another shape.
    """
    names = _names(kind, config, net)
    own = {names[ours]: tuple(value.shape) for ours, value in net.state_dict().items()}
    zeros = {names[ours] for ours in names if kind.zeros and re.fullmatch(kind.zeros, ours)}
    missing = [
        name for name in own if name not in tensors and name not in zeros and not name.endswith(_COUNTER)
    ]
    unused = [name for name in tensors if name not in own]
    aside = (*kind.leftovers, kind.auxiliary) if kind.auxiliary and not config.auxiliary else kind.leftovers
    parts = {name: next((part for part in aside if name.startswith(part)), "") for name in unused}
    surplus = [name for name in unused if not parts[name] and not _BESIDE.match(name)]
    left_out = dict.fromkeys(parts[name].rstrip(".") or name for name in unused if name not in surplus)
    shapes = _other_shapes(own, tensors, names["head.weight"], names["head.bias"])
    wrong = []
    if missing:
        wrong.append(f"{len(missing)} missing ({some(missing)})")
    if surplus:
        wrong.append(f"{len(surplus)} left over ({some(surplus)})")
    if shapes:
        wrong.append(f"{len(shapes)} of another shape ({some(shapes)})")
    if wrong:
        raise ModelError(
            f"looks like {kind.preset}'s PSPNet on {config.backbone}, classes: {config.classes}, but its "
            f"tensors do not fit: {'; '.join(wrong)}"
        )
    return tuple(left_out)


def _other_shapes(
    own: Mapping[str, tuple[int, ...]], tensors: Mapping[str, Tensor], weight: str, bias: str
) -> list[str]:
    """What is of another shape than ours; of the head's ``weight`` and ``bias`` either may be the wrong one."""
    theirs = {
        name: tuple(tensors[name].shape) for name in own if name in tensors and not name.endswith(_COUNTER)
    }
    wrong = {
        name: f"{name} is {shape}, not {own[name]}" for name, shape in theirs.items() if shape != own[name]
    }
    if bias in wrong and weight in theirs:
        wrong[bias] = f"{bias} is {theirs[bias]}, but {weight} is {theirs[weight]}"
    return list(wrong.values())


def some(names: Iterable[str]) -> str:
    """The first few of many names."""
    listed = list(names)
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return printable(", ".join(listed[:_SHOWN])[:_LONGEST]) + more


def fill(kind: Format, config: NetConfig, net: PSPNet, tensors: Mapping[str, Tensor]) -> None:
    """Give ``net``, which has shapes alone, its weights as float32; what may be absent is 0."""
    state = {}
    for ours, theirs in _names(kind, config, net).items():
        if ours.endswith(_COUNTER):
            state[ours] = torch.zeros((), dtype=torch.long)
        elif theirs in tensors:
            state[ours] = tensors[theirs].detach().to(torch.float32, copy=True).contiguous()
        else:
            state[ours] = torch.zeros(net.get_parameter(ours).shape)
    net.load_state_dict(state, assign=True)
