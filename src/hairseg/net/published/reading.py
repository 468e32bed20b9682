"""Published files: the tensors in them, without running anything that a pickle holds.

``.pth``, ``.pt`` and ``.ckpt`` are pickles, which can run any code when they are read. They are read by torch's
own reader of tensors alone (``weights_only=True``), which refuses everything else; of a few harmless kinds of
object that trainings save beside the weights it makes nothing.
"""

from __future__ import annotations

import errno
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hairseg.errors import ModelError
from hairseg.net.files import read_tensors
from hairseg.net.published.words import has_endless_word

# Under which names training codes keep the state dict, the likelier first; any other name is tried last.
_STATE_NAMES = (
    "state_dict",
    "model_state_dict",
    "model_state",
    "model",
    "net",
    "network",
    "weight",
    "weights",
)
# What trainings save beside the weights: scores, arguments, the log of mmengine. Nothing is read in their place.
_BESIDE = (
    *(f"numpy.{core}.multiarray.{name}" for core in ("core", "_core") for name in ("scalar", "_reconstruct")),
    "numpy.ndarray",
    "numpy.dtype",
    "argparse.Namespace",
    "pathlib.Path",
    "pathlib.PosixPath",
    "pathlib.WindowsPath",
    "mmengine.logging.history_buffer.HistoryBuffer",
    "builtins.getattr",
)
# A file in a file in a file: {"model": {"state_dict": {...}}}.
_DEPTH = 3
_FOREIGN = {
    ".pdparams": "PaddlePaddle",
    ".params": "MXNet (GluonCV)",
    ".h5": "Keras",
    ".keras": "Keras",
    ".caffemodel": "Caffe",
    ".onnx": "ONNX",
}


def read_published(path: Path) -> tuple[dict[str, Tensor], Mapping[str, Any]]:
    """The state dict in a published file, and the entries beside it.

    Args:
        path: a .safetensors file, or one written by ``torch.save``.

    Raises:
        ModelError: missing, damaged, of another framework, without a state dict, or more than tensors.
    """
    if path.is_dir():
        raise ModelError(f"{path}: a folder, not a file of weights: name the file in it")
    if path.suffix.lower() in _FOREIGN:
        raise ModelError(
            f"{path}: a file of {_FOREIGN[path.suffix.lower()]}, not of PyTorch: convert reads .pth, .pt, .ckpt "
            "and .safetensors"
        )
    if path.suffix.lower() == ".safetensors":
        tensors, header = read_tensors(path)
        if header:
            raise ModelError(f"{path}: a file of hairseg's already: load, train and export take it as it is")
        return tensors, {}
    data = _unpickle(path)
    state = _state(data, _DEPTH)
    if state is None:
        raise ModelError(f"{path}: holds no state dict, only {_kind(data)}: save model.state_dict() instead")
    return state, data if isinstance(data, Mapping) else {}


def _unpickle(path: Path) -> Any:
    stand_ins: list[Any] = [(_Nothing, name) for name in _BESIDE]
    try:
        if has_endless_word(path):
            raise ValueError("a name that never ends")
        with warnings.catch_warnings(), torch.serialization.safe_globals(stand_ins):
            warnings.simplefilter("ignore")  # of old protocols
            return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise ModelError(f"{path}: no such file of weights") from error
    except OSError as error:
        if error.errno == errno.EINVAL:  # of an archive that ends too early, in torch's words
            raise ModelError(
                f"{path}: not a file of PyTorch, or one that is incomplete or damaged"
            ) from error
        raise ModelError(f"{path}: cannot be read ({error.strerror or error})") from error
    except Exception as error:  # a damaged file makes torch's readers raise anything
        text = str(error)
        code = re.search(r"GLOBAL ([\w.]*\w)\s", text)
        if code or "Can only create new object" in text:
            held = code[1] if code else "Python objects"
            raise ModelError(
                f"{path}: holds {held} besides tensors, and reading that would run code from the file: load it "
                "with the code that wrote it, and only if you trust it, then save model.state_dict() alone"
            ) from error
        if "TorchScript" in text:
            raise ModelError(
                f"{path}: a TorchScript program, not weights: save model.state_dict()"
            ) from error
        raise ModelError(f"{path}: not a file of PyTorch, or one that is incomplete or damaged") from error


class _Nothing:
    """Stands for an object that was saved beside the tensors: takes whatever it is given, and keeps nothing."""

    def __new__(cls, *_: object, **__: object) -> _Nothing:
        return object.__new__(cls)

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __setstate__(self, _: object) -> None:
        pass


def _state(data: Any, depth: int) -> dict[str, Tensor] | None:
    """The tensors by name in what a file held, however they are wrapped; None where there are none."""
    if not isinstance(data, Mapping):
        return None
    tensors = {
        name: value for name, value in data.items() if isinstance(name, str) and isinstance(value, Tensor)
    }
    # A state dict has dotted names; scores beside it, kept as tensors, do not make one.
    if any("." in name for name in tensors):
        return tensors
    if depth == 0:
        return None
    order = [
        *(name for name in _STATE_NAMES if name in data),
        *(name for name in data if name not in _STATE_NAMES),
    ]
    found = (_state(data[name], depth - 1) for name in order)
    return next((state for state in found if state is not None), None)


def _kind(data: Any) -> str:
    if isinstance(data, Mapping):
        names = [str(name) for name in list(data)[:4]]
        return f"entries named {', '.join(names)}" if names else "an empty dict"
    return f"a {type(data).__name__}"
