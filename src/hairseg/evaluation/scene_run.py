"""``hairseg evaluate`` for a model of many classes: an exported file, or a checkpoint of a training."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hairseg.classes import Classes, from_plain, unnamed
from hairseg.data import DataSet, open_data
from hairseg.errors import UsageError, require
from hairseg.evaluation.run import prepare, progress_of
from hairseg.evaluation.scene_protocol import Parse, evaluate_scenes
from hairseg.evaluation.scene_report import SceneReport
from hairseg.evaluation.scene_sheets import scene_sheet
from hairseg.evaluation.scene_tables import scene_text
from hairseg.evaluation.scores import Cost
from hairseg.models import find_model, packaged, read_info
from hairseg.network import thread_count
from hairseg.save import save_image, write

if TYPE_CHECKING:
    from hairseg.net import PSPNet
    from hairseg.training.recipe import Recipe
    from hairseg.training.sliding import Sliding

SHOWN = 12


@dataclass(frozen=True)
class SceneModel:
    """A model of many classes, however it is stored."""

    name: str
    classes: Classes
    parse: Parse
    cost: Cost


def is_scene_model(model: str | None) -> bool:
    """Whether ``--model`` names a checkpoint or an exported file of many classes, rather than a hair model.

    Raises:
        ModelError: it is missing, damaged or not one of ours.
        UsageError: it is a checkpoint of a hair network, which is exported first.
    """
    if model is None:
        return False
    checkpoint = checkpoint_of(model)
    if checkpoint is None:
        return len(read_info(find_model(model)).classes) > 1
    if not checkpoint.is_file():
        return True  # whoever opens it says so
    _read_scenes(checkpoint)
    return True


def checkpoint_of(model: str) -> Path | None:
    """The checkpoint that is meant by a run folder or by a ``.safetensors`` file; None if it is neither."""
    path = Path(model)
    if path.is_dir() and model not in packaged():
        path = path / "best.safetensors"
    return path if path.suffix == ".safetensors" else None


def open_scene_model(model: str, threads: int | None = None, sliding: Sliding | None = None) -> SceneModel:
    """Load a model of many classes.

    Args:
        model: a run folder, a ``.safetensors`` checkpoint, or an ``.onnx`` file.
        threads: of the model; None for all physical cores.
        sliding: look at the photo through windows, as the paper tests; for checkpoints.

    Raises:
        ModelError: it is missing, damaged or not one of ours.
        UsageError: it is a checkpoint of a hair network, or windows are asked of an exported file.
    """
    checkpoint = checkpoint_of(model)
    if checkpoint is not None:
        return _from_checkpoint(checkpoint, threads, sliding)
    if sliding is not None:
        raise UsageError(
            f"{model} is exported: --window, --base, --scales and --mirror are for a run folder or its checkpoint"
        )
    from hairseg.scene import SceneSegmenter

    segmenter = SceneSegmenter(model, threads)
    info = segmenter.info
    cost = Cost(info.parameters or None, info.multiply_adds or None, info.bytes, segmenter.threads)
    return SceneModel(info.name, segmenter.classes, segmenter.probability, cost)


def _read_scenes(path: Path) -> tuple[PSPNet, Recipe, dict[str, Any]]:
    """A checkpoint of many classes: the network, its recipe, and the file's header."""
    require("torch", "train")
    from hairseg.training.checkpoint import read_checkpoint

    net, recipe, header = read_checkpoint(path)
    if recipe.net.classes == 1:
        raise UsageError(
            f"{path} is a checkpoint of a hair network: `hairseg export` it and evaluate the .onnx"
        )
    return net, recipe, header


def _from_checkpoint(path: Path, threads: int | None, sliding: Sliding | None) -> SceneModel:
    require("torch", "train")
    import torch

    from hairseg.net.cost import cost as cost_of
    from hairseg.training.precision import best_device
    from hairseg.training.predict import parser
    from hairseg.training.sliding import Windowed

    net, recipe, header = _read_scenes(path)
    net.to(best_device())
    if threads is not None:
        thread_count(threads)
        torch.set_num_threads(threads)
    side = recipe.fit.size // recipe.fit.multiple * recipe.fit.multiple
    total = cost_of(net, side, side)[-1]
    cost = Cost(total.parameters, total.multiply_adds, path.stat().st_size, torch.get_num_threads())
    classes = from_plain(header) or unnamed(recipe.net.classes)
    if sliding is None:
        return SceneModel(recipe.name, classes, parser(net, recipe.fit), cost)
    return SceneModel(recipe.name, classes, lambda photo: Windowed(net, photo, sliding), cost)


def run_scene_evaluation(
    data: str,
    split: str,
    model: str,
    *,
    out: Path | None = None,
    as_json: bool = False,
    threads: int | None = None,
    quiet: bool = False,
    sliding: Sliding | None = None,
) -> SceneReport:
    """Evaluate one model of many classes on one data set.

    Args:
        data: ``kind:PATH`` as for :func:`hairseg.data.open_data`, with class-index masks.
        split: of the data.
        model: a run folder, a ``.safetensors`` checkpoint, or an ``.onnx`` file.
        out: folder for report.json, report.md, failures.png and best.png; made if missing.
        as_json: print one line of JSON instead of tables.
        threads: of the model; None for all physical cores.
        quiet: no progress on the terminal.
        sliding: look at the photo through windows, as the paper tests; for checkpoints.

    Returns:
        What was printed.
    """
    if out is not None:
        prepare(out)
    chosen = open_scene_model(model, threads, sliding)
    photos = open_data(data, split, classes=len(chosen.classes))
    report = evaluate_scenes(
        chosen.parse,
        photos,
        chosen.classes,
        model=chosen.name,
        cost=chosen.cost,
        progress=progress_of(len(photos.items), quiet),
    )
    values: dict[str, Any] = report.to_dict()
    if out is not None:
        write(json.dumps(values).encode(), out / "report.json")
        write(scene_text(report).encode(), out / "report.md")
        _write_sheets(report, photos, chosen, out)
    print(json.dumps(values) if as_json else scene_text(report), flush=True)
    return report


def _write_sheets(report: SceneReport, photos: DataSet, model: SceneModel, out: Path) -> None:
    """The photos with the lowest and the highest mIoU, with truth and prediction in colours."""
    items = {item.name: item for item in photos.items}
    ranked = [items[one.name] for one in sorted(report.photos, key=lambda photo: photo.mean_iou)]
    save_image(scene_sheet(ranked[:SHOWN], model.parse, model.classes), out / "failures.png")
    save_image(scene_sheet(ranked[::-1][:SHOWN], model.parse, model.classes), out / "best.png")
