"""Toy models and photos, built here so that tests need no packaged file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

METADATA: dict[str, Any] = {
    "format": 1,
    "name": "toy",
    "architecture": "sigmoid of red minus green",
    "mean": [0.0, 0.0, 0.0],
    "std": [1.0, 1.0, 1.0],
    "fit": {"mode": "area", "size": 64, "multiple": 32},
    "threshold": 0.5,
    "classes": ["hair"],
    "data": ["figaro1k"],
    "licence": "MIT",
    "parameters": 1,
    "multiply_adds": 4096,
    "recipe": "toy.toml",
    "scores": {"figaro1k:test": {"iou": 0.9, "f1": 0.95}},
}

ModelMaker = Callable[..., Path]


def write_toy_model(path: Path, *, extra: dict[str, str] | None = None, **changes: Any) -> Path:
    """An ONNX file with our borders: probability = sigmoid(20 (red - green)), any N, H and W.

    Args:
        path: where to write it.
        extra: replaces the metadata altogether.
        changes: entries of the metadata that are other than :data:`METADATA`; None leaves the entry out.
    """
    from onnx import TensorProto, checker, helper, save

    weights = helper.make_tensor("weights", TensorProto.FLOAT, [1, 3, 1, 1], [20.0, -20.0, 0.0])
    shapes = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", channels, "H", "W"])
        for name, channels in (("photo", 3), ("probability", 1))
    ]
    nodes = [
        helper.make_node("Conv", ["photo", "weights"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], ["probability"]),
    ]
    graph = helper.make_graph(nodes, "toy", shapes[:1], shapes[1:], [weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    entry = {key: value for key, value in {**METADATA, **changes}.items() if value is not None}
    helper.set_model_props(model, {"hairseg": json.dumps(entry)} if extra is None else extra)
    checker.check_model(model)
    save(model, path)
    return path


def write_toy_scene_model(path: Path, **changes: Any) -> Path:
    """An ONNX file of three classes: softmax of 20 times red, green and blue, any N, H and W."""
    from onnx import TensorProto, checker, helper, save

    weights = helper.make_tensor(
        "weights", TensorProto.FLOAT, [3, 3, 1, 1], [20.0, 0, 0, 0, 20.0, 0, 0, 0, 20.0]
    )
    shapes = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 3, "H", "W"])
        for name in ("photo", "probability")
    ]
    nodes = [
        helper.make_node("Conv", ["photo", "weights"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probability"], axis=1),
    ]
    graph = helper.make_graph(nodes, "toy", shapes[:1], shapes[1:], [weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    classes = {"classes": ["red", "green", "blue"], "colors": ["#ff0000", "#00ff00", "#0000ff"]}
    helper.set_model_props(model, {"hairseg": json.dumps({**METADATA, "name": "rgb", **classes, **changes})})
    checker.check_model(model)
    save(model, path)
    return path


def write_toy_photos(folder: Path) -> None:
    """Eight photos with a red block of "hair" on noise, and their masks, in ``images`` and ``masks``."""
    import numpy as np
    from PIL import Image

    generator = np.random.default_rng(0)
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for number in range(8):
        photo = generator.integers(0, 120, (72, 64, 3), np.uint8)
        truth = np.zeros((72, 64), np.uint8)
        top, left = generator.integers(4, 30, 2)
        truth[top : top + 30, left : left + 26] = 255
        photo[truth > 0] = (230, 40, 40)
        Image.fromarray(photo).save(folder / "images" / f"{number}.png")
        Image.fromarray(truth).save(folder / "masks" / f"{number}.png")
