"""What videos are written as: the ending of a name -> container, encoders, and what fits into them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from hairseg.errors import UsageError
from hairseg.printable import printable

VideoKind = Literal["mask", "overlay", "cutout", "recolor"]
FormatName = Literal["mp4", "mov", "mkv", "webm", "y4m", "raw", "png"]

# What our results are called beside the video, as for photos.
RESULT_NAMES: dict[VideoKind, Literal["hair", "overlay", "cutout", "recolor"]] = {
    "mask": "hair",
    "overlay": "overlay",
    "cutout": "cutout",
    "recolor": "recolor",
}


@dataclass(frozen=True)
class Encoder:
    """How pictures become packets.

    Attributes:
        codec: FFmpeg's name of the encoder.
        pixels: FFmpeg's name of the pixel format.
        options: of the encoder.
    """

    codec: str
    pixels: str
    options: dict[str, str] = field(default_factory=dict)

    @property
    def even(self) -> bool:
        """Whether both sides of the pictures have to be even."""
        return self.codec == "libx264"


@dataclass(frozen=True)
class Format:
    """One way to write a video.

    Attributes:
        name: as ``--format`` takes it, and the ending of file names.
        muxer: FFmpeg's name of the container; empty for a folder of pictures.
        opaque: encoder of masks, overlays and recoloured videos.
        transparent: encoder of cutouts; None where there is no transparency.
        grey: encoder of masks, where they are not written as pictures in colour.
        sound: encoder for sound that the container does not take as it is; None where it takes all or none.
        silent: there is no place for sound.
        seeks: cannot be written to a pipe.
        timed: frames keep their own times; otherwise they follow at a constant rate.
        options: of the container.
    """

    name: FormatName
    muxer: str
    opaque: Encoder
    transparent: Encoder | None = None
    grey: Encoder | None = None
    sound: str | None = None
    silent: bool = False
    seeks: bool = False
    timed: bool = True
    options: dict[str, str] = field(default_factory=dict)


# Quality that the eye cannot tell from the original, at a speed that leaves the cores to the network.
_H264 = Encoder("libx264", "yuv420p", {"crf": "18", "preset": "veryfast"})
_VP9_OPTIONS = {"crf": "24", "b": "0", "deadline": "good", "cpu-used": "5", "row-mt": "1"}
_VP9 = Encoder("libvpx-vp9", "yuv420p", _VP9_OPTIONS)
# libvpx cannot look ahead where there is a second, hidden stream of transparency.
_VP9_ALPHA = Encoder("libvpx-vp9", "yuva420p", {**_VP9_OPTIONS, "auto-alt-ref": "0"})
_PRORES_4444 = Encoder("prores_ks", "yuva444p10le", {"profile": "4444", "alpha_bits": "16", "vendor": "apl0"})
_FAST_START = {"movflags": "+faststart"}

FORMATS: dict[FormatName, Format] = {
    "mp4": Format("mp4", "mp4", _H264, sound="aac", seeks=True, options=_FAST_START),
    "mov": Format("mov", "mov", _H264, _PRORES_4444, sound="aac", seeks=True, options=_FAST_START),
    "mkv": Format("mkv", "matroska", _H264, Encoder("ffv1", "bgra")),
    "webm": Format("webm", "webm", _VP9, _VP9_ALPHA, sound="libopus"),
    "y4m": Format("y4m", "yuv4mpegpipe", Encoder("rawvideo", "yuv420p"), silent=True, timed=False),
    "raw": Format(
        "raw",
        "rawvideo",
        Encoder("rawvideo", "rgb24"),
        Encoder("rawvideo", "rgba"),
        Encoder("rawvideo", "gray"),
        silent=True,
        timed=False,
    ),
    "png": Format("png", "", Encoder("png", "rgb24"), Encoder("png", "rgba"), silent=True),
}
_ENDINGS: dict[str, FormatName] = {
    **{f".{name}": name for name in get_args(FormatName) if name not in ("png", "raw")},
    ".m4v": "mp4",
    ".qt": "mov",
    ".rgb": "raw",
}
_PIPE: FormatName = "mkv"


def encoder_for(kind: VideoKind, how: Format) -> Encoder:
    """The encoder of one kind of result."""
    chosen = {"mask": how.grey, "cutout": how.transparent}.get(kind)
    return chosen or how.opaque


def choose_format(target: str, kind: VideoKind, name: FormatName | None = None) -> Format:
    """How a video will be written.

    Args:
        target: file name, folder (ends in ``/`` or exists) or ``-`` for standard output.
        kind: what is written.
        name: the format; None for what ``target`` says.

    Raises:
        UsageError: the format is unknown, holds no transparency, or does not go to such a place.
    """
    shown = "standard output" if target == "-" else printable(target)
    folder = target != "-" and (name == "png" or target.endswith(("/", os.sep)) or Path(target).is_dir())
    chosen = FORMATS[name or _named(target, shown, folder)]
    if folder != (chosen.name == "png"):
        wanted = "a folder, whose name ends in /" if chosen.name == "png" else "a file, no folder"
        raise UsageError(f"{chosen.name} does not go to {shown}: name {wanted}")
    if target == "-" and chosen.seeks:
        raise UsageError(f"{chosen.name} cannot be written to a pipe: use --format mkv or webm")
    if kind == "cutout" and chosen.transparent is None:
        raise UsageError(f"{shown} cannot hold transparency: cut out to .webm, .mov, .mkv or a folder/")
    return chosen


def ending_for(ending: str, kind: VideoKind, name: FormatName | None = None) -> str:
    """The ending of a result's name for that of the video: the same where that works, else a common one."""
    chosen = name or _ENDINGS.get(ending.lower(), "mp4")
    if name is None and kind == "cutout" and FORMATS[chosen].transparent is None:
        chosen = "webm"
    return ending.lower() if _ENDINGS.get(ending.lower()) == chosen else f".{chosen}"


def _named(target: str, shown: str, folder: bool) -> FormatName:
    """The format that a target's name asks for."""
    if target == "-":
        return _PIPE
    if folder:
        return "png"
    ending = Path(target).suffix.lower()
    if ending not in _ENDINGS:
        given = f"ends in {ending!r}" if ending else "has no ending"
        raise UsageError(f"{shown} {given}: use one of {', '.join(_ENDINGS)}, or a folder/ for pictures")
    return _ENDINGS[ending]
