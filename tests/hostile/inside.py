"""What lies inside of a file whose outside is right: behind checksums, lengths and names nothing else is read."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from . import rare, seeds, written
from .target import Target, file_of, folder


def headers() -> list[bytes]:
    """Headers of safetensors files, our entry among them."""
    return [data[8 : 8 + int.from_bytes(data[:8], "little")] for data in seeds.tensors()]


def _header(data: bytes) -> None:
    from hairseg.net.files import load
    from hairseg.training.checkpoint import read_checkpoint

    path = file_of(len(data).to_bytes(8, "little") + data + bytes(40), "header.safetensors")
    read_checkpoint(path)
    load(path)


@cache
def _weights() -> tuple[dict[str, Any], bytes]:
    """A small network's file: its header, and the numbers behind it."""
    from hairseg.training.checkpoint import write_weights

    path = folder() / "small.safetensors"
    write_weights(path, written.learner()[0], written.recipe(), epoch=3, scores={"iou": 0.9})
    data = path.read_bytes()
    end = 8 + int.from_bytes(data[:8], "little")
    return json.loads(data[8:end]), data[end:]


def entries() -> list[bytes]:
    """Our entry alone, which the header holds as text."""
    return [_weights()[0]["__metadata__"]["hairseg"].encode()]


def _entry(data: bytes) -> None:
    from hairseg.training.checkpoint import read_checkpoint

    head, numbers = _weights()
    about = {"hairseg": data.decode("utf-8", "replace")}
    header = json.dumps({**head, "__metadata__": about}).encode()
    read_checkpoint(file_of(len(header).to_bytes(8, "little") + header + numbers, "entry.safetensors"))


def programs() -> list[bytes]:
    """The pickle in what torch.save writes."""
    with zipfile.ZipFile(io.BytesIO(seeds.pickles()[0])) as archive:
        return [archive.read(name) for name in archive.namelist() if name.endswith("data.pkl")]


def _program(data: bytes) -> None:
    from hairseg.net.files import load

    packed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(seeds.pickles()[0])) as archive,
        zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as copy,
    ):
        for name in archive.namelist():
            copy.writestr(name, data if name.endswith("data.pkl") else archive.read(name))
    load(file_of(packed.getvalue(), "program.pth"))


def shapes() -> Sequence[bytes]:
    """Names and shapes of published state dicts, one of each format that is known."""
    import torch

    from hairseg.net import build, preset
    from hairseg.net.published.convert import FORMATS

    found = []
    for kind in FORMATS:
        config = preset(kind.preset, **({} if kind.preset == "seed" else {"backbone": "resnet18"}))
        with torch.device("meta"):
            state = build(config).state_dict()
        names = kind.names(config)
        found.append({kind.theirs(name, names): list(value.shape) for name, value in state.items()})
    return [json.dumps(shapes).encode() for shapes in found]


def _shapes(data: bytes) -> None:
    import torch

    from hairseg.net.published import from_state

    try:
        named = dict(json.loads(data))
        state = {str(name): torch.empty(shape, device="meta") for name, shape in named.items()}
    except (ValueError, TypeError, RuntimeError, RecursionError, MemoryError, OverflowError):
        return  # no tensors
    from_state(state)


def scenes() -> list[bytes]:
    """The toy model of three classes."""
    from toys import write_toy_scene_model

    return [write_toy_scene_model(folder() / "seed of scenes.onnx").read_bytes()]


def _scene(data: bytes) -> None:
    from hairseg.scene import SceneSegmenter

    SceneSegmenter(file_of(data, "scene.onnx"), 1)(np.zeros((40, 64, 3), np.uint8))


def _voc_list(data: bytes) -> None:
    from hairseg.data import open_data

    place = folder() / "voc"
    for name in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (place / name).mkdir(parents=True, exist_ok=True)
    (place / "ImageSets/Segmentation/train.txt").write_bytes(data)
    open_data(f"voc:{place}", "train")


def _mask(data: bytes) -> None:
    from hairseg.data.items import read_mask

    read_mask(file_of(data, "rare.png"))


def _photo(data: bytes) -> None:
    from hairseg.photo import read_photo

    read_photo(data)


TARGETS = (
    Target("rare pictures", rare.files, _photo),
    Target("masks of rare kinds", lambda: [*rare.files(), *seeds.others(), *seeds.bmp()], _mask),
    Target("header of safetensors", headers, _header, ("torch", "safetensors")),
    Target("entry of safetensors", entries, _entry, ("torch", "safetensors")),
    Target("program of a pickle", programs, _program, ("torch",)),
    Target("published shapes", shapes, _shapes, ("torch",)),
    Target("scene ONNX", scenes, _scene, ("onnx",)),
    Target("list of VOC", lambda: [b"2007_000032\n2007_000039\n", b"/a/b.jpg /c/d.png\n"], _voc_list),
)
