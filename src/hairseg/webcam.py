"""The name of a camera -> what FFmpeg opens, on each system in its own way."""

from __future__ import annotations

import stat
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hairseg.errors import PhotoError
from hairseg.printable import printable

PREFIX = "webcam"
# Where Linux tells the names of its cameras.
_CAMERAS = Path("/sys/class/video4linux")


@dataclass(frozen=True)
class Device:
    """A camera, as ``av.open`` takes it."""

    file: str
    format: str
    options: dict[str, str] = field(default_factory=dict)


def find_webcam(source: str, av: Any, system: str = sys.platform) -> Device | None:
    """The camera that a person means, or None where it is not one.

    Args:
        source: ``webcam`` for the first one, ``webcam:NAME`` with its number or name, or a device file.
        av: the module, for the list of cameras on Windows.
        system: ``sys.platform``.

    Raises:
        PhotoError: there is no such camera.
    """
    if system == "linux" and _is_device(Path(source)):
        return Device(source, "v4l2")
    prefix, _, name = source.partition(":")
    if prefix != PREFIX or Path(source).exists():
        return None
    if system == "linux":
        return _v4l2(name)
    if system == "darwin":
        # Apple's cameras refuse FFmpeg's default rate of 29.97.
        return Device(f"{name or '0'}:none", "avfoundation", {"framerate": "30"})
    return _dshow(name, av)


def _is_device(path: Path) -> bool:
    """Whether a path is a device file such as /dev/video0."""
    try:
        return stat.S_ISCHR(path.stat().st_mode) and path.name.startswith("video")
    except (OSError, ValueError):
        return False


def _v4l2(name: str) -> Device:
    """A camera of Linux by its number, or by a part of the name that its driver gives it."""
    names = {}
    for place in sorted(_CAMERAS.glob("video*"), key=lambda place: (len(place.name), place.name)):
        names[place.name] = (place / "name").read_text(encoding="utf-8", errors="replace").strip()
    for device, label in names.items():
        if name in ("", device.removeprefix("video")) or (
            name.lower() in label.lower() and not name.isdigit()
        ):
            return Device(f"/dev/{device}", "v4l2")
    raise _no_camera(name, list(names.values()))


def _dshow(name: str, av: Any) -> Device:
    """A camera of Windows by a part of its name."""
    cameras = [
        device.description or device.name
        for device in av.enumerate_input_devices("dshow")
        if "video" in device.media_types
    ]
    for number, label in enumerate(cameras):
        if name in ("", str(number)) or (name.lower() in label.lower() and not name.isdigit()):
            return Device(f"video={label}", "dshow")
    raise _no_camera(name, cameras)


def _no_camera(name: str, known: list[str]) -> PhotoError:
    """What to say, with the cameras that there are."""
    if not known:
        return PhotoError("no camera is connected: connect one, or name a video file")
    listed = ", ".join(printable(label) for label in known)
    return PhotoError(f"there is no camera {printable(name)!r}: the connected ones are {listed}")
