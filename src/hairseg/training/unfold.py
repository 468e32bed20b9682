"""Go on training an exported model: the inverse of what the export did to batch norm.

The export folds every batch norm into the convolution before it: ``W' = W gamma / sigma``, ``b' = beta - mu gamma /
sigma``. Which four numbers of a channel those were is lost, but not needed: any that give the same function will do.
Here the mean and the variance are measured on training photos, and every filter is scaled to length 1. Under batch norm
the length of a filter changes nothing but how fast a learning rate turns it (Hoffer et al. 2018, "Norm matters"): folded
filters are anything from a tenth to ten times as long, and would turn at a hundred different speeds. In eval mode the
network computes what the file does.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from hairseg.errors import ModelError
from hairseg.net import PSPNet
from hairseg.printable import printable
from hairseg.training.export import Probability, difference, random_canvases

Folded = list[tuple[nn.Conv2d, _BatchNorm]]

# A filter shorter than this is dead, and stays as it is.
DEAD = 1e-6
# The file and the network round differently; other weights would differ by tenths.
PARITY = 1e-3


def load_exported(
    net: PSPNet, path: Path, fresh: tuple[str, ...] = (), without: tuple[str, ...] = ()
) -> Folded:
    """Load the weights of an exported model of the same architecture; batch norms do nothing but add a bias.

    Args:
        net: of the recipe; left in eval mode.
        path: a float ONNX file that ``hairseg export`` or ``hairseg publish`` wrote, from
            :func:`hairseg.models.find_model`.
        fresh: beginnings of the names of what keeps the weights that it has.
        without: beginnings of the names of what the network leaves out, and the file may have.

    Returns:
        The convolutions that batch norm had been folded into, for :func:`spread`.

    Raises:
        ModelError: the file is damaged, int8, or holds another network.
    """
    tensors = _read(path)
    names = {id(module): name for name, module in net.named_modules()}
    pairs = [pair for pair in _pairs(net.eval()) if not names[id(pair[0])].startswith(fresh)]
    own = {name: value for name, value in net.named_parameters() if not name.startswith(fresh)}
    wanted: dict[str, str] = {name: f"net.{name}" for name in own}
    for conv, norm in pairs:
        name, after = names[id(conv)], names[id(norm)]
        del wanted[f"{after}.weight"]
        wanted[f"{after}.bias"] = f"net.{name}.weight_bias"
    # The auxiliary head is for training only, and never exported.
    wanted = {name: key for name, key in wanted.items() if not name.startswith("auxiliary.")}
    lost = [
        key for name, key in wanted.items() if key not in tensors or tensors[key].shape != own[name].shape
    ]
    if lost:
        raise ModelError(
            f"{printable(path)}: pretrained: {len(lost)} of {len(wanted)} tensors of the recipe's network are not in "
            f"it, for example {lost[0]}: give the float model of the same [net]"
        )
    with torch.no_grad():
        for name, key in wanted.items():
            own[name].copy_(tensors[key])
        for _, norm in pairs:
            _replace(norm, torch.zeros_like(norm.bias), torch.ones_like(norm.bias), norm.bias.clone())
    # With fresh parts, or without parts of the file's, it computes something else, of course.
    other = fresh or any(key.removeprefix("net.").startswith(without) for key in tensors)
    largest, _ = (0.0, 0.0) if other else difference(Probability(net), path, random_canvases())
    if largest > PARITY:
        raise ModelError(
            f"{printable(path)}: pretrained: the recipe's network has its weights but computes something else (the "
            f"probability differs by {largest:.2g}): give the [net] of the model's own recipe"
        )
    return pairs


def shapes_in(path: Path) -> dict[str, tuple[int, ...]]:
    """The shapes of an exported model's float tensors, by the names that they have in its network.

    Raises:
        ModelError: the file is damaged.
    """
    return {name.removeprefix("net."): tuple(values.shape) for name, values in _read(path).items()}


@torch.no_grad()
def spread(net: PSPNet, pairs: Folded, batch: Tensor) -> None:
    """Measure each folded channel's mean and variance and give them back to its batch norm.

    What ``net`` computes in eval mode stays the same, up to rounding.

    Args:
        net: with the weights that :func:`load_exported` gave it.
        pairs: what that returned.
        batch: normalised training photos (N, 3, H, W).
    """
    seen: dict[int, tuple[Tensor, Tensor]] = {}

    def look(norm: nn.Module, inputs: tuple[Any, ...]) -> None:
        variance, mean = torch.var_mean(inputs[0].double(), dim=(0, 2, 3), correction=0)
        seen[id(norm)] = (mean.float(), variance.float())

    hooks = [norm.register_forward_pre_hook(look) for _, norm in pairs]
    net.eval()(batch)
    for hook in hooks:
        hook.remove()
    for conv, norm in pairs:
        mean, variance = seen[id(norm)]
        length = conv.weight.flatten(1).norm(dim=1)
        scale = torch.where(length > DEAD, 1 / length.clamp(min=DEAD), torch.ones_like(length))
        conv.weight.mul_(scale[:, None, None, None])
        bias = norm.bias + mean
        _replace(norm, mean * scale, variance * scale**2 + norm.eps, bias)
        norm.weight.div_(scale)


def _replace(norm: _BatchNorm, mean: Tensor, spread_and_eps: Tensor, bias: Tensor) -> None:
    """A batch norm with these statistics that, but for ``bias``, gives its input less the mean."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(spread_and_eps - norm.eps)
    norm.weight.copy_(spread_and_eps.sqrt())
    norm.bias.copy_(bias)


def _pairs(net: PSPNet) -> Folded:
    """Every convolution whose output goes straight into a batch norm, and that batch norm."""
    made: dict[int, tuple[nn.Conv2d, Tensor]] = {}  # the tensor is kept, so that its id is nobody else's
    pairs: Folded = []

    def after(conv: nn.Module, _: Any, output: Tensor) -> None:
        assert isinstance(conv, nn.Conv2d)
        made[id(output)] = (conv, output)

    def before(norm: nn.Module, inputs: tuple[Any, ...]) -> None:
        assert isinstance(norm, _BatchNorm)
        if id(inputs[0]) in made:
            pairs.append((made[id(inputs[0])][0], norm))

    hooks = [
        *(m.register_forward_hook(after) for m in net.modules() if isinstance(m, nn.Conv2d)),
        *(m.register_forward_pre_hook(before) for m in net.modules() if isinstance(m, _BatchNorm)),
    ]
    with torch.no_grad():
        net(torch.zeros(1, 3, 64, 64))
    for hook in hooks:
        hook.remove()
    return pairs


def _read(path: Path) -> dict[str, Tensor]:
    """The float tensors of an ONNX file by name; float16 ones become float32.

    Raises:
        ModelError: it is damaged.
    """
    import onnx
    from onnx import TensorProto, numpy_helper

    try:
        graph = onnx.load_model_from_string(path.read_bytes()).graph
        tensors = {}
        for tensor in graph.initializer:
            if tensor.data_type in (TensorProto.FLOAT, TensorProto.FLOAT16):
                values = numpy_helper.to_array(tensor).astype(np.float32)
                tensors[tensor.name.removesuffix(".half")] = torch.from_numpy(values.copy())
    except Exception as error:  # protobuf's errors and numpy's have no common base
        raise ModelError(f"{printable(path)}: pretrained: not a readable ONNX file ({error})") from error
    return tensors
