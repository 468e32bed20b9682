"""Small real videos, made here by PyAV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

# In milliseconds: a frame rate that varies.
UNEVEN = (0, 40, 80, 160, 200, 400)
# A second of nothing but regular frames.
EVEN = tuple(range(0, 480, 40))


def picture(index: int, height: int = 48, width: int = 64) -> Pixels:
    """(height, width, 3): a red head of hair on green, which moves to the right by 2 pixels a frame."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 1] = 200
    pixels[8:24, 4 + 2 * index : 24 + 2 * index] = (200, 30, 30)
    return pixels


def write_clip(
    path: Path,
    times: Sequence[int] = EVEN,
    *,
    size: tuple[int, int] = (48, 64),
    codec: str = "libx264",
    pixels: str = "yuv420p",
    sound: str | None = None,
    rotation: int | None = None,
    options: dict[str, str] | None = None,
    format: str | None = None,
) -> Path:
    """A video of :func:`picture`.

    Args:
        path: its ending says the container.
        times: when each frame is shown, in milliseconds.
        size: height and width.
        codec, pixels, options: of the pictures.
        sound: codec of a tone of half a second, or None for silence.
        rotation: degrees anticlockwise by which players turn the frames.
        format: the container, where the ending does not say it.
    """
    with av.open(str(path), "w", format=format) as container:
        stream: Any = container.add_stream(codec, rate=25, options=options or {})
        stream.height, stream.width = size
        stream.pix_fmt = pixels
        stream.codec_context.time_base = stream.time_base = Fraction(1, 1000)
        if rotation is not None:
            stream.set_display_rotation(rotation)
        audio: Any = container.add_stream(sound, rate=48_000, layout="stereo") if sound else None
        for index, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(picture(index, *size))
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if audio is not None:
            _write_tone(container, audio)
    return path


def _write_tone(container: Any, stream: Any) -> None:
    """Half a second of 440 Hz."""
    length = stream.codec_context.frame_size or 1024
    resampler = av.AudioResampler(stream.format.name, "stereo", 48_000)
    for start in range(0, 24_000, length):
        wave = np.sin(np.arange(start, start + length) * (440 * 2 * np.pi / 48_000)).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(np.stack([wave, wave]) * np.float32(0.3), "fltp", "stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, start, Fraction(1, 48_000)
        for part in resampler.resample(frame):
            container.mux(stream.encode(part))
    container.mux(stream.encode(None))


@dataclass(frozen=True)
class Clip:
    """What is in a video file.

    Attributes:
        codec, pixels: of the pictures.
        size: height and width as stored.
        times: seconds at which the frames are shown.
        frames: (H, W, 3) uint8 each, as stored.
        rotation: degrees anticlockwise.
        tags: colour space, range, primaries and transfer, by FFmpeg's numbers.
        sound: codec of the sound; its packets.
    """

    codec: str
    pixels: str
    size: tuple[int, int]
    times: list[float]
    frames: list[Pixels]
    rotation: int
    tags: tuple[int, int, int, int]
    sound: str | None
    packets: list[tuple[float, bytes]]


def read_clip(path: Path) -> Clip:
    """Read a video file back."""
    with av.open(str(path)) as container:
        video: Any = container.streams.video[0]
        frames = list(container.decode(video))
        context = video.codec_context
    with av.open(str(path)) as container:
        sounds: Any = container.streams.audio
        packets = [packet for packet in container.demux(sounds) if packet.size] if sounds else []
        sound = sounds[0].codec_context.name if sounds else None
        heard = [(float(packet.pts * packet.time_base), bytes(packet)) for packet in packets]
    first = frames[0]
    return Clip(
        context.name,
        first.format.name,
        (first.height, first.width),
        [frame.time for frame in frames],
        [frame.to_ndarray(format="rgb24") for frame in frames],
        first.rotation,
        (first.colorspace, first.color_range, first.color_primaries, first.color_trc),
        sound,
        heard,
    )


def seconds_of_sound(path: Path) -> float:
    """How long the sound of a video is."""
    with av.open(str(path)) as container:
        return sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))


def damage(path: Path, *indices: int) -> Path:
    """Overwrite the packets of some frames, in the order in which they are stored, with zeros."""
    with av.open(str(path)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    data = bytearray(path.read_bytes())
    for index in indices:
        start, size = places[index]
        assert start is not None
        data[start : start + size] = bytes(size)
    path.write_bytes(data)
    return path
