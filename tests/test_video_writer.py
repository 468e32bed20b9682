from __future__ import annotations

import io
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from clips import EVEN, UNEVEN, picture, read_clip, seconds_of_sound, write_clip
from hairseg.errors import OutputError, UsageError
from hairseg.video_formats import FORMATS, Encoder, Format, VideoKind, choose_format
from hairseg.video_reader import VideoReader
from hairseg.video_writer import VideoWriter

Pixels = NDArray[np.uint8]


def copy(
    source: Path,
    target: Any,
    how: Format,
    kind: VideoKind = "overlay",
    change: Callable[[Pixels], Pixels] = lambda p: p,
) -> VideoWriter:
    """Write the frames of one video into another."""
    reader = VideoReader(source, sound=not how.silent)
    frames = list(reader.frames())
    writer = VideoWriter(target, how, kind, reader)
    for frame in frames:
        writer.write(writer.prepare(change(frame.pixels)), frame.pts)
    writer.finish()
    reader.close()
    return writer


def mean_difference(first: Pixels, second: Pixels) -> float:
    return float(np.abs(first.astype(int) - second).mean())


@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv", "webm"])
def test_times_rotation_and_pictures_are_kept(tmp_path: Path, ending: str) -> None:
    source = write_clip(tmp_path / "clip.mp4", UNEVEN, rotation=90)
    target = tmp_path / f"copy.{ending}"
    copy(source, target, choose_format(str(target), "overlay"))
    before, after = read_clip(source), read_clip(target)
    assert after.times == pytest.approx(before.times, abs=1e-9)
    assert (after.rotation, after.size) == (90, (48, 64))
    assert max(map(mean_difference, before.frames, after.frames)) < 4
    assert [path.name for path in tmp_path.iterdir() if "tmp" in path.name] == []


def test_a_late_beginning_is_kept(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "clip.mkv", [500, 540, 580], sound="aac")
    copy(source, tmp_path / "copy.mp4", FORMATS["mp4"])
    assert read_clip(tmp_path / "copy.mp4").times == pytest.approx([0.5, 0.54, 0.58])


class TestSound:
    @pytest.mark.parametrize(
        ("clip", "sound", "target"),
        [
            ("clip.mp4", "aac", "copy.mp4"),
            ("clip.mp4", "aac", "copy.mkv"),
            ("clip.mkv", "flac", "copy.mkv"),
            ("clip.mkv", "libopus", "copy.webm"),
        ],
    )
    def test_copied_to_the_byte(self, tmp_path: Path, clip: str, sound: str, target: str) -> None:
        source = write_clip(tmp_path / clip, sound=sound)
        writer = copy(source, tmp_path / target, choose_format(target, "overlay"))
        before, after = read_clip(source), read_clip(tmp_path / target)
        assert after.sound == before.sound
        assert [data for _, data in after.packets] == [data for _, data in before.packets]
        # Matroska's clock ticks in milliseconds, and knows nothing before 0: there, all begins later together.
        later = after.times[0] - before.times[0]
        assert later == 0 or (target == "copy.mkv" and 0 < later < 0.03)
        expected = [time + later for time, _ in before.packets]
        assert [time for time, _ in after.packets] == pytest.approx(expected, abs=1.1e-3)
        assert writer.notes == []

    @pytest.mark.parametrize(("target", "sound"), [("copy.webm", "opus"), ("copy.mp4", "aac")])
    def test_encoded_anew_where_it_does_not_fit(self, tmp_path: Path, target: str, sound: str) -> None:
        source = write_clip(tmp_path / "clip.mkv", sound="tta")
        writer = copy(source, tmp_path / target, choose_format(target, "overlay"))
        after = read_clip(tmp_path / target)
        assert after.sound == sound
        assert seconds_of_sound(tmp_path / target) == pytest.approx(seconds_of_sound(source), abs=0.05)
        format = target[5:]
        assert writer.notes == [f"its sound is encoded anew, as {format} does not hold tta"]

    def test_two_languages(self, tmp_path: Path) -> None:
        one = write_clip(tmp_path / "one.mkv", sound="flac")
        two = tmp_path / "two.mkv"
        with av.open(str(one)) as clip, av.open(str(two), "w") as both:
            streams: Any = [both.add_stream_from_template(clip.streams[index]) for index in (0, 1, 1)]
            for packet in clip.demux():
                if packet.size:
                    targets = [streams[0]] if packet.stream.index == 0 else streams[1:]
                    for target in targets:
                        packet.stream = target
                        both.mux(packet)
        copy(two, tmp_path / "copy.mkv", FORMATS["mkv"])
        with av.open(str(tmp_path / "copy.mkv")) as found:
            assert len(found.streams.audio) == 2


class TestSizes:
    def test_odd_sides_of_h264_grow_by_a_repeated_pixel(self, tmp_path: Path) -> None:
        source = write_clip(tmp_path / "clip.webm", size=(47, 63), codec="libvpx-vp9")
        copy(source, tmp_path / "copy.mp4", FORMATS["mp4"])
        before, after = read_clip(source), read_clip(tmp_path / "copy.mp4")
        assert after.size == (48, 64)
        assert mean_difference(before.frames[0], after.frames[0][:47, :63]) < 5
        assert mean_difference(after.frames[0][47], after.frames[0][46]) < 5

    @pytest.mark.parametrize("target", ["copy.webm", "copy.y4m"])
    def test_odd_sides_elsewhere_stay(self, tmp_path: Path, target: str) -> None:
        source = write_clip(tmp_path / "clip.webm", size=(47, 63), codec="libvpx-vp9")
        copy(source, tmp_path / target, choose_format(target, "overlay"))
        assert read_clip(tmp_path / target).size == (47, 63)

    def test_odd_and_turned(self, tmp_path: Path) -> None:
        source = write_clip(tmp_path / "clip.webm", size=(47, 63), codec="libvpx-vp9", rotation=-90)
        copy(source, tmp_path / "copy.mp4", FORMATS["mp4"])
        before, after = read_clip(source), read_clip(tmp_path / "copy.mp4")
        assert (after.size, after.rotation) == ((48, 64), -90)
        assert mean_difference(before.frames[0], after.frames[0][:47, :63]) < 5

    def test_pixels_that_are_not_square(self, tmp_path: Path) -> None:
        path = write_clip(tmp_path / "clip.mkv", options={"x264-params": "sar=4/3"})
        copy(path, tmp_path / "copy.mp4", FORMATS["mp4"])
        with av.open(str(tmp_path / "copy.mp4")) as found:
            assert found.streams.video[0].sample_aspect_ratio == Fraction(4, 3)


class TestColours:
    @pytest.mark.parametrize("tags", [(1, 1), (1, 2), (6, 1), (2, 0), (9, 1)])
    def test_tags_and_values_are_kept(self, tmp_path: Path, tags: tuple[int, int]) -> None:
        path = tmp_path / "clip.mkv"
        with av.open(str(path), "w") as container:
            stream: Any = container.add_stream("libx264", rate=25, options={"qp": "0"})
            stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv444p"
            stream.codec_context.colorspace, stream.codec_context.color_range = tags
            frame = av.VideoFrame.from_ndarray(picture(0))
            frame.colorspace = tags[0]
            container.mux(stream.encode(frame.reformat(format="yuv444p", dst_color_range=tags[1] or None)))
            container.mux(stream.encode(None))
        copy(path, tmp_path / "copy.mp4", FORMATS["mp4"])
        before, after = read_clip(path), read_clip(tmp_path / "copy.mp4")
        assert after.tags[:2] == before.tags[:2]
        assert mean_difference(before.frames[0], picture(0)) < 3
        assert mean_difference(before.frames[0][30:, 32:], after.frames[0][30:, 32:]) < 2

    def test_masks_are_black_and_white(self, tmp_path: Path) -> None:
        def mask(pixels: Pixels) -> Pixels:
            return np.where(pixels[..., 0] > pixels[..., 1], 255, 0).astype(np.uint8)

        copy(write_clip(tmp_path / "clip.mp4"), tmp_path / "copy.mp4", FORMATS["mp4"], "mask", mask)
        frame = read_clip(tmp_path / "copy.mp4").frames[3]
        assert frame[12, 20].min() > 250
        assert frame[40, 50].max() < 5
        assert np.ptp(frame.astype(int), axis=2).max() <= 2  # grey


class TestTransparency:
    @staticmethod
    def red_alone(pixels: Pixels) -> Pixels:
        alpha = np.where(pixels[..., 0] > pixels[..., 1], 255, 0).astype(np.uint8)
        return np.dstack([pixels, alpha])

    @pytest.mark.parametrize(
        ("target", "decoder"), [("c.webm", "libvpx-vp9"), ("c.mov", None), ("c.mkv", None)]
    )
    def test_it_is_there(self, tmp_path: Path, target: str, decoder: str | None) -> None:
        source = write_clip(tmp_path / "clip.mp4", sound="aac")
        copy(source, tmp_path / target, choose_format(target, "cutout"), "cutout", self.red_alone)
        with av.open(str(tmp_path / target)) as container:
            # FFmpeg's own VP9 decoder leaves transparency out.
            context: Any = (
                av.CodecContext.create(decoder, "r") if decoder else container.streams.video[0].codec_context
            )
            frames = [
                frame
                for packet in container.demux(video=0)
                if packet.size
                for frame in context.decode(packet)
            ] + list(context.decode(None))
        rgba = frames[3].to_ndarray(format="rgba")
        assert rgba[16, 20, 3] > 250
        assert rgba[40, 50, 3] < 5
        assert len(frames) == len(EVEN)


class TestStreams:
    def test_into_an_open_file(self, tmp_path: Path) -> None:
        buffer = io.BytesIO()
        copy(write_clip(tmp_path / "clip.mp4", sound="aac"), buffer, FORMATS["mkv"])
        (tmp_path / "copy.mkv").write_bytes(buffer.getvalue())
        after = read_clip(tmp_path / "copy.mkv")
        assert len(after.frames) == len(EVEN)
        assert after.sound == "aac"

    def test_raw_pixels(self, tmp_path: Path) -> None:
        source = write_clip(tmp_path / "clip.mp4", rotation=90)
        buffer = io.BytesIO()
        copy(source, buffer, FORMATS["raw"])
        frames = np.frombuffer(buffer.getvalue(), np.uint8).reshape(len(EVEN), 64, 48, 3)  # upright
        assert mean_difference(frames[0], np.rot90(picture(0))) < 6

    def test_frame_times_that_are_lost_are_said(self, tmp_path: Path) -> None:
        writer = copy(write_clip(tmp_path / "clip.mkv", UNEVEN), tmp_path / "copy.y4m", FORMATS["y4m"])
        assert writer.notes == ["y4m holds no frame times: its frames follow at 25 a second"]
        assert copy(write_clip(tmp_path / "clip.mkv"), tmp_path / "copy.y4m", FORMATS["y4m"]).notes == []


class TestErrors:
    def test_no_place(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(OutputError, match=r"copy\.mp4 cannot be written: "):
            copy(write_clip(tmp_path / "clip.mp4"), tmp_path / "file" / "copy.mp4", FORMATS["mp4"])

    def test_a_full_disk(self, tmp_path: Path) -> None:
        class Disk(io.BytesIO):
            def write(self, data: Any) -> int:
                if self.tell() > 2000:
                    raise OSError(28, "No space left on device")
                return super().write(data)

        with pytest.raises(
            OutputError, match="standard output cannot be written: the disk is full, make room"
        ):
            copy(write_clip(tmp_path / "clip.mp4"), Disk(), FORMATS["raw"])

    def test_a_reader_that_leaves(self, tmp_path: Path) -> None:
        class Pipe(io.BytesIO):
            def write(self, data: Any) -> int:
                raise BrokenPipeError(32, "Broken pipe")

        with pytest.raises(BrokenPipeError):
            copy(write_clip(tmp_path / "clip.mp4"), Pipe(), FORMATS["mkv"])

    def test_no_encoder(self, tmp_path: Path) -> None:
        how = Format("mkv", "matroska", Encoder("h266_of_tomorrow", "yuv420p"))
        with pytest.raises(UsageError, match="this PyAV has no encoder h266_of_tomorrow"):
            copy(write_clip(tmp_path / "clip.mp4"), tmp_path / "copy.mkv", how)

    def test_abandoned(self, tmp_path: Path) -> None:
        folder = tmp_path / "results"
        reader = VideoReader(write_clip(tmp_path / "clip.mp4"))
        frame = next(reader.frames())
        writer = VideoWriter(folder / "copy.mp4", FORMATS["mp4"], "overlay", reader)
        writer.write(writer.prepare(frame.pixels), 0)
        assert len(list(folder.iterdir())) == 1
        writer.abandon()
        assert list(folder.iterdir()) == []
        reader.close()
