from __future__ import annotations

import io
import resource
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from clips import EVEN, UNEVEN, damage, picture, read_clip, write_clip
from hairseg.errors import OutputError, PhotoError, UsageError
from hairseg.hair import Hair
from hairseg.segmenter import Segmenter
from hairseg.video import hair_frames, paint_of, segment_video
from hairseg.video_reader import VideoReader


@pytest.fixture(scope="module")
def segmenter(toy_model: Path) -> Segmenter:
    return Segmenter(toy_model, threads=2)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip.mp4", sound="aac")


def hair_of(index: int) -> Any:
    return picture(index)[..., 0] > picture(index)[..., 1]


def test_masks(clip: Path, tmp_path: Path, segmenter: Segmenter) -> None:
    report = segment_video(clip, tmp_path / "mask.mkv", segmenter=segmenter)
    assert (report.frames, report.lost, report.notes) == (len(EVEN), 0, ())
    found = read_clip(tmp_path / "mask.mkv")
    for index, frame in enumerate(found.frames):
        # The head moves by two pixels a frame: a mask that lags would be wrong in 32 pixels more.
        assert np.count_nonzero((frame[..., 0] > 127) != hair_of(index)) < 100
    assert np.diff(found.times) == pytest.approx(np.diff(read_clip(clip).times))
    assert found.sound == "aac"


def test_kinds(clip: Path, tmp_path: Path, segmenter: Segmenter) -> None:
    segment_video(clip, tmp_path / "a.mp4", "overlay", segmenter=segmenter, color="blue")
    overlay = read_clip(tmp_path / "a.mp4").frames[0]
    assert overlay[16, 12, 2] > 90
    assert np.abs(overlay[40, 50].astype(int) - picture(0)[40, 50]).max() < 12
    segment_video(clip, tmp_path / "b.mp4", "recolor", segmenter=segmenter, color="#101080")
    dyed = read_clip(tmp_path / "b.mp4").frames[0]
    assert dyed[16, 12, 2] > dyed[16, 12, 0]
    segment_video(clip, str(tmp_path / "cut") + "/", "cutout", segmenter=segmenter)
    cut = np.asarray(Image.open(tmp_path / "cut" / "000001.png"))
    assert cut[16, 12, 3] > 200
    assert cut[40, 50, 3] == 0


def test_a_paint_of_ones_own(clip: Path, tmp_path: Path, segmenter: Segmenter) -> None:
    def paint(hair: Hair) -> Image.Image:
        return Image.new("RGB", (hair.mask.shape[1], hair.mask.shape[0]), "white")

    segment_video(clip, tmp_path / "a.mkv", "overlay", segmenter=segmenter, paint=paint)
    assert read_clip(tmp_path / "a.mkv").frames[3].min() > 250


def test_rotation_and_uneven_times(tmp_path: Path, segmenter: Segmenter) -> None:
    clip = write_clip(tmp_path / "clip.mp4", UNEVEN, rotation=90)
    seen: list[tuple[int, ...]] = []

    def paint(hair: Hair) -> Image.Image:
        seen.append(hair.photo.pixels.shape)
        return hair.overlay()

    segment_video(clip, tmp_path / "a.mp4", "overlay", segmenter=segmenter, paint=paint)
    found = read_clip(tmp_path / "a.mp4")
    assert set(seen) == {(64, 48, 3)}  # the network sees people upright
    assert (found.rotation, found.size) == (90, (48, 64))
    assert found.times == pytest.approx([time / 1000 for time in UNEVEN])


def test_a_broken_frame_repeats_the_one_before(tmp_path: Path, segmenter: Segmenter) -> None:
    clip = damage(write_clip(tmp_path / "clip.mp4", options={"g": "3", "bf": "0"}), 5)
    report = segment_video(clip, f"{tmp_path}/masks/", segmenter=segmenter)
    assert (report.frames, report.lost) == (len(EVEN), 1)
    masks = [np.asarray(Image.open(tmp_path / "masks" / f"{number:06d}.png")) for number in (5, 6, 7)]
    np.testing.assert_array_equal(masks[0], masks[1])
    assert (masks[1] != masks[2]).any()


def test_nothing_but_broken_frames(tmp_path: Path, segmenter: Segmenter) -> None:
    clip = damage(write_clip(tmp_path / "clip.mp4"), *range(len(EVEN)))
    with pytest.raises(PhotoError, match="holds no frame that can be decoded"):
        segment_video(clip, tmp_path / "a.mp4", segmenter=segmenter)
    assert not (tmp_path / "a.mp4").exists()


def test_steadiness_is_an_option(
    tmp_path: Path, segmenter: Segmenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    still = [picture(0)] * len(EVEN)
    monkeypatch.setattr("clips.picture", lambda index, height, width: still[index])
    clip = write_clip(tmp_path / "clip.mkv")
    on_canvas = Segmenter.on_canvas
    calls = iter(range(100))

    def flickering(self: Segmenter, canvas: Any) -> Any:
        return on_canvas(self, canvas) * np.float32(0.3 if next(calls) % 2 else 1.0)

    monkeypatch.setattr(Segmenter, "on_canvas", flickering)
    one = Segmenter(segmenter.info.path, threads=1)  # so that every second frame is a bad one
    steady = [frame.hair.fraction for frame in hair_frames(clip, segmenter=one)]
    calls = iter(range(100))
    raw = [frame.hair.fraction for frame in hair_frames(clip, segmenter=one, memory=0)]
    assert np.ptp(raw) > 0.1
    assert np.ptp(steady[2:]) < 0.02


class TestFrames:
    def test_hair_of_each_frame(self, clip: Path, segmenter: Segmenter) -> None:
        frames = list(hair_frames(clip, segmenter=segmenter))
        assert [frame.index for frame in frames] == list(range(len(EVEN)))
        assert [frame.time for frame in frames] == pytest.approx([time / 1000 for time in EVEN])
        assert not any(frame.lost for frame in frames)
        assert frames[3].hair.mask.shape == (48, 64)
        assert frames[3].hair.photo.name == f"{clip} at 0.12 s"

    def test_few_are_read_ahead_and_threads_end(
        self, clip: Path, segmenter: Segmenter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        read = 0
        upright = VideoReader._upright

        def counted(self: VideoReader, picture: Any) -> Any:
            nonlocal read
            read += 1
            return upright(self, picture)

        monkeypatch.setattr(VideoReader, "_upright", counted)
        before = threading.active_count()
        frames = hair_frames(clip, segmenter=segmenter)
        next(frames)
        assert read <= 1 + 2 * segmenter.threads + 4
        frames.close()  # type: ignore[attr-defined]
        assert threading.active_count() == before


class TestInterrupted:
    def test_nothing_half_written(self, clip: Path, tmp_path: Path, segmenter: Segmenter) -> None:
        before = sorted(tmp_path.iterdir())

        def interrupt(done: int, total: int | None) -> None:
            if done == 4:
                raise KeyboardInterrupt

        threads = threading.active_count()
        with pytest.raises(KeyboardInterrupt):
            segment_video(clip, tmp_path / "a.mp4", segmenter=segmenter, progress=interrupt)
        assert sorted(tmp_path.iterdir()) == before
        assert threading.active_count() == threads

    def test_a_recording_is_ended_by_it(
        self, clip: Path, tmp_path: Path, segmenter: Segmenter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        frames = VideoReader.frames

        def live(self: VideoReader) -> Any:
            self.live = True
            yield from frames(self)

        def interrupt(done: int, total: int | None) -> None:
            if done == 4:
                raise KeyboardInterrupt

        monkeypatch.setattr(VideoReader, "frames", live)
        report = segment_video(clip, tmp_path / "a.mp4", segmenter=segmenter, progress=interrupt)
        assert report.frames in (3, 4)
        assert len(read_clip(tmp_path / "a.mp4").frames) == 4


class TestErrors:
    def test_too_large_for_the_disk(self, clip: Path, tmp_path: Path, segmenter: Segmenter) -> None:
        # Python ignores the signal; writing beyond the limit fails as on a full disk.
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
        try:
            with pytest.raises(OutputError, match=r"a\.mp4 cannot be written: "):
                segment_video(clip, tmp_path / "a.mp4", "overlay", segmenter=segmenter)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]

    def test_no_colour(self) -> None:
        with pytest.raises(UsageError, match="recolor needs a colour"):
            paint_of("recolor")

    def test_wrong_options_are_refused_before_any_work(self, tmp_path: Path, segmenter: Segmenter) -> None:
        for options in ({"memory": -1.0}, {"format": "mp4"}):
            with pytest.raises(UsageError):
                segment_video(tmp_path / "no.mp4", "-", segmenter=segmenter, **options)  # type: ignore[arg-type]


def test_pipes(clip: Path, segmenter: Segmenter, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Standard(io.TextIOWrapper):
        def isatty(self) -> bool:
            return False

    out = io.BytesIO()
    monkeypatch.setattr(sys, "stdin", Standard(io.BytesIO(clip.read_bytes())))
    monkeypatch.setattr(sys, "stdout", Standard(out, write_through=True))
    segment_video("-", "-", "overlay", segmenter=segmenter)
    data = out.getvalue()
    monkeypatch.undo()
    (tmp_path / "a.mkv").write_bytes(data)
    found = read_clip(tmp_path / "a.mkv")
    assert (found.codec, found.sound, len(found.frames)) == ("h264", "aac", len(EVEN))
