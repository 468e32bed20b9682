"""Files that hairseg wrote itself, read again by a later run: whoever can write into a folder can change them."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from . import seeds
from .target import Target, file_of, folder

GRIDS = Path(__file__).parents[2] / "recipes" / "ablations"
GRID = '[recipe]\n[variants]\na = {}\nb = { ema = 0 }\n[score]\ndata = "folder:/photos"\nsplit = "val"\n'


def grids() -> list[bytes]:
    """Those of this repository, and one that holds its recipe."""
    return [*(path.read_bytes() for path in sorted(GRIDS.glob("*.toml"))), GRID.encode()]


def _grid(data: bytes) -> None:
    from hairseg.training.ablate_grid import read_grid

    place = folder() / "ablations"
    if not place.is_dir():
        place.mkdir()
        for path in GRIDS.parent.glob("*.toml"):  # which grids name as ../NAME.toml
            (folder() / path.name).write_bytes(path.read_bytes())
    (place / "grid.toml").write_bytes(data)
    read_grid(place / "grid.toml")


@cache
def _ablation() -> tuple[Any, Any]:
    """A grid and its finished runs."""
    from hairseg.training.ablate_grid import read_grid
    from hairseg.training.ablate_results import Result, Results, Scored, fingerprint, seeded

    place = folder() / "ablation"
    place.mkdir()
    grid = read_grid(file_of(GRID.encode(), "ablation.toml"))
    results = Results(place)
    pixels = np.arange(16).reshape(4, 1, 4)
    for variant in grid.variants:
        config = fingerprint(seeded(variant, 0), grid.score)
        result = Result(variant.label, 0, 0.5, 0.6, 0.7, 4, 30.0, config)
        results.add(variant, result, Scored(("1.jpg", "2,.jpg", "3.jpg", "4.jpg"), ("hair",), pixels))
    return grid, results


def results() -> list[bytes]:
    """``results.jsonl``."""
    return [_ablation()[1].path.read_bytes()]


def _results(data: bytes) -> None:
    grid, known = _ablation()
    before = known.path.read_bytes()
    known.path.write_bytes(data)
    try:
        known.read(grid)
    finally:
        known.path.write_bytes(before)


def scored() -> list[bytes]:
    """``photos/RUN.csv``."""
    return [next((_ablation()[1].folder / "photos").iterdir()).read_bytes()]


def _scored(data: bytes) -> None:
    grid, known = _ablation()
    path = next(path for path in (known.folder / "photos").iterdir() if path.stem.startswith("a-"))
    before = path.read_bytes()
    path.write_bytes(data)
    try:
        known.pixels(grid.variants[0], 0)
    finally:
        path.write_bytes(before)


def recipe() -> Any:
    """Of a small network."""
    from hairseg.net import NetConfig
    from hairseg.training.recipe import Recipe

    return Recipe("toy", NetConfig(backbone="test_efficientnet", bins=(1,), decoder="fine", widths=(8,) * 5))


def configs() -> list[bytes]:
    """``config.json`` of a run."""
    return [json.dumps(dataclasses.asdict(recipe()), indent=2).encode()]


def _config(data: bytes) -> None:
    from hairseg.training.run import Run

    place = folder() / "runs" / "x-toy"
    place.mkdir(parents=True, exist_ok=True)
    (place / "config.json").write_bytes(data)
    (place / "last.safetensors").write_bytes(b"")
    Run.newest(place.parent, recipe())
    (place / "last.safetensors").unlink()
    Run.at(place, recipe())


def lines() -> list[bytes]:
    """``metrics.jsonl`` of a run."""
    rows = ({"epoch": epoch, "size": 64, "loss": 0.5, "seconds": 1.5, "iou": 0.7} for epoch in (1, 2, 3))
    return ["".join(json.dumps(row) + "\n" for row in rows).encode()]


def _lines(data: bytes) -> None:
    from hairseg.training.run import Run

    place = folder() / "metrics"
    place.mkdir(exist_ok=True)
    (place / "metrics.jsonl").write_bytes(data)
    Run(place).forget_after(2)


def reports() -> list[bytes]:
    """``report.json`` of an evaluation."""
    from hairseg.evaluation.metrics import Counts
    from hairseg.evaluation.report import Report
    from hairseg.evaluation.scores import Area, PhotoScore

    counts = Counts(5, 2, 3, 90)
    photos = tuple(PhotoScore(name, "curly", counts, counts, 0.1, 0.5, 3.0) for name in ("a", "b"))
    report = Report("toy:test", "toy", 0.5, photos, ((0.5, counts),), ("a",), (Area("a", "", 9, 1),))
    return [json.dumps(report.to_dict()).encode()]


def _report(data: bytes) -> None:
    from hairseg.evaluation.run import read_report
    from hairseg.evaluation.tables import report_text

    report_text(read_report(file_of(data, "report.json")))


@cache
def learner() -> tuple[Any, Any, Any]:
    """A small network, its average and its optimiser."""
    from hairseg.net import build
    from hairseg.training.optimize import MovingAverage, build_optimizer

    net = build(recipe().net)
    return net, MovingAverage(net, 0.5), build_optimizer(net, recipe())


@cache
def _state_file() -> bytes:
    import torch

    from hairseg.training.checkpoint import write_state

    net, average, optimizer = learner()
    for parameter in net.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    path = folder() / "made.safetensors"
    write_state(path, net, average, optimizer, recipe(), epochs=1, best=0.5)
    return path.read_bytes()


def states() -> list[bytes]:
    """The header of ``last.safetensors``."""
    data = _state_file()
    return [data[8 : 8 + int.from_bytes(data[:8], "little")]]


def _state(data: bytes) -> None:
    from hairseg.training.checkpoint import read_state

    whole = _state_file()
    rest = whole[8 + int.from_bytes(whole[:8], "little") :]
    path = file_of(len(data).to_bytes(8, "little") + data + rest, "last.safetensors")
    read_state(path, *learner())


def tables() -> list[bytes]:
    """Photos in Parquet, as bytes and as Hugging Face's pairs."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    found = []
    photo = seeds.encoded(seeds.picture(), "JPEG")
    for column in ([photo, photo], [{"bytes": photo, "path": "a.jpg"}, {"bytes": None, "path": None}]):
        buffer = io.BytesIO()
        table = pa.table({"image": column, "name": ["a.jpg", "b\n.jpg"]})
        pq.write_table(table, buffer, compression="none")
        found.append(buffer.getvalue())
    return found


def _table(data: bytes) -> None:
    from hairseg.cluster.plan import grow
    from hairseg.cluster.source import photos
    from hairseg.cluster.store import Folder

    place = folder() / "tables"
    place.mkdir(exist_ok=True)
    (place / "a.parquet").write_bytes(data)
    store = Folder(str(place))
    for block in grow([], store, 64, files=False)[:3]:
        for _ in photos(block, store):
            pass


def plans() -> list[bytes]:
    """``plan/*.parquet`` of a run on a cluster."""
    from hairseg.cluster.plan import Block, encode

    return [encode([Block(0, ("a.jpg", "b.jpg")), Block(1, ("c.jpg",))])]


@cache
def _cluster() -> tuple[Path, Path, dict[str, Any]]:
    """A folder of photos, a model, and the settings of a run on them."""
    from hairseg.cluster.resume import settings
    from hairseg.cluster.worker import Task
    from toys import write_toy_model

    place = folder() / "cluster"
    (place / "in").mkdir(parents=True)
    (place / "in" / "a.jpg").write_bytes(seeds.encoded(seeds.picture(), "JPEG"))
    model = write_toy_model(place / "toy.onnx")
    return place, model, settings(Task(str(place / "in"), str(place / "out")), model)


def _resumed(plan: bytes, settings: bytes, attempt: bytes) -> None:
    from hairseg.cluster import attempts
    from hairseg.cluster.resume import planned, to_do
    from hairseg.cluster.store import Folder

    place, model, own = _cluster()
    for name, data in (
        ("plan/00000.parquet", plan),
        ("run.json", settings),
        ("attempts/000000.json", attempt),
    ):
        path = place / "out" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    target = Folder(str(place / "out"))
    blocks = planned(Folder(str(place / "in")), target, model, 64, own)
    for block in to_do(blocks, target, retry=False)[:1]:
        attempts.begin(target, block)
        attempts.end(target, block)


def _plan(data: bytes) -> None:
    _resumed(data, _settings_seed(), b"{}")


def _settings_seed() -> bytes:
    return json.dumps(_cluster()[2]).encode()


def _settings(data: bytes) -> None:
    _resumed(_plan_seed(), data, b"{}")


@cache
def _plan_seed() -> bytes:
    return plans()[0]


def _attempt(data: bytes) -> None:
    _resumed(_plan_seed(), _settings_seed(), data)


def rows() -> Sequence[bytes]:
    """``rows/*.parquet`` of a run on a cluster."""
    from hairseg.cluster.rows import encode, failed_row

    return [encode([failed_row("a.jpg", "gone"), {"name": "b.jpg", "rle": {"size": [2, 2], "counts": "4"}}])]


def _rows(data: bytes) -> None:
    from hairseg.cluster.plan import Block
    from hairseg.cluster.resume import to_do
    from hairseg.cluster.store import Folder

    place = folder() / "rows" / "rows"
    place.mkdir(parents=True, exist_ok=True)
    (place / "000000.parquet").write_bytes(data)
    to_do([Block(0, ("a.jpg", "b.jpg"))], Folder(str(place.parent)), retry=True)


TORCH, ARROW = ("torch",), ("pyarrow",)
TARGETS = (
    Target("grid", grids, _grid, TORCH),
    Target("results of an ablation", results, _results, TORCH),
    Target("photos of an ablation", scored, _scored, TORCH),
    Target("config of a run", configs, _config, TORCH),
    Target("metrics of a run", lines, _lines, TORCH),
    Target("state of a run", states, _state, TORCH),
    Target("report", reports, _report),
    Target("Parquet", tables, _table, ARROW),
    Target("plan of a cluster", plans, _plan, ARROW),
    Target("settings of a cluster", lambda: [_settings_seed()], _settings, ARROW),
    Target("attempt of a cluster", lambda: [b'{"attempt": 2, "pid": 7}'], _attempt, ARROW),
    Target("rows of a cluster", rows, _rows, ARROW),
)
