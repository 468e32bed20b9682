from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from array import array
from pathlib import Path

import numpy as np
import pytest

from clips import EVEN, damage, read_clip, write_clip
from hairseg.__main__ import main

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def folder(packaged_toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with clip.mp4 in it; the toy is the packaged default."""
    place = tmp_path / "videos"
    place.mkdir()
    write_clip(place / "clip.mp4", sound="aac")
    monkeypatch.chdir(place)
    return place


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_a_camera_sees_goes_into_the_working_folder() -> None:
    from hairseg.cli_video import _beside

    for camera in ("webcam", "webcam:HD Cam. 1080/p", "/dev/null"):
        assert _beside(camera, "mask", None) == "webcam.hair.mp4"


@pytest.mark.parametrize(
    ("words", "result"),
    [
        (["clip.mp4"], "clip.hair.mp4"),
        (["clip.mp4", "-k", "overlay", "-c", "blue", "--strength", "0.9"], "clip.overlay.mp4"),
        (["clip.mp4", "--kind", "cutout", "--edge", "hard"], "clip.cutout.webm"),
        (
            ["clip.mp4", "--kind", "recolor", "-c", "copper", "--tips", "blue", "--lift", "0.5"],
            "clip.recolor.mp4",
        ),
        (["clip.mp4", "other.mkv", "--min-area", "0.01", "--fill-holes", "--threshold", "0.4"], "other.mkv"),
        (["clip.mp4", "-o", "other.mkv", "--seconds", "0.2", "--memory", "0", "--no-sound"], "other.mkv"),
        (["clip.mp4", "--format", "webm", "--threads", "1"], "clip.hair.webm"),
    ],
)
def test_results(folder: Path, words: list[str], result: str, capsys: Capture) -> None:
    assert main(["video", *words]) == 0
    assert listing(folder) == sorted(["clip.mp4", result])
    found = read_clip(folder / result)
    assert len(found.frames) == (5 if "--seconds" in words else len(EVEN))
    assert (found.sound is None) == ("--no-sound" in words)
    out, err = capsys.readouterr()
    assert out == ""
    assert f"hairseg: clip.mp4 -> {result} ({len(found.frames)} frames)" in err


def test_a_folder_of_pictures(folder: Path, capsys: Capture) -> None:
    assert main(["video", "clip.mp4", "--format", "png", "-q"]) == 0
    assert listing(folder / "clip.hair") == [*(f"{n:06d}.png" for n in range(1, 13)), "frames.ffconcat"]
    assert main(["video", "clip.mp4", "clip.hair/"]) == 0
    assert "clip.hair/ exists and is kept: use --force to replace it" in capsys.readouterr().err


def test_existing_results_are_kept(folder: Path, capsys: Capture) -> None:
    (folder / "clip.hair.mp4").write_text("mine")
    assert main(["video", "clip.mp4"]) == 0
    assert (folder / "clip.hair.mp4").read_text() == "mine"
    assert "clip.hair.mp4 exists and is kept: use --force to replace it" in capsys.readouterr().err
    assert main(["video", "clip.mp4", "--force"]) == 0
    assert len(read_clip(folder / "clip.hair.mp4").frames) == len(EVEN)


def test_broken_frames_are_told_and_end_with_1(folder: Path, capsys: Capture) -> None:
    damage(write_clip(folder / "clip.mp4", options={"g": "3", "bf": "0"}), 5)
    assert main(["video", "clip.mp4", "-q"]) == 1
    assert len(read_clip(folder / "clip.hair.mp4").frames) == len(EVEN)
    assert capsys.readouterr().err == (
        "hairseg: clip.mp4: 1 of its frames could not be decoded; the ones before stand for them\n"
    )


class TestJson:
    def test_done(self, folder: Path, capsys: Capture) -> None:
        assert main(["video", "clip.mp4", "--json", "-q"]) == 0
        out, err = capsys.readouterr()
        line = {"video": "clip.mp4", "status": "done", "output": "clip.hair.mp4"}
        assert json.loads(out) == {**line, "frames": len(EVEN), "lost": 0, "notes": []}
        assert err == ""

    def test_kept(self, folder: Path, capsys: Capture) -> None:
        (folder / "clip.hair.mp4").touch()
        assert main(["video", "clip.mp4", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["status"] == "kept"

    def test_failed(self, folder: Path, capsys: Capture) -> None:
        assert main(["video", "nowhere.mp4", "--json"]) == 1
        out, err = capsys.readouterr()
        reason = "nowhere.mp4 does not exist: check its name"
        assert json.loads(out) == {
            "video": "nowhere.mp4",
            "status": "failed",
            "error": reason,
            "output": None,
        }
        assert err == f"hairseg: {reason}\n"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["clip.mp4", "a.mp4", "-k", "cutout"], 2, "a.mp4 cannot hold transparency: cut out to .webm"),
        (["clip.mp4", "a.avi"], 2, "a.avi ends in '.avi': use one of .mp4"),
        (["clip.mp4", "clip.mp4"], 2, "the result would replace the video clip.mp4: choose another name"),
        (
            ["clip.mp4", "-k", "recolor"],
            2,
            '--kind recolor needs a colour: for example --color "honey blonde"',
        ),
        (["clip.mp4", "-k", "recolor", "-c", "blurple"], 2, "blurple"),
        (["clip.mp4", "-c", "blue"], 2, "--color means nothing for --kind mask: leave it out"),
        (["clip.mp4", "-k", "overlay", "--tips", "blue"], 2, "--tips means nothing for --kind overlay"),
        (["clip.mp4", "-k", "overlay", "--strength", "2"], 2, "--strength 2.0 is out of range: use 0 to 1"),
        (["clip.mp4", "--min-area", "-1"], 2, "--min-area -1.0 is out of range: use 0 to 1"),
        (["clip.mp4", "--memory", "-1"], 2, "a memory of -1.0 seconds is out of range: use 0 or more"),
        (["clip.mp4", "--threshold", "7"], 2, "threshold 7.0 is out of range: use 0 to 1"),
        (["clip.mp4", "--threads", "0"], 2, "threads 0 is out of range: use 1 to 1024"),
        (["clip.mp4", "--seconds", "0"], 2, "seconds 0.0 is out of range: use more than 0"),
        (["clip.mp4", "-", "--json"], 2, "--json writes to standard output too: give the video a file"),
        (["clip.mp4", "-m", "none.onnx"], 3, "none.onnx"),
        (["nowhere.mp4"], 1, "nowhere.mp4 does not exist: check its name"),
        ([""], 2, "an empty name is no video: check the variable or the quotes"),
        (["", "a.mp4"], 2, "an empty name is no video: check the variable or the quotes"),
        (["."], 1, ". is a folder: name a video in it"),
        ([], 2, "source"),
    ],
)
def test_wrong_use(folder: Path, words: list[str], code: int, message: str, capsys: Capture) -> None:
    assert main(["video", *words]) == code
    _, err = capsys.readouterr()
    assert message.lower() in err.lower()
    assert err.count("\n") == 1
    assert listing(folder) == ["clip.mp4"]


def test_without_the_extra(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    assert main(["video", "clip.mp4"]) == 3
    assert "pip install 'hairseg[video]'" in capsys.readouterr().err


class TestProcess:
    """What only a process of its own shows."""

    @pytest.fixture
    def hairseg(self, toy_model: Path) -> list[str]:
        return [sys.executable, "-m", "hairseg", "video", "-m", str(toy_model)]

    def test_pipes(self, folder: Path, hairseg: list[str]) -> None:
        first = subprocess.run(
            [*hairseg, "-", "-", "-k", "overlay"],
            input=(folder / "clip.mp4").read_bytes(),
            capture_output=True,
            check=True,
        )
        raw = subprocess.run(
            [*hairseg, "-", "-", "--format", "raw", "-q"], input=first.stdout, capture_output=True, check=True
        )
        frames = np.frombuffer(raw.stdout, np.uint8).reshape(len(EVEN), 48, 64)
        assert set(np.unique(frames)) == {0, 255}
        assert raw.stderr == b""

    def test_an_mp4_with_its_index_at_the_end_through_a_pipe(self, folder: Path, hairseg: list[str]) -> None:
        data = (folder / "clip.mp4").read_bytes()
        assert data.index(b"mdat") < data.index(b"moov")
        command = [*hairseg, "-", "-", "--format", "raw", "-q"]
        done = subprocess.run(command, input=data, capture_output=True, check=True)
        assert np.frombuffer(done.stdout, np.uint8).reshape(len(EVEN), 48, 64).any()
        half = subprocess.run(command, input=data[: len(data) // 2], capture_output=True, check=False)
        assert (half.returncode, half.stdout) == (1, b"")
        assert half.stderr.startswith(b"hairseg: standard input is not a video, or is damaged")

    def test_interrupted(self, folder: Path, hairseg: list[str]) -> None:
        # The video never ends: its beginning comes through a pipe that stays open.
        clip = write_clip(folder / "long.mkv", range(0, 4000, 40))
        process = subprocess.Popen([*hairseg, "-", "a.mp4"], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdin is not None
        process.stdin.write(clip.read_bytes()[: clip.stat().st_size * 3 // 4])
        process.stdin.flush()
        for _ in range(600):
            drafts = [path for path in folder.glob(".hairseg-*") if path.stat().st_size]
            if drafts:
                break
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        try:
            _, err = process.communicate(timeout=20)
        finally:
            process.kill()
        assert process.returncode == 130
        assert listing(folder) == ["clip.mp4", "long.mkv"]
        assert err == b"hairseg: interrupted\n"

    def test_interrupted_before_it_began(self, folder: Path, hairseg: list[str]) -> None:
        import fcntl
        import termios

        process = subprocess.Popen([*hairseg, "-", "a.mp4"], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdin is not None
        process.stdin.write((folder / "clip.mp4").read_bytes()[:100])
        process.stdin.flush()
        unread = array("i", [1])
        for _ in range(1200):  # until the bytes are taken, and more are waited for
            fcntl.ioctl(process.stdin, termios.FIONREAD, unread)
            if not unread[0]:
                break
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        try:
            _, err = process.communicate(timeout=20)
        finally:
            process.kill()
        assert (process.returncode, err) == (130, b"hairseg: interrupted\n")

    def test_a_reader_that_leaves(self, folder: Path, hairseg: list[str]) -> None:
        process = subprocess.Popen(
            [*hairseg, "clip.mp4", "-", "--format", "raw", "-k", "overlay"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdout is not None
        os.read(process.stdout.fileno(), 10)
        process.stdout.close()
        assert process.wait(20) == 1
        assert process.stderr is not None
        assert process.stderr.read() == b""
        process.stderr.close()
