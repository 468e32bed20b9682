"""Hair segmentation that works on any photo, offline.

    import hairseg

    hair = hairseg.segment("portrait.jpg")
    hair.mask                                   # (H, W) bool
    hair.recolor("#7a3b1d").save("brown.png")

Names are loaded at their first use: importing the package costs nothing, and onnxruntime is imported by the
first segmenter.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hairseg.errors import (
    DataError,
    HairsegError,
    MissingExtraError,
    ModelError,
    OutputError,
    PhotoError,
    UsageError,
)

if TYPE_CHECKING:
    from hairseg.hair import Hair
    from hairseg.segmenter import Segmenter, segment

# From 1.29 on ONNX Runtime tells its makers of every process and session, unless this stands before its import. Whoever
# has set it to 0 wants that.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__version__ = "0.1.0"

__all__ = [
    "DataError",
    "Hair",
    "HairsegError",
    "MissingExtraError",
    "ModelError",
    "OutputError",
    "PhotoError",
    "Segmenter",
    "UsageError",
    "__version__",
    "segment",
]

_HOMES = {"Hair": "hairseg.hair", "Segmenter": "hairseg.segmenter", "segment": "hairseg.segmenter"}


def __getattr__(name: str) -> object:
    """Load a public name at its first use."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
