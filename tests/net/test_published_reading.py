"""Tensors out of the files that others write, and nothing run on the way."""

from __future__ import annotations

import argparse
import collections
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from hairseg.errors import ModelError
from hairseg.net.published.reading import read_published

STATE = {"a.weight": torch.arange(6.0).view(2, 3), "b.num_batches_tracked": torch.tensor(4)}


@pytest.mark.parametrize(
    "data",
    [
        STATE,
        collections.OrderedDict(STATE),
        {
            "state_dict": STATE,
            "epoch": 100,
            "optimizer": {"state": {0: {"buffer.x": torch.ones(1)}}, "param_groups": []},
        },
        {"optimizer": {"state": {"0.exp_avg": torch.ones(1)}}, "model_state_dict": STATE},
        {"model": STATE, "score": torch.tensor(0.9), "name": "best"},
        {"weight": STATE, "iou": np.float64(0.918), "loss": np.float32(0.1), "step": np.int64(3)},
        {"args": argparse.Namespace(rate=0.1, data=Path("/data")), "confusion": np.eye(2), "net": STATE},
        {"meta": {"CLASSES": ("hair",), "config": "text"}, "state_dict": STATE},
        {"model": {"state_dict": STATE}},
        {"anything": STATE},
    ],
)
@pytest.mark.parametrize("modern", [True, False])
def test_however_it_is_wrapped(data: dict[str, Any], modern: bool, tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save(data, path, _use_new_zipfile_serialization=modern)
    state, entries = read_published(path)
    assert list(state) == list(STATE)
    assert torch.equal(state["a.weight"], STATE["a.weight"])
    assert entries.keys() == data.keys()


def test_safetensors(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_file(STATE, path, metadata={"format": "pt"})
    state, entries = read_published(path)
    assert torch.equal(state["a.weight"], STATE["a.weight"])
    assert entries == {}
    save_file(STATE, path, metadata={"hairseg": '{"net": {}}'})
    with pytest.raises(ModelError, match="a file of hairseg's already"):
        read_published(path)


class Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.place),)


@pytest.mark.parametrize("modern", [True, False])
def test_a_pickle_is_not_run(modern: bool, tmp_path: Path) -> None:
    path, place = tmp_path / "trap.pth", tmp_path / "sprung"
    torch.save({"state_dict": STATE, "callback": Trap(place)}, path, _use_new_zipfile_serialization=modern)
    _refused(path, r"holds posix.mkdir besides tensors, .*save model.state_dict\(\) alone")
    path.write_bytes(pickle.dumps(Trap(place)))
    _refused(path, "trap.pth: ")
    assert not place.exists()
    pickle.loads(path.read_bytes())
    assert place.exists()  # the trap is one


def test_nothing_stands_for_what_is_beside_the_tensors(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save({"state_dict": STATE, "args": argparse.Namespace(rate=0.1), "iou": np.float64(0.9)}, path)
    _, entries = read_published(path)
    assert not hasattr(entries["args"], "rate")
    assert not isinstance(entries["iou"], float)


def test_a_whole_module_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "module.pth"
    torch.save(nn.Conv2d(1, 1, 1), path)
    _refused(path, "holds torch.nn.modules.conv.Conv2d besides tensors")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"epoch": 3}, "holds no state dict, only entries named epoch"),
        ({}, "only an empty dict"),
        (torch.ones(3), "only a Tensor"),
        ([STATE], "only a list"),
        ({"score": torch.ones(1)}, "only entries named score"),
        ({"a": {"b": {"c": {"d": STATE}}}}, "holds no state dict"),
    ],
)
def test_no_state_dict(data: Any, message: str, tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    torch.save(data, path)
    _refused(path, message)


@pytest.mark.parametrize("modern", [True, False])
@pytest.mark.parametrize("left", [0, 1, 40, 300, -1])
def test_damaged(left: int, modern: bool, tmp_path: Path) -> None:
    path = tmp_path / "weights.ckpt"
    torch.save(STATE, path, _use_new_zipfile_serialization=modern)
    path.write_bytes(path.read_bytes()[:left])
    _refused(path, "not a file of PyTorch, or one that is incomplete or damaged")


def test_a_download_that_was_cut_off(tmp_path: Path) -> None:
    """Of its archive torch says "Invalid argument"."""
    path = tmp_path / "weights.pth"
    torch.save({"head.weight": torch.zeros(50_000)}, path)
    path.write_bytes(path.read_bytes()[:5000])
    _refused(path, "not a file of PyTorch, or one that is incomplete or damaged")


@pytest.mark.parametrize(
    "data", [b"version https://git-lfs.github.com/spec/v1\n", b"<html>", os.urandom(64), b"PK\x03\x04"]
)
def test_no_checkpoint(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(data)
    _refused(path, "not a file of PyTorch")
    path = tmp_path / "weights.safetensors"
    path.write_bytes(data)
    _refused(path, "not a readable checkpoint")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("model.pdparams", "of PaddlePaddle, not of PyTorch"),
        ("psp_resnet50_ade.params", r"of MXNet \(GluonCV\), not of PyTorch"),
        ("pspnet50.caffemodel", "of Caffe"),
        ("hairseg.onnx", "of ONNX"),
        ("none.pth", "no such file of weights"),
        ("none.safetensors", "no such checkpoint"),
    ],
)
def test_other_files(name: str, message: str, tmp_path: Path) -> None:
    _refused(tmp_path / name, message)


def test_a_folder(tmp_path: Path) -> None:
    _refused(tmp_path, "a folder, not a file of weights")


def _refused(path: Path, message: str) -> None:
    with pytest.raises(ModelError, match=message) as refused:
        read_published(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert "\n" not in str(refused.value)
