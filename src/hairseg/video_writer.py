"""Pictures -> a video file, whole or not at all, with the sound, times, turn and colours of the one they are from."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from hairseg.errors import OutputError, UsageError, require
from hairseg.printable import printable
from hairseg.save import why_unwritable
from hairseg.turn import Turn
from hairseg.video_formats import Format, VideoKind, encoder_for
from hairseg.video_reader import VideoReader
from hairseg.video_sound import SoundTrack
from hairseg.video_source import reason_of

# FFmpeg's numbers: no matrix at all since the pixels are RGB, BT.709; levels 16 to 235.
_RGB, _BT709, _LIMITED = 0, 1, 1
_FORMAT_OF_CHANNELS = {1: "gray", 3: "rgb24", 4: "rgba"}


class VideoWriter:
    """A video that is being written.

    Args:
        target: where it goes: a path, or an open binary file such as standard output.
        how: the format.
        kind: what the pictures are.
        like: the video that they were made from, its first frame read.

    Attributes:
        notes: what a person should know.

    Raises:
        OutputError: it cannot be written there.
        UsageError: this PyAV lacks the encoder.
    """

    def __init__(self, target: Path | BinaryIO, how: Format, kind: VideoKind, like: VideoReader) -> None:
        self._av = require("av", "video")
        self._path = target if isinstance(target, Path) else None
        self._file: Any = target
        self.name = "standard output" if self._path is None else printable(self._path)
        self.notes: list[str] = []
        self._encoder = encoder_for(kind, how)
        self._time_base = like.time_base if how.timed else 1 / like.rate
        self._stretch = Fraction(like.time_base) / self._time_base
        self._how = how
        self._count = 0
        self._began = 0
        self._colours = _colours(like.first, grey=kind == "mask")
        self._per_thread = threading.local()
        self._draft = self._path and self._path.with_name(f".hairseg-{os.urandom(6).hex()}.tmp")
        self._container: Any = None
        with self._own_errors():
            self._open(how, like)

    def prepare(self, picture: NDArray[np.uint8]) -> Any:
        """A picture as the encoder takes it; may be called from several threads.

        An odd side is made even, where the encoder wants that, by repeating the last row or column.

        Args:
            picture: (H, W), (H, W, 3) or (H, W, 4) uint8, upright.
        """
        stored = self._turn.stored(picture)
        if self._encoder.even:
            odd = [(0, side % 2) for side in stored.shape[:2]] + [(0, 0)] * (stored.ndim - 2)
            stored = np.pad(stored, odd, mode="edge")
        channels = 1 if stored.ndim == 2 else stored.shape[2]
        frame = self._av.VideoFrame.from_ndarray(np.ascontiguousarray(stored), _FORMAT_OF_CHANNELS[channels])
        colorspace, color_range = self._colours["colorspace"], self._colours["color_range"]
        if channels > 1:
            frame.colorspace = colorspace
        return self._reformatter().reformat(
            frame,
            format=self._stream.pix_fmt,
            dst_colorspace=colorspace,
            dst_color_range=color_range or None,
            threads=1,
        )

    def write(self, frame: Any, pts: int) -> None:
        """Write what :meth:`prepare` gave, to be shown at ``pts`` in the time base of the original."""
        frame.pts = round(pts * self._stretch) if self._how.timed else self._in_turn(pts)
        frame.time_base = self._time_base
        self._count += 1
        with self._own_errors():
            self._sound.write()
            self._container.mux(self._stream.encode(frame))

    def _in_turn(self, pts: int) -> int:
        """The time of the next frame where all last the same; a note where they did not."""
        if self._count == 0:
            self._began = pts
        note = f"{self._how.name} holds no frame times: its frames follow at {float(1 / self._time_base):g} a second"
        if abs((pts - self._began) * self._stretch - self._count) > 1 and note not in self.notes:
            self.notes.append(note)
        return self._count

    def finish(self) -> None:
        """Complete the file and give it its name."""
        with self._own_errors():
            self._sound.finish()
            self._container.mux(self._stream.encode(None))
            self._container.close()
            if self._draft is not None and self._path is not None:
                self._draft.replace(self._path)
            else:
                self._file.flush()

    def abandon(self) -> None:
        """Leave nothing behind."""
        with suppress(Exception):
            self._container.close()
        if self._draft is not None:
            with suppress(OSError):
                self._draft.unlink(missing_ok=True)

    def _open(self, how: Format, like: VideoReader) -> None:
        file = self._file
        if self._draft is not None:
            self._draft.parent.mkdir(parents=True, exist_ok=True)
            self._draft.open("xb").close()  # Python says better than FFmpeg why this cannot be
            file = "file:" + os.fspath(self._draft)
        self._container = self._av.open(file, "w", format=how.muxer, container_options=how.options)
        self._stream = self._video_stream(like)
        self._turn, turned = self._keep_turn(like, how)
        height, width = turned
        even = self._encoder.even
        self._stream.width, self._stream.height = width + (even and width % 2), height + (even and height % 2)
        self._sound = SoundTrack(self._container, like, how)
        self.notes += self._sound.notes

    def _video_stream(self, like: VideoReader) -> Any:
        """The stream of pictures, but for its size."""
        encoder = self._encoder
        try:
            stream = self._container.add_stream(encoder.codec, rate=like.rate, options=dict(encoder.options))
        except (self._av.FFmpegError, ValueError) as error:
            raise UsageError(
                f"this PyAV has no encoder {encoder.codec}: install its own build, pip install av"
            ) from error
        stream.pix_fmt = encoder.pixels
        stream.time_base = stream.codec_context.time_base = self._time_base
        if like.aspect is not None:
            stream.codec_context.sample_aspect_ratio = like.aspect
        if encoder.codec != "rawvideo":
            for name, value in self._colours.items():
                setattr(stream.codec_context, name, value)
        return stream

    def _keep_turn(self, like: VideoReader, how: Format) -> tuple[Turn, tuple[int, int]]:
        """How the pictures are stored, and their height and width then.

        Sideways as in the original, where the container can say so; otherwise upright.
        """
        stored = like.first.height, like.first.width
        if how.silent or like.matrix is None or not hasattr(self._stream, "set_display_matrix"):
            return Turn(), like.turn.size(*stored)
        self._stream.set_display_matrix(like.matrix)
        return like.turn, stored

    def _reformatter(self) -> Any:
        """This thread's own converter of pixel formats."""
        if not hasattr(self._per_thread, "reformatter"):
            self._per_thread.reformatter = self._av.video.reformatter.VideoReformatter()
        return self._per_thread.reformatter

    @contextmanager
    def _own_errors(self) -> Iterator[None]:
        """What goes wrong with the file, as an OutputError; then nothing is left of it."""
        try:
            yield
        except BrokenPipeError:
            self.abandon()
            raise  # whoever read us has left
        except (OSError, ValueError) as error:
            self.abandon()
            raise OutputError(f"{self.name} cannot be written: {why_unwritable(error)}") from error
        except self._av.FFmpegError as error:
            self.abandon()
            raise OutputError(
                f"{self.name} cannot be encoded ({reason_of(error)}): choose another format"
            ) from error


def _colours(first: Any, *, grey: bool) -> dict[str, int]:
    """The tags that say how numbers become colours: those of the original, where its pixels were not RGB."""
    if grey or first.colorspace == _RGB:
        return {"colorspace": _BT709, "color_range": _LIMITED}
    return {
        "colorspace": first.colorspace,
        "color_range": first.color_range,
        "color_primaries": first.color_primaries,
        "color_trc": first.color_trc,
    }
