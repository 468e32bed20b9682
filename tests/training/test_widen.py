from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import GraphProto, TensorProto, helper, numpy_helper

from hairseg.training.widen import widen


def conv(name: str, inputs: str, output: str, weights: Sequence[int], group: int = 1) -> tuple[Any, ...]:
    """A convolution with a bias that keeps the size, as node and initializers."""
    values = np.random.default_rng(len(name)).normal(size=weights).astype(np.float32)
    bias = np.linspace(-1, 1, weights[0], dtype=np.float32)
    pads = [weights[2] // 2] * 4
    node = helper.make_node(
        "Conv", [inputs, f"{name}.w", f"{name}.b"], [output], name, pads=pads, group=group
    )
    return node, numpy_helper.from_array(values, f"{name}.w"), numpy_helper.from_array(bias, f"{name}.b")


def decoder(channels: int, outputs: Sequence[str] = ("y",)) -> onnx.ModelProto:
    """A step of the fine decoder: a coarse map, brought to the size of a lateral, added, depthwise, 1x1."""
    convs = [
        conv("coarse", "x", "c", (channels, 3, 1, 1)),
        conv("lateral", "x2", "l", (channels, 3, 1, 1)),
        conv("depthwise", "r", "d", (channels, 1, 3, 3), group=channels),
        conv("pointwise", "e", "y", (5, channels, 1, 1)),
    ]
    coarse, lateral, depthwise, pointwise = (node for node, _, _ in convs)
    nodes = [
        coarse,
        lateral,
        helper.make_node("Shape", ["c"], ["n"], start=0, end=2),
        helper.make_node("Shape", ["x2"], ["hw"], start=2, end=4),
        helper.make_node("Concat", ["n", "hw"], ["size"], axis=0),
        helper.make_node("Resize", ["c", "", "", "size"], ["u"], mode="linear"),
        helper.make_node("Add", ["u", "l"], ["a"]),
        helper.make_node("Relu", ["a"], ["r"]),
        depthwise,
        helper.make_node("Relu", ["d"], ["e"]),
        pointwise,
    ]
    graph = helper.make_graph(
        nodes,
        "decoder",
        [value("x", 3), value("x2", 3)],
        [value(name, None) for name in outputs],
        [tensor for _, *tensors in convs for tensor in tensors],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def value(name: str, channels: int | None) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, channels, None, None])


def run(model: onnx.ModelProto) -> list[NDArray[np.float32]]:
    numbers = np.random.default_rng(1)
    small = numbers.normal(size=(1, 3, 5, 7)).astype(np.float32)
    large = numbers.normal(size=(1, 3, 11, 13)).astype(np.float32)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return list(session.run(None, {"x": small, "x2": large}))


def channels_of(graph: GraphProto) -> dict[str, list[int]]:
    return {tensor.name: list(tensor.dims) for tensor in graph.initializer}


def test_forty_channels_become_forty_eight() -> None:
    model = decoder(40)
    before = run(model)
    assert widen(model.graph) == 1
    onnx.checker.check_model(model)
    shapes = channels_of(model.graph)
    assert shapes["coarse.w"] == [48, 3, 1, 1]
    assert shapes["lateral.w"] == [48, 3, 1, 1]
    assert shapes["depthwise.w"] == [48, 1, 3, 3]
    assert shapes["pointwise.w"] == [5, 48, 1, 1]
    assert shapes["coarse.b"] == shapes["lateral.b"] == shapes["depthwise.b"] == [48]
    assert shapes["pointwise.b"] == [5]
    np.testing.assert_allclose(run(model)[0], before[0], rtol=1e-5, atol=1e-4)
    assert np.abs(before[0]).max() > 1


@settings(deadline=None, max_examples=20)
@given(channels=st.integers(2, 35), multiple=st.sampled_from([4, 8, 16]))
def test_whatever_the_channels_the_answer_stays(channels: int, multiple: int) -> None:
    model = decoder(channels)
    before = run(model)
    assert widen(model.graph, multiple) == (channels % multiple > 0)
    assert channels_of(model.graph)["depthwise.w"][0] == -(-channels // multiple) * multiple
    np.testing.assert_allclose(run(model)[0], before[0], rtol=1e-5, atol=1e-4)


def test_a_round_number_is_left_alone() -> None:
    model = decoder(32)
    before = model.SerializeToString()
    assert widen(model.graph) == 0
    assert model.SerializeToString() == before


@pytest.mark.parametrize("seen", ["a", "l", "d"])
def test_channels_that_are_read_elsewhere_are_left_alone(seen: str) -> None:
    model = decoder(40, outputs=("y", seen))
    before = model.SerializeToString()
    assert widen(model.graph) == 0
    assert model.SerializeToString() == before


def test_channels_of_the_photo_are_left_alone() -> None:
    parts = [conv("depthwise", "x", "d", (3, 1, 3, 3), group=3), conv("pointwise", "d", "y", (2, 3, 1, 1))]
    graph = helper.make_graph(
        [node for node, *_ in parts],
        "photo",
        [value("x", 3)],
        [value("y", 2)],
        [tensor for _, *tensors in parts for tensor in tensors],
    )
    assert widen(graph) == 0
