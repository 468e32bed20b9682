"""A worker without Ray."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hairseg.cluster import attempts
from hairseg.cluster.alone import alone
from hairseg.cluster.plan import Block
from hairseg.cluster.rows import Row, decode, mask_of
from hairseg.cluster.store import Store, open_store
from hairseg.cluster.worker import ATTEMPTS, PATIENCE, Task, Worker, block_of, text_of
from hairseg.errors import HairsegError, OutputError, PhotoError

from .conftest import Photos


@pytest.fixture
def target(tmp_path: Path, toy_model: Path) -> Store:
    """OUTPUT, with the toy model in it."""
    store = open_store(str(tmp_path / "out"))
    store.write("model.onnx", toy_model.read_bytes())
    return store


def rows_of(target: Store, block: Block) -> list[Row]:
    return decode(target.read(block.part))


def test_a_block(photos: Photos, target: Store) -> None:
    folder = photos("a.png", "x/b.png")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    block = Block(3, ("a.png", "broken.png", "gone.png", "x/b.png"))
    worker = Worker(Task(str(folder), target.place, threads=3))
    assert worker.do(block) == (4, 2)
    first, broken, gone, last = rows_of(target, block)
    assert (first["name"], last["name"]) == ("a.png", "x/b.png")
    assert (first["box"], last["box"]) == ([0, 0, 24, 1], [0, 0, 24, 2])
    assert mask_of(last).sum() == 48
    assert first["model"] == "toy"
    assert broken["error"].startswith("broken.png is ")
    assert gone["error"] == "gone.png does not exist: check its name"
    assert target.list("attempts") == []


def test_masks_as_files(photos: Photos, target: Store, tmp_path: Path) -> None:
    folder = photos("x/a.png")
    block = Block(0, ("x/a.png", "gone.png"))
    Worker(Task(str(folder), target.place, save="files")).do(block)
    row, gone = rows_of(target, block)
    assert (row["output"], row["rle"], row["fraction"]) == ("masks/x/a.hair.png", None, round(1 / 24, 6))
    assert (gone["output"], gone["rle"]) == (None, None)
    mask = np.asarray(Image.open(tmp_path / "out/masks/x/a.hair.png"))
    assert set(mask[0]) == {255}
    assert not mask[1:].any()


def test_good_rows_are_kept_and_failures_tried_again(photos: Photos, target: Store) -> None:
    folder = photos("a.png")
    block = Block(0, ("a.png", "b.png"))
    worker = Worker(Task(str(folder), target.place))
    assert worker.do(block) == (2, 1)
    before = rows_of(target, block)[0]
    (folder / "a.png").unlink()  # it is not looked at again
    photos("c.png", "b.png")
    assert worker.do(block) == (1, 0)
    assert rows_of(target, block)[0] == before
    assert rows_of(target, block)[1]["box"] == [0, 0, 24, 2]


def test_ray_sees_counts_and_problems(photos: Photos, target: Store, tmp_path: Path) -> None:
    worker = Worker(Task(str(photos("a.png")), target.place))
    good, cut = Block(0, ("a.png",)), Block(1, file="a.parquet", stop=1)
    found = worker({"block": np.array([text_of(good), text_of(cut)], object)})
    assert found["block"] == [0, 1]
    assert found["photos"] == [1, 0]
    assert found["failed"] == [0, 0]
    assert found["problem"][0] == ""
    assert "a.parquet is not a readable Parquet file" in found["problem"][1]
    assert all(seconds >= 0 for seconds in found["seconds"])


def test_blocks_travel_as_text() -> None:
    block = Block(7, ("a.jpg", os.fsdecode(b"caf\xe9\n.jpg"), "머리.jpg"))
    assert text_of(block).isascii()
    assert block_of(text_of(block)) == block


def test_an_output_that_takes_no_more(photos: Photos, target: Store, tmp_path: Path) -> None:
    worker = Worker(Task(str(photos("a.png")), target.place))
    (tmp_path / "out/rows").write_text("a file")
    with pytest.raises(OutputError):
        worker.do(Block(0, ("a.png",)))


class TestAttempts:
    def test_they_are_counted_until_the_end(self, target: Store) -> None:
        block = Block(12)
        assert [attempts.begin(target, block) for _ in range(3)] == [1, 2, 3]
        note = json.loads(target.read("attempts/000012.json"))
        assert note["pid"] == os.getpid()
        attempts.end(target, block)
        assert attempts.begin(target, block) == 1

    def test_a_note_that_is_damaged(self, target: Store) -> None:
        target.write("attempts/000000.json", b"{")
        assert attempts.begin(target, Block(0)) == 1

    def test_a_block_that_killed_workers_is_done_photo_by_photo(
        self, photos: Photos, target: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = []

        def one(data: bytes, name: str, model: Path, threshold: float | None) -> dict[str, Any]:
            asked.append(name)
            if name == "b.png":
                raise PhotoError("b.png kills the process that reads it (SIGSEGV): leave it out")
            return {**FOUND, "threshold": threshold}

        monkeypatch.setattr("hairseg.cluster.worker.alone", one)
        block = Block(0, ("a.png", "b.png"))
        for _ in range(PATIENCE):
            attempts.begin(target, block)
        worker = Worker(Task(str(photos(*block.names)), target.place, threshold=0.25))
        assert worker.do(block) == (2, 1)
        good, bad = rows_of(target, block)
        assert (asked, good["threshold"]) == (["a.png", "b.png"], 0.25)
        assert "SIGSEGV" in bad["error"]

    def test_one_that_goes_on_killing_is_left(self, photos: Photos, target: Store) -> None:
        block = Block(0, ("a.png",))
        for _ in range(ATTEMPTS):
            attempts.begin(target, block)
        worker = Worker(Task(str(photos("a.png")), target.place))
        with pytest.raises(HairsegError, match="block 0 is left, its worker died 6 times"):
            worker.do(block)
        assert worker.do(block) == (1, 0)


FOUND = {
    **{
        "width": 1,
        "height": 1,
        "fraction": 0.0,
        "box": None,
        "color": None,
        "threshold": 0.5,
        "model": "toy",
    },
    **{"notes": [], "rle": {"size": [1, 1], "counts": "1"}},
}


class TestAlone:
    def test_as_in_a_worker(self, photos: Photos, toy_model: Path) -> None:
        data = (photos("a.png") / "a.png").read_bytes()
        found = alone(data, "a.png", toy_model, 0.25)
        assert (found["box"], found["threshold"], found["model"]) == ([0, 0, 24, 1], 0.25, "toy")
        assert found["rle"]["size"] == [24, 24]

    def test_a_broken_photo(self, toy_model: Path) -> None:
        with pytest.raises(PhotoError, match=r"^a\.png is not an image of a known format"):
            alone(b"gibberish", "a.png", toy_model, None)

    @pytest.mark.skipif(os.name != "posix", reason="needs a shell and signals")
    @pytest.mark.parametrize(
        ("script", "words"),
        [
            ("kill -SEGV $$", r"kills the process that reads it \(SIGSEGV\)"),
            ("exit 3", r"kills the process that reads it \(exit code 3\)"),
            ("exec sleep 60", "takes longer than 0.2 seconds"),
        ],
    )
    def test_the_end_of_a_process(
        self, script: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        program = tmp_path / "python"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setattr(sys, "executable", str(program))
        with pytest.raises(PhotoError, match=words):
            alone(b"", "a.png", tmp_path, None, seconds=0.2 if "sleep" in script else 60)
