"""Whether an ONNX file holds all of its weights, looked up without loading it.

ONNX lets a tensor name another file, from which the runtime reads it. Not every release of the runtime keeps such
names inside the model's folder, and no model of ours has them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

# Protocol Buffers: https://protobuf.dev/programming-guides/encoding; numbers of fields: onnx.proto3.
_Message = Literal["model", "graph", "node", "attribute", "function", "sparse", "tensor"]
_INSIDE: dict[_Message, dict[int, _Message]] = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
_VARINT, _EIGHT, _LENGTH, _FOUR = 0, 1, 2, 5
# Graphs in graphs in graphs; the runtime's own limit is near.
_DEEPEST = 60


def is_contained(data: bytes) -> bool:
    """Whether no tensor of an ONNX model lies in another file.

    Args:
        data: the bytes of the file.

    Raises:
        ValueError: this is no ONNX file.
    """
    return _contained(memoryview(data), "model", 0)


def _contained(data: memoryview, kind: _Message, depth: int) -> bool:
    if depth > _DEEPEST:
        raise ValueError("its graphs are nested too deep")
    inside = _INSIDE[kind]
    for field, value in _fields(data):
        if kind == "tensor" and field in (_EXTERNAL_DATA, _DATA_LOCATION) and value != 0:
            return False
        if field in inside and not isinstance(value, int) and not _contained(value, inside[field], depth + 1):
            return False
    return True


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of each field of a message."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind, size = key & 7, 0
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield key >> 3, value
            continue
        if kind == _LENGTH:
            size, at = _varint(data, at)
        elif kind in (_EIGHT, _FOUR):
            size = 8 if kind == _EIGHT else 4
        else:
            raise ValueError(f"a field is of the unknown kind {kind}")
        if at + size > len(data):
            raise ValueError("a field is longer than its message")
        yield key >> 3, data[at : at + size]
        at += size


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """A number, and where it ends."""
    value = shift = 0
    while at < len(data) and shift < 70:
        value |= (data[at] & 127) << shift
        at += 1
        if data[at - 1] < 128:
            return value, at
        shift += 7
    raise ValueError("a number does not end")
