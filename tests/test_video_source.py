from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import hairseg.errors
from clips import write_clip
from hairseg.errors import MissingExtraError, PhotoError, UsageError
from hairseg.video_source import open_source


def test_a_file(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4")
    opened = open_source(path)
    assert opened.name == str(path)
    assert not opened.live
    assert opened.stream.codec_context.name == "h264"
    opened.close()


def test_an_open_file_and_bytes(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mkv")
    with path.open("rb") as file:
        opened = open_source(file)
        assert opened.name == str(path)
        opened.close()
    opened = open_source(io.BytesIO(path.read_bytes()))
    assert opened.name == "the given video"
    opened.close()


def test_names_are_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("concat:a|b.mp4", "ümläut 髪.mp4", "http:x.mkv"):
        opened = open_source(write_clip(tmp_path / "plain.mkv").rename(name).name)
        assert opened.name == name
        opened.close()


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("nothing.mp4", None, r"nothing\.mp4 does not exist: check its name"),
        ("empty.mp4", b"", r"empty\.mp4 is empty \(0 bytes\)"),
        ("text.mp4", b"no video at all, only words\n" * 99, r"text\.mp4 is not a video, or is damaged"),
        ("text.txt", b"no video at all, only words\n" * 99, r"text\.txt (is not a|holds no) video"),
        ("zeros.webm", bytes(5000), r"zeros\.webm is not a video, or is damaged at its beginning"),
    ],
)
def test_what_is_no_video(tmp_path: Path, name: str, data: bytes | None, message: str) -> None:
    path = tmp_path / name
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(PhotoError, match=message):
        open_source(path)


def test_an_empty_name() -> None:
    with pytest.raises(PhotoError, match="an empty name is no video: check the variable"):
        open_source("")


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(PhotoError, match="is a folder: name a video in it"):
        open_source(tmp_path)


def test_a_file_cut_short_before_its_index(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4")
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(PhotoError, match="is not a video, or is damaged at its beginning"):
        open_source(path)


@pytest.mark.parametrize("ending", ["png", "jpg", "bmp"])
def test_a_photo(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"photo.{ending}"
    Image.fromarray(np.zeros((48, 64, 3), np.uint8)).save(path)
    with pytest.raises(
        PhotoError, match="holds no video: if it is a picture, use hairseg without the verb video"
    ):
        open_source(path)


def test_only_sound(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mkv", sound="flac")
    import av

    with av.open(str(path)) as clip, av.open(str(tmp_path / "song.mkv"), "w") as song:
        stream = song.add_stream_from_template(clip.streams.audio[0])
        for packet in clip.demux(audio=0):
            if packet.size:
                packet.stream = stream
                song.mux(packet)
    with pytest.raises(PhotoError, match=r"song\.mkv holds no video, only sound: name a file with pictures"):
        open_source(tmp_path / "song.mkv")


def test_raw_pixels(tmp_path: Path) -> None:
    path = tmp_path / "pixels.rgb"
    path.write_bytes(bytes(3 * 32 * 16 * 2))
    opened = open_source(path, raw="32x16@12.5")
    assert (opened.stream.width, opened.stream.height) == (32, 16)
    assert float(opened.stream.guessed_rate) == 12.5
    opened.close()


@pytest.mark.parametrize(
    "raw", ["", "32", "32x", "x16", "32x16@", "0x16", "-3x16", "32x16@0", "axb", "32x16@1/0"]
)
def test_wrong_raw(tmp_path: Path, raw: str) -> None:
    path = tmp_path / "pixels.rgb"
    path.write_bytes(b"x" * 3 * 32 * 16)
    if raw == "32x16@":
        open_source(path, raw=raw).close()  # no rate is 25
        return
    with pytest.raises(UsageError, match="is not understood: write WIDTHxHEIGHT@RATE"):
        open_source(path, raw=raw)


def test_a_terminal_is_no_video(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal())
    with pytest.raises(UsageError, match="standard input, which is a terminal: pipe one into it"):
        open_source("-")


def test_a_named_pipe(tmp_path: Path) -> None:
    clip, pipe = write_clip(tmp_path / "clip.webm", codec="libvpx-vp9"), tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = subprocess.Popen(["sh", "-c", f"cat '{clip}' > '{pipe}'"])
    opened = open_source(pipe)
    assert opened.stream.codec_context.name == "vp9"
    opened.close()
    writer.wait(10)


def test_a_pipe_that_needs_a_copy_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.BytesIO):
        def write(self, data: object, /) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("tempfile.TemporaryFile", lambda **_: Full())
    clip, pipe = write_clip(tmp_path / "clip.mp4"), tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = subprocess.Popen(["sh", "-c", f"cat '{clip}' > '{pipe}'"], stderr=subprocess.DEVNULL)
    with pytest.raises(PhotoError, match=r"its index at its end.*No space left on device\): make room"):
        open_source(pipe)
    writer.wait(10)


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'hairseg\[video\]'"):
        open_source(tmp_path / "clip.mp4")
    assert hairseg.errors.MissingExtraError.exit_code == 3
