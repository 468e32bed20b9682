"""Model files that lie about their sizes, or name files that are not theirs."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hairseg.errors import ModelError, UsageError
from hairseg.models import find_model, packaged
from hairseg.models.contained import is_contained
from hairseg.segmenter import Segmenter


def with_external(toy_model: Path, path: Path, location: str, where: str = "initializer") -> Path:
    """The toy, its weights in another file."""
    import onnx

    model = onnx.load(toy_model)
    tensor = model.graph.initializer[0]
    del tensor.float_data[:]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", "12")):
        tensor.external_data.add(key=key, value=value)
    if where == "constant":
        node = onnx.helper.make_node("Constant", [], ["weights"], value=tensor)
        model.graph.node.insert(0, node)
        del model.graph.initializer[:]
    elif where == "branch":
        graph = onnx.helper.make_graph([], "inner", [], [], [tensor])
        node = onnx.helper.make_node("If", ["photo"], ["x"], then_branch=graph, else_branch=graph)
        model.graph.node.append(node)
        del model.graph.initializer[:]
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize("where", ["initializer", "constant", "branch"])
@pytest.mark.parametrize("location", ["../secret.bin", "/etc/passwd", "weights.bin", "link.bin", ""])
def test_weights_in_other_files_are_not_read(
    toy_model: Path, tmp_path: Path, location: str, where: str
) -> None:
    (tmp_path / "models").mkdir()
    weights = np.array([20, -20, 0], np.float32).tobytes()
    (tmp_path / "secret.bin").write_bytes(weights)
    (tmp_path / "models/weights.bin").write_bytes(weights)
    (tmp_path / "models/link.bin").symlink_to("../secret.bin")
    path = with_external(toy_model, tmp_path / "models/lie.onnx", location, where)
    with pytest.raises(ModelError, match=r"lie\.onnx keeps weights in other files"):
        Segmenter(path)


@pytest.mark.parametrize("name", [b"H", b"photo", b"probability"])
def test_names_that_are_no_text(toy_model: Path, tmp_path: Path, name: bytes) -> None:
    path = tmp_path / "lie.onnx"
    path.write_bytes(toy_model.read_bytes().replace(name, b"\xff" * len(name)))
    with pytest.raises(ModelError, match=r"lie\.onnx is not a"):
        Segmenter(path)


def test_models_of_ours_are_contained(toy_model: Path) -> None:
    assert find_model(toy_model) == toy_model
    for path in packaged().values():
        assert is_contained(path.read_bytes())


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x3a\xff\xff\xff\xff\x7f", "longer than its message"),
        (b"\x3a", "a number does not end"),
        (b"\xff" * 30, "a number does not end"),
        (b"\x3b\x3c", "unknown kind 3"),
        (b"\x39\x00", "longer than its message"),
        (b"\x00", "not a hairseg model|working ONNX model"),
    ],
)
def test_sizes_that_lie(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "lie.onnx"
    path.write_bytes(data)
    with pytest.raises(ModelError, match=words):
        Segmenter(path)


def test_graphs_in_graphs_do_not_exhaust_the_stack() -> None:
    def field(number: int, data: bytes) -> bytes:
        size = len(data)
        length = bytearray()
        while True:
            length.append(size & 127 | (128 if size > 127 else 0))
            size >>= 7
            if not size:
                return bytes([number << 3 | 2]) + bytes(length) + data

    graph = b""
    for _ in range(2000):
        graph = field(1, field(5, field(6, graph)))
    with pytest.raises(ValueError, match="nested too deep"):
        is_contained(field(7, graph))


def test_a_tensor_larger_than_the_file(toy_model: Path, tmp_path: Path) -> None:
    import onnx

    model = onnx.load(toy_model)
    model.graph.initializer[0].dims[0] = 1 << 40
    (tmp_path / "lie.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match=r"lie\.onnx is not a working ONNX model"):
        Segmenter(tmp_path / "lie.onnx")


class TestSafetensors:
    """See https://github.com/huggingface/safetensors#format: length of the header, header, bytes."""

    @pytest.fixture(autouse=True)
    def _needs_torch(self) -> None:
        pytest.importorskip("torch", reason="needs torch: pip install 'hairseg[train]'")

    def load(self, path: Path, header: Any, data: bytes = bytes(8), length: int | None = None) -> None:
        from hairseg.net.files import load

        text = json.dumps(header).encode()
        path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + data)
        load(path)

    @pytest.mark.parametrize("length", [0, 1 << 20, 1 << 40, (1 << 64) - 1])
    def test_a_header_of_another_length(self, tmp_path: Path, length: int) -> None:
        with pytest.raises(ModelError, match="not a readable checkpoint"):
            self.load(tmp_path / "a.safetensors", {}, length=length)

    @pytest.mark.parametrize(
        ("shape", "offsets"),
        [
            ([1 << 40], [0, 1 << 42]),
            ([2], [0, 1 << 63]),
            ([2], [4, 12]),
            ([3], [0, 8]),
            ([1 << 62, 4], [0, 8]),
        ],
    )
    def test_a_tensor_larger_than_the_file(
        self, tmp_path: Path, shape: list[int], offsets: list[int]
    ) -> None:
        tensor = {"dtype": "F32", "shape": shape, "data_offsets": offsets}
        with pytest.raises(ModelError, match="not a readable checkpoint"):
            self.load(tmp_path / "a.safetensors", {"a": tensor})

    @pytest.mark.parametrize(
        "net",
        [
            {"classes": 10**9},
            {"decoder": "fine", "widths": [10**6] * 4},
            {"bins": [10**9]},
            {"backbone": "hf-hub:someone/something"},
            {"backbone": "local-dir:/etc"},
            {"backbone": "../../etc"},
            {"widths": [0]},
            {"kernel": -1, "decoder": "fine", "widths": [8, 8, 8, 8]},
        ],
    )
    def test_a_network_that_is_not_in_the_file(self, tmp_path: Path, net: dict[str, Any]) -> None:
        tensor = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
        about = {"hairseg": json.dumps({"net": net})}
        with pytest.raises((ModelError, UsageError)):
            self.load(tmp_path / "a.safetensors", {"__metadata__": about, "a": tensor})
