"""Fixtures of the path that a photo takes."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from numpy.typing import NDArray

from toys import ModelMaker, write_toy_model

# How long an example takes says something about the machine, not about the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


# A job in the background of a script is born with interrupts ignored, and so would be the processes of the tests.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def toy_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy model, which takes red for hair."""
    return write_toy_model(tmp_path_factory.mktemp("models") / "toy.onnx")


@pytest.fixture
def make_model(tmp_path: Path) -> ModelMaker:
    """Writes toy models with other metadata."""

    def make(name: str = "other.onnx", **changes: Any) -> Path:
        return write_toy_model(tmp_path / name, **changes)

    return make


@pytest.fixture
def packaged_toy(toy_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that ships the toy as its default; returns the folder."""
    import hashlib

    import hairseg.models
    import hairseg.segmenter

    folder = tmp_path / "packaged models"
    folder.mkdir()
    data = toy_model.read_bytes()
    (folder / "hairseg-int8.onnx").write_bytes(data)
    (folder / "SHA256SUMS").write_text(f"{hashlib.sha256(data).hexdigest()}  hairseg-int8.onnx\n")
    monkeypatch.setattr(hairseg.models, "FOLDER", folder)
    hairseg.segmenter._kept.cache_clear()
    return folder


@pytest.fixture
def portrait() -> NDArray[np.uint8]:
    """(48, 64, 3): a red head of hair, rows 8 to 24 and columns 16 to 48, on green."""
    pixels = np.zeros((48, 64, 3), np.uint8)
    pixels[..., 1] = 200
    pixels[8:24, 16:48] = (200, 30, 30)
    return pixels
