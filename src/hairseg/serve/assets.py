"""Every file of the page by its address, for the service and for the static export alike."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hairseg.models import ModelInfo
from hairseg.serve.constants import constants_module
from hairseg.serve.vendor import vendored

PAGE = Path(__file__).parent / "page"
# In a wheel the samples lie in the package; in a checkout beside it.
_SAMPLES = (PAGE / "samples", Path(__file__).parents[3] / "samples")
_TITLES = {
    "astronaut.jpg": {"en": "Eileen Collins, astronaut (NASA)", "ko": "우주비행사 아일린 콜린스 (NASA)"},
    "photographer.jpg": {"en": "A photographer, black and white", "ko": "사진가 (흑백 사진)"},
    "cat.jpg": {"en": "A cat: no hair to find", "ko": "고양이: 찾을 머리카락 없음"},
}
# What fits into a browser's memory several times over; a photo of a current phone has 12 to 24 million.
LARGEST_PHOTO = 40_000_000
# Browsers give threads (shared memory) only to pages that no other site can look into.
ISOLATION = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}
# Suffix to media type; a table of our own, because the system's differ.
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".jpg": "image/jpeg",
    ".wasm": "application/wasm",
    ".onnx": "application/octet-stream",
    ".txt": "text/plain; charset=utf-8",
}

Asset = Path | bytes


def assets(models: Sequence[ModelInfo]) -> dict[str, Asset]:
    """Address, relative to the page, to a file or to bytes that are made here.

    Args:
        models: that the page offers, the first of them, or its twin in floats, at once.

    Raises:
        ModelError: onnxruntime-web was not fetched yet.
    """
    runtime = vendored()
    known: dict[str, Asset] = {
        path.name: path for path in sorted(PAGE.iterdir()) if path.is_file() and path.suffix in TYPES
    }
    known |= {f"vendor/{name}": path for name, path in runtime.items()}
    known |= {f"samples/{path.name}": path for path in _samples()}
    known |= {_address(model): model.path for model in models}
    known["constants.js"] = constants_module().encode()
    known["page.json"] = json.dumps(_manifest(models, runtime), indent=1).encode()
    return known


def media_type(address: str) -> str:
    """Media type of an asset."""
    return TYPES[Path(address).suffix]


def describe(model: ModelInfo) -> dict[str, Any]:
    """What the page and the service's clients need to know of a model, from its own metadata."""
    return {
        "name": model.name,
        "url": _address(model),
        "bytes": model.bytes,
        "architecture": model.architecture,
        "mean": list(model.mean),
        "std": list(model.std),
        "fit": model.fit.described(),
        "threshold": model.threshold,
        "color_share": model.color_share,
        "classes": list(model.classes),
        "data": list(model.data),
        "licence": model.licence,
        "parameters": model.parameters,
        "multiply_adds": model.multiply_adds,
        "scores": {split: dict(values) for split, values in model.scores.items()},
    }


def _address(model: ModelInfo) -> str:
    return f"models/{model.path.name}"


def _samples() -> list[Path]:
    """The sample photos that this installation has."""
    folder = next((folder for folder in _SAMPLES if folder.is_dir()), None)
    return [folder / name for name in _TITLES if (folder / name).is_file()] if folder else []


def _floats_first(models: Sequence[ModelInfo]) -> list[ModelInfo]:
    """The twin in floats of the first model before it, where there is one: browsers are slower at int8."""
    twin = models[0].name.removesuffix("-int8")
    return sorted(models, key=lambda model: model.name != twin)


def _for_camera(models: Sequence[ModelInfo]) -> str:
    """Name of the model that paints a camera's frames: the small sibling of the first, where there is one."""
    names = [model.name for model in models]
    small = f"{names[0]}-small"
    return small if small in names else names[0]


def _manifest(models: Sequence[ModelInfo], runtime: dict[str, Path]) -> dict[str, Any]:
    """``page.json``: what the page offers."""
    models = _floats_first(models)
    ways = {"wasm": "ort-wasm-simd-threaded.wasm", "webgpu": "ort-wasm-simd-threaded.asyncify.wasm"}
    return {
        "models": [describe(model) for model in models],
        "camera": _for_camera(models),
        "runtime": {
            way: {
                "module": f"./vendor/ort.{way}.min.mjs",
                "binary": f"./vendor/{binary}",
                "bytes": runtime[binary].stat().st_size,
            }
            for way, binary in ways.items()
        },
        "samples": [{"file": f"samples/{path.name}", "titles": _TITLES[path.name]} for path in _samples()],
        "limits": {"pixels": LARGEST_PHOTO},
    }
