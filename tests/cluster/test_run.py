"""All of it, on a Ray of two cores."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hairseg.__main__ import main
from hairseg.cluster.rows import Row
from hairseg.cluster.run import Options, Summary, run
from hairseg.errors import ModelError, UsageError

from .conftest import Photos

# Ray's own, about Ray.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def options(toy_model: Path, ray_here: Any) -> Options:
    return Options(model=str(toy_model), workers=1, block=2, quiet=True)


def rows_in(folder: Path) -> list[Row]:
    import pyarrow.parquet as pq

    return sorted(pq.read_table(folder / "rows").to_pylist(), key=lambda row: row["name"])


def counts(summary: Summary) -> tuple[int, int, int, int]:
    return summary.photos, summary.failed, summary.kept, summary.left


def test_a_run_and_what_came_since(photos: Photos, tmp_path: Path, options: Options) -> None:
    folder, out = photos("a.png", "b.png", "x/c.png"), tmp_path / "out"
    (folder / "d.png").write_bytes(b"gibberish")
    summary = run(str(folder), str(out), options)
    assert counts(summary) == (4, 1, 0, 0)
    assert (summary.workers, summary.threads, summary.problems) == (1, 1, ())
    assert [(row["name"], row["box"]) for row in rows_in(out)] == [
        ("a.png", [0, 0, 24, 1]),
        ("b.png", [0, 0, 24, 2]),
        ("d.png", None),
        ("x/c.png", [0, 0, 24, 3]),
    ]
    before = {path: path.stat().st_mtime_ns for path in (out / "rows").iterdir()}
    assert counts(run(str(folder), str(out), options)) == (0, 0, 4, 0)
    photos("e.png", "d.png")
    assert counts(run(str(folder), str(out), options)) == (1, 0, 4, 0)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert counts(run(str(folder), str(out), replace(options, retry=True))) == (1, 0, 4, 0)
    assert [row["error"] for row in rows_in(out)] == [None] * 5


def test_a_worker_that_is_killed_loses_nothing(photos: Photos, tmp_path: Path, options: Options) -> None:
    names = [f"{index:02d}.png" for index in range(24)]
    folder, out = photos(*names, size=720), tmp_path / "out"
    killed = []

    def kill() -> None:
        deadline = time.monotonic() + 120
        while not killed and time.monotonic() < deadline:
            for note in (out / "attempts").glob("*.json"):
                killed.append(json.loads(note.read_text())["pid"])
                os.kill(killed[0], signal.SIGKILL)
                return
            time.sleep(0.002)

    killer = threading.Thread(target=kill)
    killer.start()
    summary = run(str(folder), str(out), replace(options, workers=2, block=6, save="files"))
    killer.join()
    assert len(killed) == 1
    assert counts(summary) == (24, 0, 0, 0)
    assert [row["name"] for row in rows_in(out)] == names
    assert [round(row["box"][3] / 30) for row in rows_in(out)] == list(range(1, 25))
    assert sorted(path.name for path in (out / "masks").iterdir()) == [f"{i:02d}.hair.png" for i in range(24)]
    assert list((out / "attempts").iterdir()) == []


def test_what_a_run_that_was_killed_left_is_done(photos: Photos, tmp_path: Path, options: Options) -> None:
    folder, out = photos(*(f"{index}.png" for index in range(6))), tmp_path / "out"
    run(str(folder), str(out), options)
    (out / "rows/000001.parquet").unlink()
    (out / "rows/.hairseg-00.tmp").write_bytes(b"half")
    before = {path: path.stat().st_mtime_ns for path in (out / "rows").glob("*.parquet")}
    assert counts(run(str(folder), str(out), options)) == (2, 0, 4, 0)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert [row["name"] for row in rows_in(out)] == [f"{index}.png" for index in range(6)]


def test_a_block_that_cannot_be_done_is_left(photos: Photos, tmp_path: Path, options: Options) -> None:
    folder, out = photos("a.png", "b.png", "c.png"), tmp_path / "out"
    (out / "rows/000001.parquet").mkdir(parents=True)  # a place that takes no file
    summary = run(str(folder), str(out), options)
    assert counts(summary) == (2, 0, 0, 1)
    assert "000001.parquet cannot be written" in summary.problems[0]


def test_from_parquet_by_url(photos: Photos, tmp_path: Path, options: Options) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    data = [(photos("a.png", "b.png") / name).read_bytes() for name in ("a.png", "b.png")]
    (tmp_path / "in").mkdir()
    pq.write_table(pa.table({"image": [*data, None]}), tmp_path / "in/a.parquet")
    summary = run(f"file://{tmp_path}/in", f"local://{tmp_path}/out", replace(options, save="files"))
    assert counts(summary) == (3, 1, 0, 0)
    first, second, empty = rows_in(tmp_path / "out")
    assert (first["name"], first["output"]) == ("a.parquet#0", "masks/a.parquet/00000000-a.hair.png")
    assert second["box"] == [0, 0, 24, 2]
    assert "has no bytes" in empty["error"]
    assert (tmp_path / "out" / first["output"]).is_file()


def test_the_command(photos: Photos, tmp_path: Path, options: Options, capsys: Capture) -> None:
    (photos("a.png") / "b.png").write_bytes(b"gibberish")
    arguments = ["cluster", "run", str(tmp_path / "photos"), str(tmp_path / "out"), "-m", str(options.model)]
    assert main([*arguments, "--json"]) == 1
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert (found["photos"], found["failed"], found["left"], found["workers"]) == (2, 1, 0, 1)
    assert "1 done, 1 failed (the column error of" in err
    assert main(arguments) == 0
    assert capsys.readouterr().err == "hairseg: 0 done, 2 done before\n"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"threshold": 0.25}, "was begun with threshold 0.5, not 0.25: choose another OUTPUT"),
        ({"save": "files"}, "was begun with save 'parquet', not 'files'"),
        ({"workers": 0}, "--workers 0 is out of range"),
        ({"threads": 0}, "--threads 0 is out of range"),
        ({"block": 0}, "--block 0 is out of range"),
        ({"threshold": 2.0}, r"--threshold 2\.0 is out of range"),
    ],
)
def test_what_does_not_fit(
    photos: Photos, tmp_path: Path, options: Options, changes: dict[str, Any], words: str
) -> None:
    folder, out = photos("a.png"), tmp_path / "out"
    settings = {"input": str(folder), "model": "toy", "sha256": "", "threshold": 0.5, "save": "parquet"}
    out.mkdir()
    (out / "plan").mkdir()
    (out / "plan/00000.parquet").write_bytes(b"")
    digest = __import__("hashlib").sha256(Path(str(options.model)).read_bytes()).hexdigest()
    (out / "run.json").write_text(json.dumps({**settings, "sha256": digest, "columns": ["", ""]}))
    with pytest.raises(UsageError, match=words):
        run(str(folder), str(out), replace(options, **changes))


@pytest.mark.parametrize("names", [("photos", "photos/masks"), ("photos", "photos"), ("a/photos", "a")])
def test_folders_in_each_other(names: tuple[str, str], tmp_path: Path, options: Options) -> None:
    with pytest.raises(UsageError, match="lie in each other"):
        run(str(tmp_path / names[0]), str(tmp_path / names[1]), options)


def test_a_folder_that_holds_something_else(photos: Photos, tmp_path: Path, options: Options) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/letter.txt").write_text("dear")
    with pytest.raises(UsageError, match="is not empty and holds no run"):
        run(str(photos("a.png")), str(tmp_path / "out"), options)


def test_a_model_that_is_none(photos: Photos, tmp_path: Path, options: Options) -> None:
    (tmp_path / "model.onnx").write_bytes(b"gibberish")
    with pytest.raises(ModelError, match="is not a working ONNX model"):
        run(str(photos("a.png")), str(tmp_path / "out"), replace(options, model=str(tmp_path / "model.onnx")))
    assert not (tmp_path / "out").exists()
