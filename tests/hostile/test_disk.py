"""A disk that is full: one sentence, exit code 1, no half of a file."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hairseg.errors import OutputError
from toys import write_toy_model, write_toy_scene_model


def hairseg(*words: str | Path, **streams: Any) -> tuple[int, str]:
    """Exit code, and what is said to a person."""
    command = [sys.executable, "-m", "hairseg", *map(str, words)]
    done = subprocess.run(command, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, check=False, **streams)
    said = done.stderr.decode()
    assert "Traceback" not in said, said
    return done.returncode, said


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three photos that do not compress, and models."""
    place = tmp_path_factory.mktemp("disk")
    (place / "photos").mkdir()
    for name in "abc":
        noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)
        Image.fromarray(noise).save(place / "photos" / f"{name}.png")
    write_toy_model(place / "hair.onnx")
    write_toy_scene_model(place / "scene.onnx")
    return place


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    place = tmp_path / "tiny"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    try:
        mounted = not subprocess.run(mount, capture_output=True, check=False).returncode
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("needs the right to mount a file system")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("words", ["models --json", "models", "doctor", "--help", "mask --json", "mask -o -"])
def test_standard_output(words: str, home: Path) -> None:
    photo = [home / "photos/a.png", "-m", home / "hair.onnx"] if "mask" in words else []
    with Path("/dev/full").open("wb") as full:
        code, said = hairseg(*words.split(), *photo, stdout=full)
    assert code == 1
    assert "the disk is full: make room" in said


@pytest.mark.parametrize("verb", ["mask --soft", "cutout", "overlay", "recolor -c red", "labels --overlay"])
def test_photos(verb: str, home: Path, tiny: Path) -> None:
    model = home / ("scene.onnx" if verb.startswith("labels") else "hair.onnx")
    (tiny / "old").write_bytes(b"x" * 60_000)
    code, said = hairseg(*verb.split(), home / "photos", "-m", model, "-o", f"{tiny}/")
    assert code == 1
    assert said.count("cannot be written: the disk is full") >= 1
    assert "failed" in said.splitlines()[-1]
    for path in tiny.iterdir():
        if path.name != "old":
            assert not path.name.startswith(".")
            Image.open(path).load()  # those that still fitted are whole
    assert (tiny / "old").read_bytes() == b"x" * 60_000


@pytest.mark.parametrize("target", ["film.mp4", "frames/"])
def test_videos(target: str, home: Path, tiny: Path) -> None:
    pytest.importorskip("av", reason="needs PyAV: pip install 'hairseg[video]'")
    from clips import write_clip

    clip = write_clip(home / "clip.mp4")
    (tiny / "old").write_bytes(b"x" * 65_000)
    code, said = hairseg("video", clip, f"{tiny}/{target}", "-m", home / "hair.onnx")
    assert code == 1
    assert "cannot be written: the disk is full" in said
    assert not [path for path in tiny.rglob("*") if path.is_file() and path.name != "old"]


def test_an_export(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxscript", reason="needs torch: pip install 'hairseg[train]'")
    import onnx

    from hairseg.net import build
    from hairseg.training.export import export

    from . import written

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(onnx, "save", full)
    path = tmp_path / "toy.onnx"
    path.write_bytes(b"from before")
    with pytest.raises(OutputError, match=r"toy.onnx cannot be written: the disk is full"):
        export(build(written.recipe().net), written.recipe(), path)
    assert path.read_bytes() == b"from before"
    assert [file.name for file in tmp_path.iterdir()] == ["toy.onnx"]
