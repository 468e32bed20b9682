"""``hairseg evaluate``: arguments in, the functions of the library called, nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from hairseg.cli import whole
from hairseg.errors import UsageError, require

if TYPE_CHECKING:
    from hairseg.training.sliding import Sliding


def evaluate(
    *,
    data: str,
    split: str = "test",
    model: str | None = None,
    negatives: str | None = None,
    out: Path | None = None,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
    legacy: bool = False,
    threads: Annotated[int | None, Parameter(converter=whole)] = None,
    threshold: float | None = None,
    window: int | None = None,
    base: int | None = None,
    scales: str | None = None,
    mirror: bool = False,
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"])] = False,
) -> int:
    """Measure a model on the path that every photo takes: hair by the protocol figaro-native, classes by mIoU.

    Parameters
    ----------
    data
        figaro1k:PATH, or folder:PATH with images/ and masks/ or a manifest.csv; for many classes also
        fasseg:, ade20k:, voc: or cityscapes:PATH.
    split
        test, train, or a list in the data's splits folder, for example val84.
    model
        A packaged model's name or an .onnx file; the packaged default without it. For many classes also a run
        folder or its best.safetensors.
    negatives
        Photos without people, as data; "none" leaves them out.
    out
        A folder for report.json, report.md, plots and sheets of best, worst, grey and bearded photos; for many
        classes the sheets show truth and prediction in the classes' colours.
    as_json
        One line of JSON instead of tables.
    legacy
        Score older protocols too, named as such.
    threads
        How many the model may use.
    threshold
        Another than the model's own.
    window
        The paper's test, for a checkpoint of many classes: look through a square of this side in pixels (its
        training crop, 473 or 713) that slides over the photo by two thirds of it.
    base
        Long side of the photo at scale 1 (512 for ADE20K and VOC, 2048 for Cityscapes); its own without it.
    scales
        One or several, averaged: 0.5,0.75,1,1.25,1.5,1.75 in the paper.
    mirror
        Look at everything mirrored, too.
    quiet
        No progress.
    """
    from hairseg.evaluation.run import run_evaluation
    from hairseg.evaluation.scene_run import is_scene_model, run_scene_evaluation

    if model is not None and is_scene_model(model):
        if legacy or threshold is not None or negatives is not None:
            raise UsageError(
                f"{model} tells classes apart: --legacy, --threshold and --negatives are for hair"
            )
        sliding = _sliding(window, base, scales, mirror)
        run_scene_evaluation(
            data, split, model, out=out, as_json=as_json, threads=threads, quiet=quiet, sliding=sliding
        )
        return 0
    if any((window is not None, base is not None, scales is not None, mirror)):
        raise UsageError("--window, --base, --scales and --mirror are for a checkpoint of many classes")
    run_evaluation(
        data,
        split,
        model,
        negatives=negatives,
        out=out,
        as_json=as_json,
        legacy=legacy,
        threads=threads,
        threshold=threshold,
        quiet=quiet,
    )
    return 0


def _sliding(window: int | None, base: int | None, scales: str | None, mirror: bool) -> Sliding | None:
    """The paper's test, if any of its options is given."""
    if not any((window is not None, base is not None, scales is not None, mirror)):
        return None
    require("torch", "train")
    from hairseg.training.sliding import Sliding

    try:
        factors = tuple(float(word) for word in (scales or "1").split(","))
    except ValueError as error:
        raise UsageError(
            f"--scales {scales}: give factors with commas between them, such as 0.5,1,1.5"
        ) from error
    return Sliding(window or 0, base or 0, factors, mirror)
