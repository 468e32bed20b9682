"""Clips that Chromium's fake camera plays."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image


def write_y4m(path: Path, frames: Sequence[NDArray[np.uint8]], rate: int = 30) -> Path:
    """An uncompressed clip (YUV 4:2:0) of (H, W, 3) frames with even sides."""
    height, width = frames[0].shape[:2]
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{width} H{height} F{rate}:1 Ip A1:1 C420\n".encode())
        for frame in frames:
            luma, *chroma = Image.fromarray(frame).convert("YCbCr").split()
            file.write(b"FRAME\n" + luma.tobytes())
            for plane in chroma:
                file.write(plane.resize((width // 2, height // 2), Image.Resampling.BOX).tobytes())
    return path


def real_frames(count: int = 30) -> list[NDArray[np.uint8]]:
    """The first frames of somebody speaking; skips the test where the research data or PyAV is missing."""
    folder = os.environ.get("HAIRSEG_DATA")
    if folder is None:
        pytest.skip("needs the research photos (HAIRSEG_DATA)")
    av = pytest.importorskip("av", reason="needs PyAV")
    with av.open(str(Path(folder) / "video" / "carphone_pristine.mp4")) as clip:
        frames = []
        for frame in clip.decode(video=0):
            frames.append(frame.to_ndarray(format="rgb24"))
            if len(frames) == count:
                break
    return frames
