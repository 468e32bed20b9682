from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from clips import EVEN, UNEVEN, damage, picture, write_clip
from hairseg.turn import Turn
from hairseg.video_reader import Frame, VideoReader


def read(path: Path, **options: Any) -> tuple[VideoReader, list[Frame]]:
    reader = VideoReader(path, **options)
    frames = list(reader.frames())
    reader.close()
    return reader, frames


def near(first: Any, second: Any) -> bool:
    """Whether two pictures are the same but for the codec's losses."""
    return bool(np.abs(first.astype(int) - second).mean() < 6)


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.mov"])
def test_frames_and_times(tmp_path: Path, name: str) -> None:
    reader, frames = read(write_clip(tmp_path / name, UNEVEN))
    assert [reader.time(frame) for frame in frames] == pytest.approx([time / 1000 for time in UNEVEN])
    assert all(near(frame.pixels, picture(index)) for index, frame in enumerate(frames))
    assert reader.lost == 0
    assert reader.notes == []
    assert frames[0].pixels.flags.c_contiguous


@pytest.mark.parametrize(
    ("rotation", "turn"),
    [
        (90, Turn(transposed=True, rows=True)),
        (-90, Turn(transposed=True, columns=True)),
        (180, Turn(False, True, True)),
    ],
)
def test_rotation(tmp_path: Path, rotation: int, turn: Turn) -> None:
    reader, frames = read(write_clip(tmp_path / "clip.mp4", rotation=rotation))
    assert reader.turn == turn
    expected = np.rot90(picture(0), rotation // 90)
    assert frames[0].pixels.shape == expected.shape
    assert near(frames[0].pixels, expected)


def test_sound_is_put_aside(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", sound="aac")
    reader, _ = read(path)
    assert len(reader.sound) == len(list(av.open(str(path)).demux(audio=0))) - 1
    silent, _ = read(path, sound=False)
    assert not silent.sound


def test_seconds(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mkv", sound="flac")
    reader, frames = read(path, seconds=0.2)
    assert [frame.pts for frame in frames] == [0, 40, 80, 120, 160]
    assert all(float(packet.pts * packet.time_base) <= 0.25 for packet in reader.sound)
    assert reader.expected == 5


def test_a_broadcast_that_goes_on_from_the_one_before(tmp_path: Path) -> None:
    """MPEG-TS: its clock stands at a minute when it begins."""
    path = write_clip(tmp_path / "clip.ts", [60_000 + time for time in EVEN])
    reader, frames = read(path, seconds=0.12)
    times = [reader.time(frame) for frame in frames]
    assert times == pytest.approx([0, 0.04, 0.08], abs=0.001)


def test_expected(tmp_path: Path) -> None:
    assert VideoReader(write_clip(tmp_path / "clip.mp4")).expected == len(EVEN)
    assert VideoReader(write_clip(tmp_path / "clip.mkv")).expected == len(EVEN)


# A key frame in every third place, so that what is broken comes to an end.
SHORT = {"g": "3", "bf": "0"}


class TestBroken:
    def test_a_frame_in_the_middle(self, tmp_path: Path) -> None:
        path = damage(write_clip(tmp_path / "clip.mp4", options=SHORT), 5)
        reader, frames = read(path)
        assert [frame.pts for frame in frames] == [frame.pts for frame in read(write_clip(path))[1]]
        assert [index for index, frame in enumerate(frames) if frame.lost] == [5]
        np.testing.assert_array_equal(frames[5].pixels, frames[4].pixels)
        assert near(frames[6].pixels, picture(6))
        assert reader.lost == 1

    def test_a_key_frame_takes_those_that_hang_on_it(self, tmp_path: Path) -> None:
        reader, frames = read(damage(write_clip(tmp_path / "clip.mp4", options=SHORT), 3))
        assert len(frames) == len(EVEN)
        # The decoder may trust the last one of them again.
        assert [index for index, frame in enumerate(frames) if frame.lost] in ([3, 4], [3, 4, 5])
        assert reader.lost in (2, 3)

    def test_the_first_frames(self, tmp_path: Path) -> None:
        reader, frames = read(damage(write_clip(tmp_path / "clip.mp4", options=SHORT), 0))
        assert reader.lost in (2, 3)
        assert len(frames) == len(EVEN) - reader.lost
        assert reader.time(frames[0]) == pytest.approx(0.04 * reader.lost)
        assert not any(frame.lost for frame in frames)

    def test_the_last_frame(self, tmp_path: Path) -> None:
        reader, frames = read(damage(write_clip(tmp_path / "clip.mp4", options=SHORT), len(EVEN) - 1))
        assert len(frames) == len(EVEN)
        assert frames[-1].lost
        assert reader.lost == 1

    def test_codecs_that_hide_frames(self, tmp_path: Path) -> None:
        path = write_clip(
            tmp_path / "clip.webm", codec="libvpx", options={"auto-alt-ref": "1", "lag-in-frames": "8"}
        )
        reader, frames = read(path)
        assert len(frames) == len(EVEN)
        assert reader.lost == 0

    @pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv"])
    def test_cut_short(self, tmp_path: Path, name: str) -> None:
        # Pictures that do not compress, and the index in front: half of the file is half of the video.
        path = tmp_path / name
        with av.open(
            str(path), "w", container_options={"movflags": "+faststart"} if "mp4" in name else {}
        ) as container:
            stream: Any = container.add_stream("mjpeg", rate=5)
            stream.height, stream.width, stream.pix_fmt = 48, 64, "yuvj420p"
            rng = np.random.default_rng(0)
            for _ in range(20):
                noise = av.VideoFrame.from_ndarray(rng.integers(0, 256, (48, 64, 3), np.uint8))
                container.mux(stream.encode(noise))
            container.mux(stream.encode(None))
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        reader, frames = read(path)
        assert 5 <= len(frames) <= 11
        assert reader.lost >= 1
        assert len(reader.notes) == 1
        assert "it is cut short: it ends at" in reader.notes[0] or "cannot be read beyond" in reader.notes[0]


def test_frames_that_change_their_size(tmp_path: Path) -> None:
    path = tmp_path / "clip.ts"
    data = b"".join(
        write_clip(tmp_path / f"{height}.h264", size=(height, 64), format="h264").read_bytes()
        for height in (48, 96)
    )
    path.with_suffix(".h264").write_bytes(data)
    reader, frames = read(path.with_suffix(".h264"))
    assert {frame.pixels.shape for frame in frames} == {(48, 64, 3)}
    assert reader.notes == ["its frames change size: all have the first one's now"]


def test_streams_without_times(tmp_path: Path) -> None:
    reader, frames = read(write_clip(tmp_path / "clip.h264", format="h264", options={"bf": "0"}))
    times = [reader.time(frame) for frame in frames]
    assert len(frames) == len(EVEN)
    assert np.diff(times) == pytest.approx(1 / float(reader.rate), rel=0.01)


def test_odd_sizes_and_wide_colours(tmp_path: Path) -> None:
    _, frames = read(write_clip(tmp_path / "clip.webm", size=(47, 63), codec="libvpx-vp9"))
    assert frames[0].pixels.shape == (47, 63, 3)
    _, frames = read(write_clip(tmp_path / "deep.mkv", pixels="yuv420p10le"))
    assert near(frames[0].pixels, picture(0))


def test_a_camera_counts_from_its_first_frame(tmp_path: Path) -> None:
    reader = VideoReader(write_clip(tmp_path / "clip.mkv", [900_000 + time for time in EVEN]))
    reader.live = True
    assert [frame.pts for frame in reader.frames()] == list(EVEN)
    assert isinstance(reader.time_base, Fraction)
    reader.close()
