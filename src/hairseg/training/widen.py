"""Depthwise convolutions over a round number of channels: ONNX Runtime's int8 ones take more than twice the time else.

Over 40 channels its int8 kernel needs 2.3 ms where it needs 1.0 ms for 48 (208 x 208, two threads of AVX512): it works on
16 at a time, and slowly on what is left. So channels are added that stay 0 and that nothing listens to: what the network
computes is the same, and what its int8 version computes the same to the bit.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROUND = 16

# What keeps channels apart, so that one more of them changes none of the others.
CHANNELWISE = ("Relu", "Clip", "Add", "Resize")


def widen(graph: Any, multiple: int = ROUND) -> int:
    """Add channels to depthwise convolutions until ``multiple`` divides them, and to all that they come from.

    Left alone is a convolution whose channels come from, or go to, anything but convolutions and operations that keep
    channels apart.

    Args:
        graph: a float32 ONNX graph (``onnx.GraphProto``), its weights initializers; changed in place.
        multiple: that the channels become one of.

    Returns:
        How many depthwise convolutions are wider now.
    """
    shapes = {tensor.name: tuple(tensor.dims[:2]) for tensor in graph.initializer}
    wide = 0
    for node in graph.node:
        channels = groups(node) if node.op_type == "Conv" else 1
        depthwise = channels > 1 and shapes.get(node.input[1]) == (channels, 1)
        if depthwise and channels % multiple:
            wide += _widen_one(graph, node, -channels % multiple)
    return wide


def _widen_one(graph: Any, depthwise: Any, extra: int) -> bool:
    """Widen one depthwise convolution by ``extra`` channels, if everything around it can be widened too."""
    used, made = _uses(graph), {name: node for node in graph.node for name in node.output}
    makers = _makers(depthwise.input[0], made)
    takers = _takers(depthwise.output[0], used)
    if makers is None or takers is None:
        return False
    readers = [node for node in takers if node.op_type == "Conv"]
    wider = [*makers, depthwise, *(node for node in takers if node.op_type != "Conv")]
    seen = {value.name for value in graph.output}
    # That a tensor has a shape tells nothing about its channels.
    known = {id(node) for node in (*wider, *readers)} | {
        id(node) for node in graph.node if node.op_type == "Shape"
    }
    for name in (name for node in wider for name in node.output):
        if name in seen or not all(id(user) in known for user in used[name]):
            return False
    weights = _Weights(graph)
    convolutions = [node for node in makers if node.op_type == "Conv"]
    if not all(weights.own(name) for node in (*convolutions, depthwise, *readers) for name in node.input[1:]):
        return False
    for node in (*convolutions, depthwise):
        for name in node.input[1:]:
            weights.pad(name, 0, extra)
    for node in readers:
        weights.pad(node.input[1], 1, extra)
    for attribute in depthwise.attribute:
        if attribute.name == "group":
            attribute.i += extra
    del graph.value_info[:]  # what the file says of shapes; whoever needs them infers them
    return True


def _makers(name: str, made: dict[str, Any]) -> list[Any] | None:
    """All nodes from the convolutions whose channels arrive at a tensor, to it; None where it has another origin."""
    found: dict[int, Any] = {}
    waiting = [name]
    while waiting:
        node = made.get(waiting.pop())
        if node is None or node.op_type not in ("Conv", *CHANNELWISE):
            return None
        if id(node) in found:
            continue
        found[id(node)] = node
        if node.op_type == "Conv":
            if groups(node) != 1:  # hands on the channels that it is given
                return None
        else:
            waiting += node.input if node.op_type == "Add" else node.input[:1]
    return list(found.values())


def _takers(name: str, used: dict[str, list[Any]]) -> list[Any] | None:
    """All nodes from a tensor to the convolutions that read its channels; None where it goes elsewhere, too."""
    found = []
    for node in used[name]:
        if node.op_type == "Conv" and groups(node) == 1:
            found.append(node)
            continue
        after = _takers(node.output[0], used) if node.op_type in ("Relu", "Clip") else None
        if after is None:
            return None
        found += [node, *after]
    return found or None


def _uses(graph: Any) -> dict[str, list[Any]]:
    """The nodes that read each tensor."""
    used = defaultdict(list)
    for node in graph.node:
        for name in node.input:
            used[name].append(node)
    return used


def groups(convolution: Any) -> int:
    """The groups of a convolution, whose attribute is left out where there is one."""
    return next((int(one.i) for one in convolution.attribute if one.name == "group"), 1)


class _Weights:
    """A graph's initializers, by name."""

    def __init__(self, graph: Any) -> None:
        self.tensors = {tensor.name: tensor for tensor in graph.initializer}
        self.used = _uses(graph)

    def own(self, name: str) -> bool:
        """Whether one node alone reads it."""
        return name in self.tensors and len(self.used[name]) == 1

    def pad(self, name: str, axis: int, extra: int) -> None:
        """Zeros at the end of an axis."""
        from onnx import numpy_helper

        values: NDArray[np.float32] = numpy_helper.to_array(self.tensors[name])
        widths = [(0, extra if axis == each else 0) for each in range(values.ndim)]
        self.tensors[name].CopyFrom(numpy_helper.from_array(np.pad(values, widths), name))
