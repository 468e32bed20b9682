"""One photo in a process of its own, for what has killed the process that it shared with others."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from hairseg.errors import PhotoError

# A photo of the largest size takes a slow core some seconds.
SECONDS = 300.0


def alone(
    data: bytes, name: str, model: Path, threshold: float | None, seconds: float = SECONDS
) -> dict[str, Any]:
    """``Hair.to_dict(rle=True)`` of a photo, by a ``hairseg`` of its own.

    Args:
        data: bytes of the photo's file.
        name: of the photo, safe to print.
        model: the ``.onnx`` file.
        threshold: a probability from here on is hair; None for the model's own.
        seconds: until it is given up.

    Raises:
        PhotoError: it cannot be read, takes too long, or kills its process.
    """
    command = [sys.executable, "-m", "hairseg", "mask", "-", "--json", "--rle", "--threads", "1"]
    command += ["--model", str(model)]
    if threshold is not None:
        command += ["--threshold", str(threshold)]
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired as error:
        raise PhotoError(f"{name} takes longer than {seconds:g} seconds: leave it out") from error
    if not done.stdout:
        raise PhotoError(f"{name} kills the process that reads it ({_end(done.returncode)}): leave it out")
    line: dict[str, Any] = json.loads(done.stdout)
    if line["status"] == "failed":
        raise PhotoError(line["error"].replace("<stdin>", name))
    return line


def _end(code: int) -> str:
    """How a process ended."""
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"exit code {code}"
