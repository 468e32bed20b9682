"""A video -> its frames, upright, with their times, through whatever is broken."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from heapq import heappop, heappush
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hairseg.errors import UsageError, require
from hairseg.turn import Turn
from hairseg.video_source import VideoSource, open_source, reason_of

# Codecs whose every packet shows one frame: a packet that shows none was damaged. VP8, for one, hides some.
_A_PACKET_A_FRAME = ("h264", "hevc", "vp9", "av1", "mjpeg", "prores", "mpeg2video", "vvc", "ffv1")


@dataclass(frozen=True)
class Frame:
    """One frame.

    Attributes:
        pixels: (H, W, 3) uint8 RGB, upright.
        pts: when it is shown, in the reader's time base.
        lost: it could not be decoded, and these are the pixels of the frame before.
    """

    pixels: NDArray[np.uint8]
    pts: int
    lost: bool = False


class VideoReader:
    """An open video. Its frames are read once, from one thread.

    Args:
        source: path, binary file object, ``-`` for standard input, or ``webcam[:NAME]``.
        raw: ``WIDTHxHEIGHT[@RATE]`` of RGB pixels without any container.
        seconds: to stop after; None for all.
        sound: read the sound too.

    Attributes:
        name: for messages, safe to print.
        live: a camera, which does not end by itself.
        time_base: seconds per unit of ``pts``.
        rate: frames per second, a guess where they vary.
        aspect: width of a pixel as a share of its height, None for square ones.
        sounds: its audio streams.
        sound: audio packets read so far and not yet taken.
        expected: number of frames, where it is known.
        lost: number of frames that could not be decoded.
        notes: what a person should know.

    Known from the first frame on:
        turn, matrix: how the frames are stored; the matrix is None for upright ones.
        first: PyAV's first frame, for its colour tags.

    Raises:
        PhotoError: there is no such file, or no video in it.
        UsageError: ``raw`` is written wrong, ``seconds`` is not above 0, or standard input is a terminal.
        MissingExtraError: the extra ``video`` is not installed.
    """

    def __init__(
        self,
        source: VideoSource,
        *,
        raw: str | None = None,
        seconds: float | None = None,
        sound: bool = True,
    ) -> None:
        if seconds is not None and not seconds > 0:
            raise UsageError(f"seconds {seconds} is out of range: use more than 0")
        self._av = require("av", "video")
        opened = open_source(source, raw)
        self._opened = opened
        self._reading = False
        self.name, self.live = opened.name, opened.live
        self._container, self._stream = opened.container, opened.stream
        self._stream.thread_type = "AUTO"
        self.time_base = Fraction(self._stream.time_base or Fraction(1, 90_000))
        self.aspect = self._stream.sample_aspect_ratio or None
        self.rate = Fraction(self._stream.average_rate or self._stream.guessed_rate or 25)
        self.sounds: list[Any] = list(self._container.streams.audio) if sound and not self.live else []
        self.sound: deque[Any] = deque()
        self.expected = self._count(seconds)
        self.lost = 0
        self.notes: list[str] = []
        self.turn = Turn()
        self.matrix: tuple[int, ...] | None = None
        self.first: Any = None
        self._seconds = seconds
        self._origin: int | None = None
        # A broadcast's times go on from the one before: by hours, in MPEG-TS.
        self._start = Fraction(0 if self.live else self._container.start_time or 0, 1_000_000)
        self._reformatter = self._av.video.reformatter.VideoReformatter()

    def stop(self) -> None:
        """End a wait for the next frame, from another thread."""
        self._opened.stop()

    def close(self) -> None:
        """Let go of the file, unless a thread still waits for it."""
        if not self._reading:
            self._opened.close()

    def time(self, frame: Frame) -> float:
        """Seconds from the beginning of the video to a frame."""
        return float(self._since_start(frame.pts))

    def _since_start(self, pts: int) -> Fraction:
        """Seconds from where the file's times begin."""
        return pts * self.time_base - self._start

    def frames(self) -> Iterator[Frame]:
        """The frames in the order in which they are shown. Lost ones repeat the frame before."""
        self._reading = True
        try:
            yield from self._frames()
        finally:
            self._reading = False

    def _frames(self) -> Iterator[Frame]:
        before: Frame | None = None
        for pts, picture in self._pictures():
            if picture is None:
                self.lost += 1
                if before is None:
                    continue  # nothing to repeat: the result begins later
            pixels = before.pixels if picture is None and before else self._upright(picture)
            pts -= self._begin(pts)
            if before is not None and pts <= before.pts:
                pts = before.pts + 1  # two frames cannot be shown at once
            if self._seconds is not None and float(self._since_start(pts)) >= self._seconds:
                return
            before = Frame(pixels, pts, picture is None)
            yield before

    def _count(self, seconds: float | None) -> int | None:
        """The number of frames to come, for a progress bar."""
        count = self._stream.frames or None
        length = self._container.duration
        if count is None and length:
            count = round(length / 1_000_000 * self.rate)
        if seconds is not None:
            limit = max(1, round(seconds * self.rate))
            count = limit if self.live or count is None else min(count, limit)
        return None if self.live and seconds is None else count

    def _begin(self, pts: int) -> int:
        """What to take off the times: a camera counts from when the computer was started."""
        if self._origin is None:
            self._origin = pts if self.live else 0
        return self._origin

    def _pictures(self) -> Iterator[tuple[int, Any]]:
        """Time and PyAV frame in the order of display; None for a frame that could not be decoded."""
        pending: list[int] = []  # times of packets whose frame has not come out yet
        tracked = self._stream.codec_context.name in _A_PACKET_A_FRAME
        step = max(1, round(1 / (self.rate * self.time_base)))
        pts = -step
        for packet in self._packets():
            if tracked and packet.pts is not None and not packet.is_discard:
                heappush(pending, packet.pts)
            for picture in self._decoded(packet, None if tracked else pending):
                pts = pts + step if picture.pts is None else picture.pts
                if tracked and picture.pts is not None and picture.pts not in pending:
                    tracked, pending = False, []  # this stream's times are not those of its packets
                while pending and pending[0] < pts:
                    yield heappop(pending), None
                if pending and pending[0] == pts:
                    heappop(pending)
                yield pts, None if picture.is_corrupt else picture
        while pending:
            yield heappop(pending), None

    def _packets(self) -> Iterator[Any]:
        """The video's packets; sound is put aside. Ends early, with a note, where the file is cut short."""
        end = Fraction(0)
        count = 0
        try:
            for packet in self._container.demux(self._stream, *self.sounds):
                if packet.size and packet.pts is not None:
                    end = max(
                        end, (packet.pts + (packet.duration or 0)) * Fraction(packet.time_base) - self._start
                    )
                if packet.stream is self._stream or packet.stream.index == self._stream.index:
                    count += bool(packet.size)
                    yield packet
                elif packet.size and (self._seconds is None or end <= self._seconds):
                    self.sound.append(packet)
        except (self._av.FFmpegError, OSError) as error:
            self.notes.append(f"it cannot be read beyond {float(end):.1f} s ({reason_of(error)})")
            self.lost += max(1, (self._stream.frames or 0) - count)
            return
        missing = (self._stream.frames or 0) - count
        length = Fraction(self._container.duration or 0, 1_000_000)
        if missing > 0 or (not self.live and not self._stream.frames and end + 1 < length):
            self.notes.append(f"it is cut short: it ends at {float(end):.1f} s")
            self.lost += max(1, missing)

    def _decoded(self, packet: Any, failed: list[int] | None) -> list[Any]:
        """The frames that a packet brings out, none where it is damaged; then its time goes to ``failed``."""
        try:
            return list(packet.decode())
        except (self._av.FFmpegError, ValueError):
            if failed is not None and packet.pts is not None:
                heappush(failed, packet.pts)
            return []

    def _upright(self, picture: Any) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB of a PyAV frame; frames of another size than the first are resized."""
        if self.first is None:
            self.first = picture
            self.matrix = _matrix(picture)
            self.turn = Turn.of_matrix(self.matrix) if self.matrix else Turn()
        if (picture.width, picture.height) != (self.first.width, self.first.height):
            note = "its frames change size: all have the first one's now"
            self.notes += [note] if note not in self.notes else []
        size = {"width": self.first.width, "height": self.first.height}
        rgb = self._reformatter.reformat(picture, format="rgb24", threads=1, **size)
        return np.ascontiguousarray(self.turn.upright(rgb.to_ndarray()))


def _matrix(picture: Any) -> tuple[int, ...] | None:
    """The nine numbers of a frame's display matrix; None where it has none or a wrong one."""
    try:
        data = bytes(picture.side_data["DISPLAYMATRIX"])
    except KeyError:
        return None
    return tuple(int(number) for number in np.frombuffer(data, np.int32)) if len(data) == 36 else None
