from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from hairseg import webcam
from hairseg.errors import PhotoError
from hairseg.webcam import Device, find_webcam


@dataclass
class Listed:
    name: str
    description: str
    media_types: list[str]


class Windows:
    """PyAV's list of devices, as Windows has it."""

    @staticmethod
    def enumerate_input_devices(format: str) -> list[Listed]:
        assert format == "dshow"
        return [
            Listed("@mic", "Microphone", ["audio"]),
            Listed("@one", "Integrated Camera", ["video"]),
            Listed("@two", "USB Camera", ["video", "audio"]),
        ]


@pytest.fixture
def cameras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What Linux tells of two cameras, each with a second node for its metadata."""
    for number, name in enumerate(["Laptop: Laptop Camera", "Laptop: Metadata", "USB Microscope"]):
        place = tmp_path / f"video{number * 5}"
        place.mkdir()
        (place / "name").write_text(name + "\n")
    monkeypatch.setattr(webcam, "_CAMERAS", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("source", "file"),
    [
        ("webcam", "/dev/video0"),
        ("webcam:10", "/dev/video10"),
        ("webcam:microscope", "/dev/video10"),
        ("webcam:Laptop Camera", "/dev/video0"),
    ],
)
def test_linux(cameras: Path, source: str, file: str) -> None:
    assert find_webcam(source, None, "linux") == Device(file, "v4l2")


def test_linux_knows_what_is_there(cameras: Path) -> None:
    with pytest.raises(PhotoError, match="no camera 'canon': the connected ones are Laptop: Laptop Camera, "):
        find_webcam("webcam:canon", None, "linux")


def test_no_camera(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webcam, "_CAMERAS", tmp_path)
    with pytest.raises(PhotoError, match="no camera is connected: connect one, or name a video file"):
        find_webcam("webcam", None, "linux")


def test_mac() -> None:
    options = {"framerate": "30"}
    assert find_webcam("webcam", None, "darwin") == Device("0:none", "avfoundation", options)
    expected = Device("FaceTime HD Camera:none", "avfoundation", options)
    assert find_webcam("webcam:FaceTime HD Camera", None, "darwin") == expected


@pytest.mark.parametrize(
    ("source", "name"),
    [("webcam", "Integrated Camera"), ("webcam:1", "USB Camera"), ("webcam:usb", "USB Camera")],
)
def test_windows(source: str, name: str) -> None:
    assert find_webcam(source, Windows, "win32") == Device(f"video={name}", "dshow")


def test_windows_knows_what_is_there() -> None:
    with pytest.raises(PhotoError, match="the connected ones are Integrated Camera, USB Camera"):
        find_webcam("webcam:2", Windows, "win32")


@pytest.mark.parametrize("source", ["clip.mp4", "webcams", "/dev/null", "-", "webcam.mp4"])
def test_what_is_no_camera(source: str) -> None:
    assert find_webcam(source, None, "linux") is None


def test_a_file_of_that_name_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("webcam").touch()
    assert find_webcam("webcam", None, "darwin") is None
