"""Video -> the same with its hair masked, tinted, cut out or dyed, steady over time.

    from hairseg.video import segment_video

    segment_video("clip.mp4", "dyed.mp4", "recolor", color="copper")

Decoding, the network, painting and encoding of different frames overlap; a few frames are in memory, however
long the video is.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hairseg.ahead import read_ahead
from hairseg.errors import PhotoError, UsageError
from hairseg.fit import fit
from hairseg.hair import Hair
from hairseg.kinds import Edge
from hairseg.overlap import overlap
from hairseg.photo import Photo
from hairseg.segmenter import Segmenter
from hairseg.steady import MEMORY, Steady
from hairseg.video_folder import PictureFolder
from hairseg.video_formats import Format, FormatName, VideoKind, choose_format
from hairseg.video_reader import Frame, VideoReader
from hairseg.video_source import VideoSource
from hairseg.video_writer import VideoWriter

# Frames that are decoded before the network asks for them.
_AHEAD = 2

# What is made of each frame: a picture in mode L, RGB or RGBA.
Paint = Callable[[Hair], Image.Image]


@dataclass(frozen=True)
class FrameHair:
    """The hair in one frame.

    Attributes:
        hair: as for a photo; its probability is steady over time.
        time: seconds from the beginning of the video.
        index: number of the frame, from 0.
        lost: the frame could not be decoded, and this is the one before.
    """

    hair: Hair
    time: float
    index: int
    lost: bool


@dataclass(frozen=True)
class VideoReport:
    """What became of a video.

    Attributes:
        frames: number of frames written.
        lost: number of frames that could not be decoded.
        notes: what a person should know.
    """

    frames: int
    lost: int
    notes: tuple[str, ...]


def segment_video(
    source: VideoSource,
    target: str | os.PathLike[str] | BinaryIO,
    kind: VideoKind = "mask",
    *,
    segmenter: Segmenter | None = None,
    paint: Paint | None = None,
    color: str | None = None,
    edge: Edge | None = None,
    threshold: float | None = None,
    memory: float = MEMORY,
    sound: bool = True,
    seconds: float | None = None,
    format: FormatName | None = None,
    raw: str | None = None,
    progress: Callable[[int, int | None], None] | None = None,
) -> VideoReport:
    """Find the hair in a video and write what is made of it.

    Sound is copied; frame times, turn and colours are kept. A result appears under its name when it is whole.
    A frame that cannot be decoded repeats the one before and is counted as lost.

    Args:
        source: path, binary file object, ``-`` for standard input, or ``webcam[:NAME]``. A camera is recorded
            until it is interrupted, or for ``seconds``.
        target: path, whose ending says the format; a folder, ending in ``/``, for a PNG file per frame; ``-``
            for standard output; or a binary file object, with ``format``.
        kind: ``mask``, ``overlay``, ``cutout`` or ``recolor``.
        segmenter: the model; None for the packaged default.
        paint: what is made of each frame; None for the usual picture of this ``kind``.
        color: of an overlay or of dyed hair.
        edge: ``hard`` or ``soft``; None for the usual one of this ``kind``.
        threshold: a probability from here on is hair; None for the model's own.
        memory: seconds over which still parts are steadied; 0 takes every frame for itself.
        sound: copy the sound.
        seconds: stop after so much of the video; None for all.
        format: None for what ``target`` says.
        raw: ``WIDTHxHEIGHT[@RATE]``, where ``source`` is RGB pixels without any container.
        progress: called with the number of frames done and that of all, where it is known.

    Raises:
        PhotoError: the source is no video, or no frame of it can be decoded.
        OutputError: the result cannot be written.
        UsageError: an option is wrong, or the format does not hold what is asked of it.
        MissingExtraError: the extra ``video`` is not installed.
    """
    how = choose_format(_named(target), kind, format)
    painted = paint or paint_of(kind, color=color, edge=edge)
    steady = Steady(memory)
    segmenter = segmenter or Segmenter()
    reader = VideoReader(source, raw=raw, seconds=seconds, sound=sound and not how.silent)
    with closing(reader), closing(read_ahead(reader.frames(), _AHEAD, reader.stop)) as frames:
        first = next(frames, None)
        if first is None:
            raise PhotoError(f"{reader.name} holds no frame that can be decoded: copy it again")
        found = _found(chain([first], frames), reader, segmenter, steady)
        writer = _writer(target, how, kind, reader)
        try:
            count = _written(found, writer, reader, segmenter, painted, threshold, progress)
        except BaseException:
            writer.abandon()
            raise
    return VideoReport(count, reader.lost, (*reader.notes, *writer.notes))


def hair_frames(
    source: VideoSource,
    *,
    segmenter: Segmenter | None = None,
    threshold: float | None = None,
    memory: float = MEMORY,
    seconds: float | None = None,
    raw: str | None = None,
) -> Iterator[FrameHair]:
    """The hair in each frame of a video, in order; a few frames are read ahead.

    Args:
        source, segmenter, threshold, memory, seconds, raw: see :func:`segment_video`.

    Raises:
        PhotoError: the source is no video.
        MissingExtraError: the extra ``video`` is not installed.
    """
    segmenter = segmenter or Segmenter()
    reader = VideoReader(source, raw=raw, seconds=seconds, sound=False)
    with closing(reader), closing(read_ahead(reader.frames(), _AHEAD, reader.stop)) as frames:
        for index, item in enumerate(_found(frames, reader, segmenter, Steady(memory))):
            hair = _hair(item, reader, segmenter, threshold)
            yield FrameHair(hair, reader.time(item.frame), index, item.frame.lost)


def paint_of(kind: VideoKind, *, color: str | None = None, edge: Edge | None = None) -> Paint:
    """The usual picture of a kind.

    Args:
        kind: ``mask``, ``overlay``, ``cutout`` or ``recolor``.
        color: of an overlay or of dyed hair.
        edge: None for ``hard`` masks and overlays, and ``soft`` cutouts and dyes.

    Raises:
        UsageError: ``recolor`` without a colour.
    """
    if kind == "mask":
        return lambda hair: hair.mask_image(edge or "hard")
    if kind == "overlay":
        return lambda hair: hair.overlay(color or "#e5484d", edge=edge or "hard")
    if kind == "cutout":
        return lambda hair: hair.cutout(edge=edge or "soft")
    if color is None:
        raise UsageError("recolor needs a colour: name one with color")
    return lambda hair: hair.recolor(color, edge=edge or "soft")


class _Writer(Protocol):
    """Where pictures go."""

    notes: list[str]

    def prepare(self, picture: NDArray[np.uint8]) -> Any: ...
    def write(self, prepared: Any, pts: int, /) -> None: ...
    def finish(self) -> None: ...
    def abandon(self) -> None: ...


@dataclass(frozen=True)
class _Found:
    """A frame and its steadied probability on the canvas."""

    frame: Frame
    probability: NDArray[np.float32]


def _found(
    frames: Iterable[Frame], reader: VideoReader, segmenter: Segmenter, steady: Steady
) -> Iterator[_Found]:
    """Network and smoothing: the network sees several frames at a time, the smoothing one after the other."""
    find = segmenter.beside_others()

    def look(frame: Frame) -> tuple[Frame, NDArray[np.uint8], NDArray[np.float32]] | Frame:
        if frame.lost:
            return frame
        canvas = fit(frame.pixels, segmenter.info.fit)
        return frame, canvas, find.on_canvas(canvas)

    before: _Found | None = None
    for seen in overlap(look, frames, segmenter.threads):
        if isinstance(seen, Frame):
            assert before is not None  # the reader begins with a frame that is there
            before = _Found(seen, before.probability)
        else:
            frame, canvas, probability = seen
            elapsed = reader.time(frame) - reader.time(before.frame) if before else 0.0
            before = _Found(frame, steady(canvas, probability, elapsed))
        yield before


def _written(
    found: Iterable[_Found],
    writer: _Writer,
    reader: VideoReader,
    segmenter: Segmenter,
    paint: Paint,
    threshold: float | None,
    progress: Callable[[int, int | None], None] | None,
) -> int:
    """Paint and encode; returns the number of frames. A camera's recording may be ended by an interrupt."""

    def picture(item: _Found) -> tuple[Any, int]:
        painted = np.asarray(paint(_hair(item, reader, segmenter, threshold)))
        return writer.prepare(painted), item.frame.pts

    count = 0
    try:
        for prepared, pts in overlap(picture, found, segmenter.threads):
            writer.write(prepared, pts)
            count += 1
            if progress is not None:
                progress(count, reader.expected)
    except KeyboardInterrupt:
        if not reader.live or not count:
            raise
    writer.finish()
    return count


def _hair(item: _Found, reader: VideoReader, segmenter: Segmenter, threshold: float | None) -> Hair:
    """The hair of one frame."""
    pixels = item.frame.pixels
    photo = Photo(pixels, f"{reader.name} at {reader.time(item.frame):.2f} s")
    return Hair(
        photo, segmenter.beside_others().at_full_size(item.probability, pixels), segmenter.info, threshold
    )


def _named(target: str | os.PathLike[str] | BinaryIO) -> str:
    """The target as :func:`choose_format` knows it; an open file is written like a pipe."""
    if not isinstance(target, (str, os.PathLike)):
        return "-"
    return os.fspath(target)


def _writer(
    target: str | os.PathLike[str] | BinaryIO, how: Format, kind: VideoKind, reader: VideoReader
) -> _Writer:
    """The writer of a format."""
    if not isinstance(target, (str, os.PathLike)):
        return VideoWriter(target, how, kind, reader)
    if target == "-":
        return VideoWriter(sys.stdout.buffer, how, kind, reader)
    path = Path(target)
    return PictureFolder(path, reader) if how.name == "png" else VideoWriter(path, how, kind, reader)
