"""From a checkpoint to a packaged model: exported, measured once, its scores in its own metadata, its card written."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hairseg.data import DataSet, open_data
from hairseg.errors import UsageError
from hairseg.evaluation.report import Report
from hairseg.evaluation.run import evaluate_model, open_negatives
from hairseg.models import read_info
from hairseg.save import write
from hairseg.segmenter import Segmenter
from hairseg.training.card import WEIGHTS_LICENCE, card
from hairseg.training.checkpoint import read_checkpoint
from hairseg.training.export import export, write_metadata


def publish(
    checkpoint: Path,
    folder: Path,
    data: Path,
    half: bool = True,
    size: int | None = None,
    others: bool = True,
    report: Callable[[str], None] = print,
) -> Path:
    """Export, evaluate and describe one model.

    Args:
        checkpoint: a ``best.safetensors``.
        folder: of the packaged models; gets ``NAME.onnx``, ``NAME.md`` and a line in ``SHA256SUMS``.
        data: the folder that holds figaro1k, and celeb1k, ccp, lfw and negatives where there are any.
        half: store the weights as float16.
        size: another canvas size than the recipe's; to be chosen on ``val84``.
        others: measure on the other data sets too, not only on Figaro-1k.
        report: told what is being done.

    Returns:
        The ONNX file.
    """
    net, recipe, _ = read_checkpoint(checkpoint)
    if size is not None:
        recipe = dataclasses.replace(recipe, fit=dataclasses.replace(recipe.fit, size=size))
    path = folder / f"{recipe.name}.onnx"
    sets, negatives = measured_on(data, others), open_negatives(f"figaro1k:{data / 'figaro1k'}", None)
    with TemporaryDirectory() as place:
        draft = Path(place) / path.name
        report(f"exporting {recipe.name}")
        metadata = export(net, recipe, draft, half, licence=WEIGHTS_LICENCE)
        segmenter = Segmenter(draft)
        reports = []
        for dataset in sets:
            report(f"evaluating on {dataset.name}, {len(dataset.items)} photos")
            test = dataset.name == "figaro1k:test"
            reports.append(
                evaluate_model(segmenter, dataset, negatives=negatives if test else None, legacy=test)
            )
        metadata["scores"] = {one.data: one.scores() for one in reports}
        _write(draft, path, metadata)
    write_checksums(folder)
    text = card(read_info(path), dataclasses.asdict(recipe), reports, metadata)
    write(text.encode(), path.with_suffix(".md"))
    _keep(reports, checkpoint.parent)
    return path


def _write(draft: Path, path: Path, metadata: dict[str, Any]) -> None:
    """The exported graph with its final metadata, under its final name in one step."""
    import onnx

    model = onnx.load(str(draft))
    write_metadata(model, metadata)
    write(model.SerializeToString(), path)


def measured_on(data: Path, others: bool = True) -> list[DataSet]:
    """The data sets of a card: Figaro-1k's test and validation photos, and what else there is.

    Raises:
        UsageError: Figaro-1k is not in the folder.
    """
    if not (data / "figaro1k").is_dir():
        raise UsageError(f"{data}: holds no figaro1k: set HAIRSEG_DATA or --data to the folder that does")
    sets = [open_data(f"figaro1k:{data / 'figaro1k'}", split) for split in ("test", "val84")]
    for name in ("celeb1k", "ccp", "lfw") if others else ():
        if (data / name).is_dir():
            # lfw calls beards hair; those photos are left out.
            sets.append(open_data(f"folder:{data / name}", "val", ("facial_hair_labelled",)))
    return sets


def write_checksums(folder: Path) -> None:
    """Write ``SHA256SUMS`` of every model in ``folder``, in the format of ``sha256sum``."""
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
        for path in sorted(folder.glob("*.onnx"))
    ]
    (folder / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")


def _keep(reports: list[Report], folder: Path) -> None:
    """The full reports beside the checkpoint, for comparisons without running again."""
    for one in reports:
        values: dict[str, Any] = one.to_dict()
        place = folder / f"report-{one.data.replace(':', '-')}.json"
        place.write_text(json.dumps(values), encoding="utf-8")
