"""What a person names as a video -> an open stream of it."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, cast

from hairseg.errors import PhotoError, UsageError, require
from hairseg.iso_media import jumpable
from hairseg.photo import why_unreadable
from hairseg.pipe import Pipe
from hairseg.printable import printable
from hairseg.streams import is_missing
from hairseg.webcam import Device, find_webcam

VideoSource = str | os.PathLike[str] | BinaryIO

# Formats of still pictures, and those that FFmpeg takes any text for.
_NO_VIDEOS = ("image2", "tty", "bin", "xbin", "adf", "idf")

# What FFmpeg takes for a video and is none: texts that have it open other files, addresses or ports.
_PLAYLISTS = {
    *("concat", "hls", "dash", "webm_dash_manifest", "imf", "sdp", "rtp", "rtsp", "sap", "lavfi", "avisynth"),
    *("vapoursynth", "vobsub"),
}


@dataclass(frozen=True)
class Opened:
    """An open video.

    Attributes:
        name: for messages, safe to print.
        live: a camera, which does not end by itself.
        container: PyAV's.
        stream: PyAV's video stream in it.
        pipe: what is read, where that is a pipe.
        undo: closes what was opened.
    """

    name: str
    live: bool
    container: Any
    stream: Any
    pipe: Pipe | None
    undo: ExitStack

    def stop(self) -> None:
        """End a wait for a pipe, from another thread."""
        if self.pipe is not None:
            self.pipe.stop()

    def close(self) -> None:
        """Let go of the file."""
        self.undo.close()


def open_source(source: VideoSource, raw: str | None = None) -> Opened:
    """Open a video.

    Args:
        source: path, binary file object, ``-`` for standard input, or ``webcam[:NAME]``.
        raw: ``WIDTHxHEIGHT[@RATE]`` of RGB pixels without any container.

    Raises:
        PhotoError: there is no such file, or no video in it.
        UsageError: ``raw`` is written wrong, or standard input is a terminal or closed.
        MissingExtraError: the extra ``video`` is not installed.
    """
    av = require("av", "video")
    name = _name_of(source)
    device = find_webcam(source, av) if isinstance(source, str) else None
    options = {} if raw is None else {"format": "rawvideo", "options": _raw_options(raw)}
    with ExitStack() as undo:
        file = None if device else undo.enter_context(_file_of(source, name))
        if isinstance(file, Pipe) and raw is None:
            try:
                file = undo.enter_context(jumpable(file))
            except OSError as error:
                raise PhotoError(
                    f"{name} has its index at its end, and the temporary folder does not take a copy "
                    f"({reason_of(error)}): make room, or name it as a file"
                ) from error
        try:
            container = _open_device(av, device) if device else _open_file(av, file, options)
        except (av.FFmpegError, OSError, ValueError) as error:
            if isinstance(file, Pipe) and file.interrupted:
                raise KeyboardInterrupt from error
            if device is not None:
                raise PhotoError(
                    f"{name} does not open ({reason_of(error)}): check whether another program uses it"
                ) from error
            raise PhotoError(
                f"{name} is not a video, or is damaged at its beginning ({reason_of(error)}): "
                "copy it again from where it came, or convert it to mp4"
            ) from error
        undo.callback(container.close)
        stream = _video_in(container, name)
        pipe = file if isinstance(file, Pipe) else None
        return Opened(name, device is not None, container, stream, pipe, undo.pop_all())


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


@contextmanager
def _file_of(source: VideoSource, name: str) -> Iterator[str | BinaryIO | Pipe]:
    """A source as PyAV takes it, if it can be opened at all: FFmpeg itself says less of what is wrong."""
    if source == "-":
        if is_missing(sys.stdin):
            raise UsageError("- reads a video from standard input, which is closed: pipe one into it")
        if sys.stdin.isatty():
            raise UsageError("- reads a video from standard input, which is a terminal: pipe one into it")
        yield Pipe(sys.stdin.buffer)
    elif not isinstance(source, (str, os.PathLike)):
        yield source
    elif not os.fspath(source):
        raise PhotoError("an empty name is no video: check the variable or the quotes")
    else:
        with _checked(Path(source), name) as file:
            if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                # Without the prefix, a name such as concat:a would be more to FFmpeg than a name.
                yield "file:" + os.fspath(source)
            else:
                yield Pipe(file)


def _checked(path: Path, name: str) -> BinaryIO:
    """An open file that is not empty."""
    try:
        if path.is_dir():
            raise PhotoError(f"{name} is a folder: name a video in it")
        file = path.open("rb", buffering=0)
        status = os.fstat(file.fileno())
    except (OSError, ValueError) as error:
        raise PhotoError(f"{name} {why_unreadable(error)}") from error
    if stat.S_ISREG(status.st_mode) and not status.st_size:
        file.close()
        raise PhotoError(f"{name} is empty (0 bytes): copy it again from where it came")
    return cast(BinaryIO, file)


def _open_file(av: Any, file: str | BinaryIO | Pipe | None, options: dict[str, Any]) -> Any:
    """PyAV's container of a file."""
    own = {**options, "options": {**options.get("options", {}), "format_whitelist": _formats(av)}}
    try:
        return av.open(file, "r", **own)
    except UnicodeDecodeError:  # in titles and the like, which are not used
        return av.open(file, "r", metadata_errors="replace", **own)


@cache
def _formats(av: Any) -> str:
    """The names of all formats that read nothing but their own file."""
    return ",".join(sorted(set(av.formats_available) - _PLAYLISTS))


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
        return ": if it is a picture, use hairseg without the verb video"
    if container.streams.audio:
        return ", only sound: name a file with pictures"
    return ": name another file"
