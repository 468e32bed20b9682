"""The verbs of those who train and ship: arguments in, the functions of the library called, nothing else."""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any, cast

from cyclopts import Parameter

from hairseg.errors import UsageError, require
from hairseg.printable import printable, printable_message

if TYPE_CHECKING:
    from hairseg.training.export import Weights


def train(
    recipe: Path,
    *overrides: Annotated[str, Parameter(allow_leading_hyphen=True)],
    resume: bool = False,
    runs: Path = Path("runs"),
    folder: Path | None = None,
) -> int:
    """Train a recipe; write runs/<date>-<recipe>/ with checkpoints, metrics, curves and a sheet of the worst photos.

    Started by torchrun, all its processes share every batch.

    Parameters
    ----------
    recipe
        A TOML file; recipes/ holds one per published model.
    overrides
        Any key of the recipe as a flag: --seed 1 --fit.size 320 --pretrained none.
    resume
        Go on from the newest run of this recipe.
    runs
        The folder that holds the runs.
    folder
        This run's own folder instead: made if it is missing, gone on with if it has begun. The same command starts
        and restarts a run, as a cluster does.
    """
    require("torch", "train")
    from hairseg.training.batches import open_sources
    from hairseg.training.finish import finish
    from hairseg.training.loop import train as train_recipe
    from hairseg.training.processes import SaidElsewhereError, joined
    from hairseg.training.recipe import read_recipe
    from hairseg.training.run import open_run

    try:
        with joined() as processes:
            chosen = processes.agree(lambda: read_recipe(recipe, parse_overrides(overrides)))
            # What is missing is told before a folder is made, and before ImageNet's weights are fetched.
            processes.agree(lambda: open_sources(chosen.train + chosen.validate, chosen.net.classes))
            place, begun = processes.from_first(lambda: open_run(chosen, runs, folder, resume))
            if processes.first:
                print(printable(place.folder), file=sys.stderr)
            with bar() as (say, progress):
                best = train_recipe(chosen, place, begun, say, progress, processes=processes)
    except SaidElsewhereError as error:
        return error.exit_code
    if processes.first:
        finish(place, chosen)
        print(json.dumps({"run": str(place.folder), "checkpoint": str(place.best), **best}))
    return 0


@contextmanager
def bar() -> Iterator[tuple[Callable[[str], None], Callable[[int, int, float], None]]]:
    """How to say a line, and how to show a step: a bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield (
            lambda line: print(printable_message(line), file=sys.stderr, flush=True),
            lambda step, steps, loss: None,
        )
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]:.3f}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("training", loss=0.0, total=None)
        yield (
            lambda line: bar.console.print(printable_message(line), markup=False, highlight=False),
            lambda step, steps, loss: bar.update(task, completed=step, total=steps, loss=loss),
        )


def parse_overrides(tokens: tuple[str, ...]) -> dict[str, Any]:
    """``("--seed", "1", "--fit.size=320")`` to ``{"seed": 1, "fit.size": 320}``; values are read as TOML.

    Raises:
        UsageError: a token is no ``--key value`` pair.
    """
    pairs: dict[str, Any] = {}
    rest = list(tokens)
    while rest:
        token = rest.pop(0)
        if not token.startswith("--"):
            raise UsageError(f"{token!r}: recipe keys are given as --key value")
        key, equals, value = token.removeprefix("--").partition("=")
        if not equals:
            if not rest:
                raise UsageError(f"--{key} needs a value")
            value = rest.pop(0)
        pairs[key.replace("-", "_")] = _toml_value(value)
    return pairs


def _toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text  # a bare word is a string: --pretrained none


def export(
    checkpoint: Path,
    *,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    weights: str = "float32",
    size: int | None = None,
) -> int:
    """Write a checkpoint as an ONNX file that takes any size and knows its own preprocessing.

    Parameters
    ----------
    checkpoint
        A run folder, a best.safetensors in it, or a file of hairseg convert.
    output
        The .onnx file to write; MODEL.onnx here, by the model's name, by default.
    weights
        float32; float16 for half the bytes (they are float32 again when the file is loaded); or int8 for a
        quarter and less time, calibrated on the recipe's training photos.
    size
        Another canvas size than the recipe's, in pixels.
    """
    require("torch", "train")
    require("onnxscript", "train")
    import dataclasses

    from hairseg.training.checkpoint import read_checkpoint
    from hairseg.training.export import export as export_net
    from hairseg.training.export import with_seen

    _check_weights(weights)
    net, recipe, header = read_checkpoint(_checkpoint(checkpoint))
    if weights == "int8" and not recipe.train:
        raise UsageError(f"{checkpoint} names no photos to calibrate int8 on: use float32 or float16")
    if size is not None:
        recipe = dataclasses.replace(recipe, fit=dataclasses.replace(recipe.fit, size=size))
    path = output or Path(f"{recipe.name}.onnx")
    facts = {key: header[key] for key in ("classes", "colors") if key in header} | with_seen(recipe, header)
    if weights == "int8":
        from hairseg.training.batches import open_sources
        from hairseg.training.quantize import quantize

        photos = open_sources(recipe.train, recipe.net.classes)
        with (
            TemporaryDirectory() as place
        ):  # what stands under the final name is int8, or what stood there before
            floats = Path(place) / path.name
            export_net(net, recipe, floats, **facts)
            metadata = quantize(floats, path, photos)
    else:
        metadata = export_net(net, recipe, path, weights == "float16", **facts)
    print(json.dumps({"path": str(path), "bytes": path.stat().st_size, **metadata}))
    return 0


def _check_weights(weights: str, more: str = "") -> Weights:
    kinds = ["float32", "float16", "int8", *([more] if more else [])]
    if weights not in kinds:
        raise UsageError(f"--weights {weights!r} is unknown: use {', '.join(kinds[:-1])} or {kinds[-1]}")
    return cast("Weights", weights)


def _checkpoint(place: Path) -> Path:
    return place / "best.safetensors" if place.is_dir() else place


def publish(
    checkpoint: Path,
    *,
    folder: Path = Path("src/hairseg/models"),
    data: Path | None = None,
    weights: str = "float16",
    size: int | None = None,
    others: bool = True,
    threshold: float | None = None,
    color_share: float | None = None,
) -> int:
    """Package a checkpoint: export it, measure it on the protocol once, write its scores, card and checksum.

    Parameters
    ----------
    checkpoint
        A run folder, or a best.safetensors in it; for int8 or the same weights an .onnx that was published before.
    folder
        Where the packaged models are.
    data
        The folder that holds figaro1k; HAIRSEG_DATA by default.
    weights
        float32, float16 or int8, as in export; same: those of the .onnx, which is measured again, on the canvas that
        its recipe gives a photo now.
    size
        Another canvas size than the recipe's, chosen on val84.
    others
        Measure on the other data sets beside figaro1k too.
    threshold
        A probability from here on is hair, above 0 and below 1, chosen on val84. Default: 0.5.
    color_share
        Share that the photo's own colours have near the border, 0 to 1, chosen on val84. Default: 0.
    """
    import os

    if threshold is not None and not 0 < threshold < 1:
        raise UsageError(f"--threshold {threshold} is out of range: use a number above 0 and below 1")
    if color_share is not None and not 0 <= color_share <= 1:
        raise UsageError(f"--color-share {color_share} is out of range: use a number from 0 to 1")
    require("torch", "train")
    require("onnxscript", "train")
    from hairseg.training.publish import publish as publish_model

    kind = _check_weights(weights, "same")
    place = data or Path(os.environ.get("HAIRSEG_DATA", ""))
    say = lambda line: print(printable_message(line), file=sys.stderr, flush=True)  # noqa: E731
    print(
        publish_model(_checkpoint(checkpoint), folder, place, kind, size, others, say, threshold, color_share)
    )
    return 0
