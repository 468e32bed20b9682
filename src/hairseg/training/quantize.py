"""Static int8: an exported model with 8-bit weights and activations, calibrated on training photos.

Weights have one scale per output channel, activations one per tensor (ONNX Runtime's QDQ format, Krishnamoorthi,
arXiv 1806.08342). Only what costs time or bytes is quantised: convolutions and what stands between them; the
pyramid's bin matrices, the first convolutions and the last resize and probability stay float32, and of several classes
the last convolution too.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hairseg.data import DataSet
from hairseg.data.items import Item
from hairseg.errors import OutputError, UsageError
from hairseg.fit import fit
from hairseg.models import ModelInfo, read_info
from hairseg.photo import read_photo
from hairseg.printable import printable
from hairseg.save import why_unwritable
from hairseg.training.widen import groups, widen

PHOTOS = 128
# The range of hair's logits in 8 bits: beyond it a probability is 0.0003 from 0 or 1, and within it, where masks and soft
# edges are decided, a step is at most 0.016 of probability.
LOGITS = 8.0
QUANTIZED = ("Conv", "Add", "Resize", "Concat", "Clip", "Relu", "MaxPool")


def quantize(source: Path, path: Path, datasets: Sequence[DataSet], photos: int = PHOTOS) -> dict[str, Any]:
    """Write the int8 version of an exported model.

    Args:
        source: a float32 or float16 model that :func:`hairseg.training.export.export` wrote.
        path: the file to write; replaced in one step.
        datasets: training photos for the calibration, taken in turns and evenly over each set.
        photos: how many of them.

    Returns:
        The new file's metadata.

    Raises:
        UsageError: there is no photo to calibrate on, or ``path`` is no ``.onnx``.
    """
    import onnx
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    from hairseg.training.export import write_metadata

    if path.suffix != ".onnx":
        raise UsageError(f"{path}: an exported model ends in .onnx")
    chosen = calibration_photos(datasets, photos)
    if not chosen:
        raise UsageError(
            f"{source}: int8 needs training photos for its calibration, but the recipe names none"
        )
    info = read_info(source)
    metadata = {**stored_metadata(source), "calibration": len(chosen), "quantized": "int8"}
    metadata["name"] = path.stem
    partial = path.with_name(f".{path.name}.partial")
    with TemporaryDirectory() as place:
        plain = Path(place) / "float32.onnx"
        _float32(source, plain)
        _prepare(plain)
        in_float, ranges = _exceptions(plain, one_class=len(info.classes) == 1)
        try:
            quantize_static(
                str(plain),
                str(partial),
                _Canvases(chosen, info),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=list(QUANTIZED),
                per_channel=True,
                # Seven bits for weights: processors without VNNI add pairs of products in 16 bits, which overflow
                # with eight (ONNX Runtime's documentation, "Quantize ONNX models"), and a page runs anywhere.
                reduce_range=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                nodes_to_exclude=in_float,
                calibrate_method=CalibrationMethod.MinMax,
                extra_options={
                    "CalibMovingAverage": True,
                    "CalibMovingAverageConstant": 0.05,
                    "TensorQuantOverrides": ranges,
                },
            )
            model = onnx.load(str(partial))
            shorten(model.graph)
            write_metadata(model, metadata)
            onnx.save(model, str(partial))
            os.replace(partial, path)
        except OSError as error:
            raise OutputError(f"{printable(path)} cannot be written: {why_unwritable(error)}") from error
        finally:
            partial.unlink(missing_ok=True)
    return metadata


def shorten(graph: Any) -> None:
    """Give everything inside a graph a short name; its inputs and outputs keep theirs.

    Quantisation names every scale and zero point after its tensor, and that after its layer: a fortieth of the file.
    """
    outside = {value.name for value in (*graph.input, *graph.output)}
    numbers = itertools.count()
    names: dict[str, str] = {}

    def short(name: str) -> str:
        if not name or name in outside:  # an input that is left out has an empty name
            return name
        if name not in names:
            names[name] = f"{next(numbers):x}"
        return names[name]

    for value in (*graph.initializer, *graph.value_info):
        value.name = short(value.name)
    for number, node in enumerate(graph.node):
        node.name = f"{number:x}"
        node.input[:] = [short(name) for name in node.input]
        node.output[:] = [short(name) for name in node.output]


def calibration_photos(datasets: Sequence[DataSet], count: int) -> list[Item]:
    """About ``count`` photos, the sets in turns, evenly spread over each."""
    share = max(1, count // max(1, len(datasets)))
    spread = [_spread(dataset.items, share) for dataset in datasets]
    turns = itertools.chain.from_iterable(itertools.zip_longest(*spread))
    return [item for item in turns if item is not None][:count]


def _spread(items: Sequence[Item], count: int) -> list[Item]:
    """``count`` of them, from the first one to near the last: sets stand in an order, hairstyle by hairstyle."""
    count = min(count, len(items))
    return [items[len(items) * number // count] for number in range(count)]


def stored_metadata(path: Path) -> dict[str, Any]:
    """What an exported file carries under ``hairseg``."""
    import json

    import onnx

    entries = {entry.key: entry.value for entry in onnx.load(str(path)).metadata_props}
    metadata: dict[str, Any] = json.loads(entries["hairseg"])
    return metadata


class _Canvases:
    """The calibration photos as the model sees them, one at a time (ONNX Runtime's CalibrationDataReader)."""

    def __init__(self, items: Sequence[Item], info: ModelInfo) -> None:
        self.inputs: Iterator[dict[str, NDArray[np.float32]]] = (
            {"photo": _input(item, info)} for item in items
        )

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        """The next photo's input, None at the end."""
        return next(self.inputs, None)


def _input(item: Item, info: ModelInfo) -> NDArray[np.float32]:
    canvas = fit(read_photo(item.photo).pixels, info.fit).astype(np.float32) / 255
    values = (canvas - np.array(info.mean, np.float32)) / np.array(info.std, np.float32)
    return np.ascontiguousarray(values.transpose(2, 0, 1)[None])


def _float32(source: Path, path: Path) -> None:
    """The graph with constants folded and float16 storage undone, as the quantiser needs it."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(path)
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    onnxruntime.InferenceSession(str(source), options, providers=["CPUExecutionProvider"])


def _prepare(path: Path) -> None:
    """Change what int8 is slow with, and what it would compute for nothing."""
    import onnx

    model = onnx.load(str(path))
    widen(model.graph)
    sizes_by_number(model)
    onnx.save(model, str(path))


def sizes_by_number(model: Any) -> None:
    """Write the numbers of channels into the sizes that resizes are given, instead of asking their inputs for them.

    An int8 network holds channels last and in bytes, and would bring every input that is asked into order, and into
    floats, before it says how many there are. How many photos there are is asked of the photos.

    Args:
        model: a float32 ONNX model; changed in place.
    """
    import onnx
    from onnx import helper, numpy_helper

    channels = {
        value.name: value.type.tensor_type.shape.dim[1].dim_value
        for value in onnx.shape_inference.infer_shapes(model).graph.value_info
        if len(value.type.tensor_type.shape.dim) == 4
    }
    name = "hairseg.batch"
    batch = helper.make_node("Shape", [model.graph.input[0].name], [name], name, start=0, end=1)
    nodes = [batch]
    for node in model.graph.node:
        ends = {attribute.name: attribute.i for attribute in node.attribute}
        asks = node.op_type == "Shape" and ends == {"start": 0, "end": 2}
        known = channels.get(node.input[0], 0) if asks else 0
        if known:
            count = numpy_helper.from_array(np.array([known], np.int64), f"{node.output[0]}.channels")
            model.graph.initializer.append(count)
            node = helper.make_node("Concat", [name, count.name], list(node.output), node.name, axis=0)
        nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _exceptions(
    path: Path, one_class: bool
) -> tuple[list[str], dict[str, list[dict[str, NDArray[np.float32]]]]]:
    """The nodes at both ends that stay in float, and the ranges of tensors that are not calibrated.

    The first convolution, with the depthwise one and its projection where they follow, cost little time, and their errors
    are seen: a few channels stand for the whole photo there. In 8 bits these three cost the small model 1.4 points on
    portraits (docs/experiments.md, 2026-11-28). The classifier costs a twentieth of the time in float, most of it for
    another order of its input. Of several classes the largest logit counts, however large, so that there it stays.
    """
    import onnx

    nodes = onnx.load(str(path)).graph.node
    places = [place for place, node in enumerate(nodes) if node.op_type == "Conv"]
    first = 1
    if len(places) > 3 and groups(nodes[places[1]]) > 1:
        first = 3
    ends = [*nodes[: places[first - 1] + 1], *nodes[places[-1] + one_class :]]
    limit = np.array(LOGITS, np.float32)
    ranges = {nodes[places[-1]].output[0]: [{"rmin": -limit, "rmax": limit}]} if one_class else {}
    return [node.name for node in ends if node.op_type in QUANTIZED], ranges
