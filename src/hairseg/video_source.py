"""What a person names as a video -> an open stream of it."""

from __future__ import annotations

import os
import stat
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

from hairseg.errors import PhotoError, UsageError, require
from hairseg.photo import why_unreadable
from hairseg.printable import printable
from hairseg.webcam import Device, find_webcam

VideoSource = str | os.PathLike[str] | BinaryIO

# Formats of still pictures, and those that FFmpeg takes any text for.
_NO_VIDEOS = ("image2", "tty", "bin", "xbin", "adf", "idf")


@dataclass(frozen=True)
class Opened:
    """An open video.

    Attributes:
        name: for messages, safe to print.
        live: a camera, which does not end by itself.
        container: PyAV's.
        stream: PyAV's video stream in it.
        file: what was opened here and has to be closed.
    """

    name: str
    live: bool
    container: Any
    stream: Any
    file: BinaryIO | None = None

    def close(self) -> None:
        """Let go of the file."""
        self.container.close()
        if self.file is not None:
            self.file.close()


def open_source(source: VideoSource, raw: str | None = None) -> Opened:
    """Open a video.

    Args:
        source: path, binary file object, ``-`` for standard input, or ``webcam[:NAME]``.
        raw: ``WIDTHxHEIGHT[@RATE]`` of RGB pixels without any container.

    Raises:
        PhotoError: there is no such file, or no video in it.
        UsageError: ``raw`` is written wrong, or standard input is a terminal.
        MissingExtraError: the extra ``video`` is not installed.
    """
    av = require("av", "video")
    name = _name_of(source)
    device = find_webcam(source, av) if isinstance(source, str) else None
    options = {} if raw is None else {"format": "rawvideo", "options": _raw_options(raw)}
    with ExitStack() as undo:
        file = None if device else _file_of(source, name)
        own = (
            file
            if file not in (source, sys.stdin.buffer) and not isinstance(file, (str, type(None)))
            else None
        )
        if own is not None:
            undo.callback(own.close)
        try:
            container = _open_device(av, device) if device else _open_file(av, file, options)
        except (av.FFmpegError, OSError, ValueError) as error:
            if device is not None:
                raise PhotoError(
                    f"{name} does not open ({reason_of(error)}): check whether another program uses it"
                ) from error
            raise PhotoError(
                f"{name} is not a video, or is damaged at its beginning ({reason_of(error)}): "
                "copy it again from where it came, or convert it to mp4"
            ) from error
        undo.callback(container.close)
        opened = Opened(name, device is not None, container, _video_in(container, name), own)
        undo.pop_all()
    return opened


def reason_of(error: BaseException) -> str:
    """An error's own words, short and safe to print."""
    words = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return printable(str(words).splitlines()[0]).rstrip(".")


def _name_of(source: VideoSource) -> str:
    """How a person knows the source, safe to print."""
    if isinstance(source, (str, os.PathLike)):
        return "standard input" if source == "-" else printable(source)
    name = getattr(source, "name", None)
    return printable(name) if isinstance(name, (str, os.PathLike)) and name else "the given video"


def _file_of(source: VideoSource, name: str) -> str | BinaryIO:
    """A source as PyAV takes it, if it can be opened at all: FFmpeg itself says less of what is wrong."""
    if source == "-":
        if sys.stdin.isatty():
            raise UsageError("- reads a video from standard input, which is a terminal: pipe one into it")
        return sys.stdin.buffer
    if not isinstance(source, (str, os.PathLike)):
        return source
    path = Path(source)
    try:
        if path.is_dir():
            raise PhotoError(f"{name} is a folder: name a video in it")
        if not stat.S_ISREG(path.stat().st_mode):
            return path.open("rb")  # a pipe
        with path.open("rb") as file:
            if not file.read(1):
                raise PhotoError(f"{name} is empty (0 bytes): copy it again from where it came")
    except (OSError, ValueError) as error:
        raise PhotoError(f"{name} {why_unreadable(error)}") from error
    # Without the prefix, a name such as concat:a would be more to FFmpeg than a name.
    return "file:" + os.fspath(source)


def _open_file(av: Any, file: str | BinaryIO | None, options: dict[str, Any]) -> Any:
    """PyAV's container of a file."""
    try:
        return av.open(file, "r", **options)
    except UnicodeDecodeError:  # in titles and the like, which are not used
        return av.open(file, "r", metadata_errors="replace", **options)


def _open_device(av: Any, device: Device) -> Any:
    """PyAV's container of a camera."""
    return av.open(device.file, "r", format=device.format, options=device.options)


def _video_in(container: Any, name: str) -> Any:
    """The first stream of moving pictures."""
    streams = [stream for stream in container.streams.video if not _is_cover(stream)]
    if not streams or _is_picture(container) or container.format.name in _NO_VIDEOS:
        raise PhotoError(f"{name} holds no video{_what_instead(container)}")
    if streams[0].codec_context is None:
        raise PhotoError(f"{name} is in a format that this FFmpeg cannot decode: convert it to mp4")
    return streams[0]


def _raw_options(raw: str) -> dict[str, str]:
    """FFmpeg's options for ``640x480@25``."""
    size, _, rate = raw.partition("@")
    width, _, height = size.partition("x")
    try:
        valid = int(width) > 0 and int(height) > 0 and (not rate or Fraction(rate) > 0)
    except (ValueError, ZeroDivisionError):
        valid = False
    if not valid:
        raise UsageError(f"raw size {raw!r} is not understood: write WIDTHxHEIGHT@RATE, as in 640x480@25")
    return {"video_size": f"{int(width)}x{int(height)}", "pixel_format": "rgb24", "framerate": rate or "25"}


def _is_cover(stream: Any) -> bool:
    """Whether a video stream is the picture on the cover of a song."""
    return "attached_pic" in str(stream.disposition)


def _is_picture(container: Any) -> bool:
    """Whether a file is a photo, which FFmpeg takes for a video of one frame."""
    return bool(container.format.name.endswith("_pipe") or container.format.name == "image2")


def _what_instead(container: Any) -> str:
    """What a file without video is, and what to do."""
    if _is_picture(container):
        return ", it is a picture: use hairseg without the verb video"
    if container.streams.audio:
        return ", only sound: name a file with pictures"
    return ": name another file"
