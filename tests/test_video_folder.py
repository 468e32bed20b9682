from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from clips import UNEVEN, picture, write_clip
from hairseg.errors import OutputError
from hairseg.video_folder import PictureFolder
from hairseg.video_reader import VideoReader


def test_a_picture_for_each_frame_and_their_times(tmp_path: Path) -> None:
    reader = VideoReader(write_clip(tmp_path / "clip.mkv", UNEVEN))
    folder = PictureFolder(tmp_path / "frames", reader)
    for index, time in enumerate(UNEVEN):
        folder.write(folder.prepare(picture(index)), time)
    folder.finish()
    names = sorted(path.name for path in (tmp_path / "frames").iterdir())
    assert names == [*(f"{number:06d}.png" for number in range(1, 7)), "frames.ffconcat"]
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "frames" / "000003.png")), picture(2))
    lines = (tmp_path / "frames" / "frames.ffconcat").read_text().splitlines()
    assert lines[:5] == [
        "ffconcat version 1.0",
        "file 000001.png",
        "duration 0.040000",
        "file 000002.png",
        "duration 0.040000",
    ]
    assert lines[-1] == "duration 0.040000"
    reader.close()


def test_what_a_longer_video_left_is_removed(tmp_path: Path) -> None:
    reader = VideoReader(write_clip(tmp_path / "clip.mkv", UNEVEN))
    place = tmp_path / "frames"
    first = PictureFolder(place, reader)
    for index, time in enumerate(UNEVEN):
        first.write(first.prepare(picture(index)), time)
    first.finish()
    for name in ("cover.png", "7.png", "0000007.png"):
        (place / name).touch()  # nobody's frames
    second = PictureFolder(place, reader)
    second.write(second.prepare(picture(0)), UNEVEN[0])
    assert not (place / "frames.ffconcat").exists()  # interrupted here, the folder does not count as whole
    second.write(second.prepare(picture(1)), UNEVEN[1])
    second.finish()
    assert sorted(path.name for path in place.iterdir()) == [
        "0000007.png", "000001.png", "000002.png", "7.png", "cover.png", "frames.ffconcat",
    ]  # fmt: skip
    reader.close()


def test_ffmpeg_reads_them_at_their_times(tmp_path: Path) -> None:
    reader = VideoReader(write_clip(tmp_path / "clip.mkv", UNEVEN))
    folder = PictureFolder(tmp_path, reader)
    for index, time in enumerate(UNEVEN):
        folder.write(folder.prepare(picture(index)), time)
    folder.finish()
    reader.close()
    with av.open(str(tmp_path / "frames.ffconcat")) as container:
        assert [frame.time for frame in container.decode(video=0)] == pytest.approx(
            [t / 1000 for t in UNEVEN]
        )


def test_abandoned_pictures_stay(tmp_path: Path) -> None:
    reader = VideoReader(write_clip(tmp_path / "clip.mkv"))
    folder = PictureFolder(tmp_path / "frames", reader)
    folder.write(folder.prepare(picture(0)), 0)
    folder.abandon()
    assert [path.name for path in (tmp_path / "frames").iterdir()] == ["000001.png"]
    reader.close()


def test_no_place(tmp_path: Path) -> None:
    reader = VideoReader(write_clip(tmp_path / "clip.mkv"))
    (tmp_path / "file").touch()
    folder = PictureFolder(tmp_path / "file", reader)
    with pytest.raises(OutputError, match="cannot be written"):
        folder.write(folder.prepare(picture(0)), 0)
    reader.close()
