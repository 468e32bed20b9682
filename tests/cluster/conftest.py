"""A Ray of two cores on this machine, and folders of toy photos."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

Photos = Callable[..., Path]


@pytest.fixture(autouse=True, scope="session")
def _needs_ray() -> None:
    pytest.importorskip("ray", reason="needs Ray: pip install 'hairseg[ray]'")


@pytest.fixture
def photos(tmp_path: Path) -> Photos:
    """Writes a folder of photos; the first 24th of the first one's rows, two of the second's ... are hair."""

    def make(*names: str, size: int = 24) -> Path:
        folder = tmp_path / "photos"
        for index, name in enumerate(names):
            pixels = np.zeros((size, size, 3), np.uint8)
            pixels[..., 1] = 255
            pixels[: size // 24 * (index + 1)] = (255, 0, 0)
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(folder / name)
        return folder

    return make


@pytest.fixture(scope="session")
def ray_here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Ray with two cores."""
    import ray

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    options: dict[str, Any] = {
        "num_cpus": 2,
        "include_dashboard": False,
        "object_store_memory": 1 << 27,
        "log_to_driver": False,
        "logging_level": logging.CRITICAL,
    }
    try:
        ray.init(**options)
    except Exception:  # its patience with a busy machine is half a minute
        ray.shutdown()
        ray.init(**options)
    yield ray
    ray.shutdown()
