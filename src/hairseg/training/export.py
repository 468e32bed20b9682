"""A checkpoint as an ONNX file: any height and width, the preprocessing in its own metadata.

The exported graph pools exactly at every size (``hairseg.net.pyramid``), holds no padding arithmetic, and is
compared with torch on odd sizes before it gets its final name.
"""

from __future__ import annotations

import json
import logging
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from hairseg.classes import to_plain, unnamed
from hairseg.errors import HairsegError, OutputError, UsageError
from hairseg.fit import Fit
from hairseg.net import PSPNet
from hairseg.net.cost import Cost, cost
from hairseg.printable import printable
from hairseg.save import why_unwritable
from hairseg.training.recipe import Recipe

Weights = Literal["float32", "float16", "int8"]

PARITY = 1e-4
PARITY_SIZES = ((33, 33), (64, 96), (97, 131), (256, 256), (211, 333))
SMALLEST, LARGEST = 33, 2048
# Below this many numbers a tensor stays float32: biases, scales and the graph's own constants.
HALF_FROM = 256


# Where nothing else was chosen.
THRESHOLD = 0.5


class ParityError(HairsegError):
    """The exported graph does not compute what the network computes."""


class Probability(nn.Module):
    """A network that ends in probabilities, as an exported file does.

    Args:
        net: gives logits.
    """

    def __init__(self, net: PSPNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, photo: Tensor) -> Tensor:
        """Photos (N, 3, H, W) to probabilities (N, classes, H, W)."""
        logits: Tensor = self.net(photo)
        return torch.sigmoid(logits) if logits.shape[1] == 1 else torch.softmax(logits, dim=1)


def export(
    net: PSPNet,
    recipe: Recipe,
    path: Path,
    half: bool = False,
    photos: Sequence[Tensor] = (),
    **facts: Any,
) -> dict[str, Any]:
    """Write ``net`` as an ONNX file with the metadata that Python and the page read.

    The file holds no auxiliary head. It gives probabilities: of hair by the sigmoid, of several classes by
    the softmax.

    Args:
        net: a trained network.
        recipe: its recipe: name, fit, data.
        path: the file to write; replaced only when parity holds.
        half: store large weights as float16 (half the bytes); they are float32 again when loaded.
        photos: canvases (1, 3, h, w) float32, normalised, to compare with torch on beside random ones; a network may
            be so sure that those hold no hair that they tell nothing of a rounding.
        facts: more entries for the metadata, for example scores, or ``classes`` and ``colors``.

    Returns:
        The metadata, with ``parity`` (largest difference of the probability from torch, float32 weights) and,
        for ``half``, ``half_difference`` (what rounding the weights changes at most, and on average, on the photos
        where there are any); ``parity_photos`` says how many there were.

    Raises:
        ParityError: the graph differs from the network by more than 1e-4.
        OutputError: the disk is full, or the folder read-only; a file from before is untouched.
    """
    import onnx

    if path.suffix != ".onnx":
        raise UsageError(f"{path}: an exported model ends in .onnx")
    net = net.float().eval().without_auxiliary()
    module = Probability(net).to(memory_format=torch.contiguous_format)
    partial = path.with_name(f".{path.name}.partial")
    try:
        _to_onnx(module, partial)
        metadata = describe(net, recipe, **facts)
        random = random_canvases()
        metadata["parity"], _ = difference(module, partial, [*random, *photos])
        metadata["parity_photos"] = len(photos)
        if metadata["parity"] > PARITY:
            raise ParityError(f"{path}: the exported graph differs from torch by {metadata['parity']:.1e}")
        model = onnx.load(str(partial))
        if half:
            _store_half(model)
            onnx.save(model, str(partial))
            metadata["half_difference"] = difference(module, partial, photos or random)
        write_metadata(model, metadata)
        onnx.checker.check_model(model)
        onnx.save(model, str(partial))
        os.replace(partial, path)
    except OSError as error:
        raise OutputError(f"{printable(path)} cannot be written: {why_unwritable(error)}") from error
    finally:
        partial.unlink(missing_ok=True)
    return metadata


def describe(net: PSPNet, recipe: Recipe, **facts: Any) -> dict[str, Any]:
    """The metadata of an exported model: everything that running it takes, and where it comes from."""
    total = cost_on_canvas(net, recipe.fit)
    pyramid = "-".join(map(str, recipe.net.bins)) or "none"
    return {
        "format": 1,
        "name": recipe.name,
        "architecture": f"{recipe.net.backbone}, pyramid {pyramid}, {recipe.net.decoder} decoder",
        "mean": list(net.backbone.mean),
        "std": list(net.backbone.std),
        "fit": recipe.fit.described(),
        "threshold": THRESHOLD,
        **({"classes": ["hair"]} if recipe.net.classes == 1 else to_plain(unnamed(recipe.net.classes))),
        "data": [*data_names(recipe)],
        "parameters": total.parameters,
        "multiply_adds": total.multiply_adds,
        "recipe": f"{recipe.name}.toml" if recipe.train else "",  # a converted network has none
        **facts,
    }


def cost_on_canvas(net: PSPNet, how: Fit) -> Cost:
    """Cost of the whole network for one square canvas."""
    size = how.size // how.multiple * how.multiple
    return cost(net, size, size)[-1]


def write_metadata(model: Any, metadata: dict[str, Any]) -> None:
    """Put the metadata into an ONNX model, in place of what is there."""
    del model.metadata_props[:]
    entry = model.metadata_props.add()
    entry.key, entry.value = "hairseg", json.dumps(metadata, ensure_ascii=False)


def data_names(recipe: Recipe) -> tuple[str, ...]:
    """The data that a recipe trains on, as ``set:split``."""
    return tuple(_data_name(source.data, source.split) for source in recipe.train)


def _data_name(data: str, split: str) -> str:
    kind, _, place = data.partition(":")
    name = printable(Path(place).name) if kind == "folder" else kind
    return f"{name}:{Path(split).stem}" if split else name


def with_seen(recipe: Recipe, header: dict[str, Any]) -> dict[str, Any]:
    """The metadata's ``data`` for a checkpoint whose weights had seen more before its own recipe began."""
    own = data_names(recipe)
    return {"data": [*own, *(name for name in dict.fromkeys(header.get("seen", ())) if name not in own)]}


def _to_onnx(module: nn.Module, path: Path) -> None:
    from torch.export import Dim

    side = {"min": SMALLEST, "max": LARGEST}
    shapes = {"photo": {0: Dim("batch", min=1, max=256), 2: Dim("height", **side), 3: Dim("width", **side)}}
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        program = torch.onnx.export(
            module,
            (torch.zeros(2, 3, 97, 130),),
            dynamo=True,
            input_names=["photo"],
            output_names=["probability"],
            dynamic_shapes=shapes,
            verbose=False,
        )
    assert program is not None
    for node in program.model.graph:  # stack traces and this machine's paths
        node.metadata_props.clear()
        node.doc_string = None
    program.save(str(path), external_data=False)


def _store_half(model: Any) -> None:
    """Store large float32 weights as float16 with a Cast behind each, which runtimes fold at load."""
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if tensor.data_type != TensorProto.FLOAT or values.size < HALF_FROM:
            continue
        name = tensor.name
        stored = numpy_helper.from_array(values.astype(np.float16), f"{name}.half")
        casts.append(helper.make_node("Cast", [stored.name], [name], to=TensorProto.FLOAT))
        tensor.CopyFrom(stored)
    nodes = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(casts + nodes)


def random_canvases() -> list[Tensor]:
    """Smooth random canvases of several sizes: noise would leave the network far from what it was trained on."""
    generator = torch.Generator().manual_seed(0)
    return [
        nn.functional.interpolate(
            torch.randn(1, 3, height // 8 + 1, width // 8 + 1, generator=generator),
            (height, width),
            mode="bicubic",
        )
        for height, width in PARITY_SIZES
    ]


def difference(module: nn.Module, path: Path, canvases: Sequence[Tensor]) -> tuple[float, float]:
    """Largest and mean difference of the probability between torch and ONNX Runtime over canvases (1, 3, h, w)."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    largest, means = 0.0, []
    for canvas in canvases:
        with torch.inference_mode():
            ours = module(canvas).numpy()
        difference = np.abs(ours - session.run(None, {"photo": canvas.numpy()})[0])
        largest = max(largest, float(difference.max()))
        means.append(float(difference.mean()))
    return largest, sum(means) / len(means)
