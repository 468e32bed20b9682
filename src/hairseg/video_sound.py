"""The sound of a video: its packets as they are, encoded anew only where a container does not take them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hairseg.errors import require
from hairseg.video_formats import Format
from hairseg.video_reader import VideoReader


class SoundTrack:
    """All audio streams of a video on their way into another one.

    Args:
        container: PyAV's, of the result.
        like: the video; its sound is taken as it is read.
        how: the result's format.

    Attributes:
        notes: what a person should know.
    """

    def __init__(self, container: Any, like: VideoReader, how: Format) -> None:
        self._av = require("av", "video")
        self._container = container
        self._waiting = like.sound
        self.notes: list[str] = []
        self._copies: dict[int, Any] = {}
        self._encoders: dict[int, tuple[Any, Any]] = {}
        for stream in like.sounds:
            self._add(stream, how)

    def write(self) -> None:
        """Write the sound that was read so far."""
        while self._waiting:
            packet = self._waiting.popleft()
            if packet.stream.index in self._copies:
                packet.stream = self._copies[packet.stream.index]
                self._container.mux(packet)
            elif packet.stream.index in self._encoders:
                for frame in self._decoded(packet):
                    self._encode(packet.stream.index, frame)

    def finish(self) -> None:
        """Write the rest."""
        self.write()
        for index, (_, encoder) in self._encoders.items():
            self._encode(index, None)
            self._container.mux(encoder.encode(None))

    def _add(self, stream: Any, how: Format) -> None:
        """One audio stream: copied, encoded anew, or left out with a note."""
        if stream.codec_context is not None:
            try:
                self._copies[stream.index] = self._container.add_stream_from_template(stream)
                return
            except ValueError:  # not in this container
                pass
        if stream.codec_context is None or how.sound is None:
            self.notes.append(f"its sound does not fit into {how.name} and is left out")
            return
        rate = 48_000 if how.sound == "libopus" else stream.codec_context.sample_rate
        encoder = self._container.add_stream(how.sound, rate=rate)
        encoder.layout = "stereo" if stream.codec_context.layout.nb_channels > 1 else "mono"
        resampler = self._av.AudioResampler(encoder.format.name, encoder.layout.name, rate)
        self._encoders[stream.index] = (resampler, encoder)
        self.notes.append(
            f"its sound is encoded anew, as {how.name} does not hold {stream.codec_context.name}"
        )

    def _decoded(self, packet: Any) -> Iterator[Any]:
        """The sound of a packet; a damaged one is silent."""
        try:
            yield from packet.decode()
        except self._av.FFmpegError:
            return

    def _encode(self, index: int, frame: Any) -> None:
        """Encode some sound; None for what the resampler still holds."""
        resampler, encoder = self._encoders[index]
        for part in resampler.resample(frame):
            self._container.mux(encoder.encode(part))
