"""``hairseg doctor``."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import platform
import sys
from typing import Annotated, Any

import numpy as np
from cyclopts import Parameter

from hairseg.cores import physical_cores
from hairseg.errors import HairsegError
from hairseg.models import find_model, packaged
from hairseg.segmenter import Segmenter

_BASE = ("hairseg", "numpy", "pillow", "onnxruntime", "cyclopts")
_EXTRAS = {
    "heic": ("pi_heif",),
    "video": ("av",),
    "serve": ("fastapi", "uvicorn", "multipart"),
    "ray": ("ray", "pyarrow"),
    "train": ("torch", "torchvision", "timm", "safetensors", "onnx", "onnxscript"),
}


def doctor(*, as_json: Annotated[bool, Parameter(name="--json", negative="")] = False) -> int:
    """Check the installation: versions, models and their checksums, extras, and a first mask.

    Parameters
    ----------
    as_json
        Print one JSON object.
    """
    found = examine()
    if as_json:
        print(json.dumps(found))
    else:
        for line in _lines(found):
            print(line)
    sys.stdout.flush()
    return 0 if found["works"] else 3


def examine() -> dict[str, Any]:
    """What the installation is and whether it works."""
    first = _first_mask()
    return {
        "works": first is None,
        "problem": first,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cores": physical_cores(),
        "versions": {name: _version(name) for name in _BASE},
        "models": {name: _problem(name) for name in packaged()},
        "extras": {name: _missing(modules) for name, modules in _EXTRAS.items()},
    }


def _first_mask() -> str | None:
    """What keeps the default model from making a mask, if anything does."""
    try:
        Segmenter()(np.zeros((64, 64, 3), np.uint8))
    except HairsegError as error:
        return str(error)
    return None


def _version(package: str) -> str | None:
    """Installed version."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _problem(model: str) -> str | None:
    """What is wrong with a packaged model's file."""
    try:
        find_model(model)
    except HairsegError as error:
        return str(error)
    return None


def _missing(modules: tuple[str, ...]) -> list[str]:
    """The modules that are not installed; nothing is imported."""
    return [name for name in modules if importlib.util.find_spec(name) is None]


def _lines(found: dict[str, Any]) -> list[str]:
    """The same for a person."""
    versions = ", ".join(f"{name} {version or 'missing'}" for name, version in found["versions"].items())
    lines = [
        f"Python {found['python']} on {found['platform']}, {found['cores']} cores",
        versions,
        *(f"model {name}: {problem or 'whole'}" for name, problem in found["models"].items()),
    ]
    for extra, missing in found["extras"].items():
        remedy = f"not installed ({', '.join(missing)}): pip install 'hairseg[{extra}]'"
        lines.append(f"extra {extra}: {remedy if missing else 'installed'}")
    lines.append("a first mask: made" if found["works"] else f"a first mask: {found['problem']}")
    return lines
