"""From a checkpoint to a packaged model: exported, measured once, its scores in its own metadata, its card written."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import torch

from hairseg.data import DataSet, Item, open_data, read_item
from hairseg.errors import UsageError
from hairseg.evaluation.report import Report
from hairseg.evaluation.run import evaluate_model, open_negatives
from hairseg.fit import fit
from hairseg.models import find_model, read_info
from hairseg.net import build
from hairseg.save import write
from hairseg.segmenter import Segmenter
from hairseg.training.batches import open_sources
from hairseg.training.card import ALL_OF_FIGARO, WEIGHTS_LICENCE, card
from hairseg.training.checkpoint import read_checkpoint
from hairseg.training.export import Weights, cost_on_canvas, export, with_seen, write_metadata
from hairseg.training.predict import as_batch
from hairseg.training.quantize import quantize, stored_metadata
from hairseg.training.recipe import Recipe, read_recipe
from hairseg.training.run import Run

# Every so many of ``val84``'s photos, some of each style, are compared between torch and the exported file.
PARITY_STEP = 7


def publish(
    checkpoint: Path,
    folder: Path,
    data: Path,
    weights: Weights | Literal["same"] = "float16",
    size: int | None = None,
    others: bool = True,
    report: Callable[[str], None] = print,
    threshold: float | None = None,
    color_share: float | None = None,
) -> Path:
    """Export, evaluate and describe one model.

    Args:
        checkpoint: a ``best.safetensors``; for int8 or the same weights an ``.onnx`` that this function wrote before.
        folder: of the packaged models; gets ``NAME.onnx``, ``NAME.md`` and a line in ``SHA256SUMS``. An int8
            model is called ``NAME-int8``.
        data: the folder that holds figaro1k, and celeb1k, ccp, lfw and negatives where there are any.
        weights: ``float32``, ``float16`` or ``int8``, calibrated on the recipe's training photos; ``same``: those of
            the ``.onnx``, which is measured again, on the canvas that its recipe gives a photo now.
        size: another canvas size than the recipe's; to be chosen on ``val84``.
        others: measure on the other data sets too, not only on Figaro-1k.
        report: told what is being done.
        threshold: a probability from here on is hair, to be chosen on ``val84``; None for 0.5, or for
            that of the ``.onnx``.
        color_share: share of the photo's own colours near the border, to be chosen on ``val84``; None for none, or for
            that of the ``.onnx``.

    Returns:
        The ONNX file.
    """
    epochs = [] if checkpoint.suffix == ".onnx" else Run(checkpoint.parent).lines()
    described = checkpoint.with_suffix(".md")
    # Only the same weights: those of another file may have a card of the same name by chance.
    before = described.read_text("utf-8", "replace") if weights == "same" and described.is_file() else ""
    sets, negatives = measured_on(data, others), open_negatives(f"figaro1k:{data / 'figaro1k'}", None)
    with TemporaryDirectory() as place:
        report(f"exporting {checkpoint}")
        judged = next(one for one in sets if one.name == "figaro1k:val84")
        draft, recipe = _draft(
            checkpoint, Path(place), weights, size, threshold, color_share, judged.items[::PARITY_STEP]
        )
        metadata = stored_metadata(draft)
        if ALL_OF_FIGARO in metadata["data"]:
            sets.remove(judged)  # trained on: a score there would say nothing
        segmenter = Segmenter(draft, one_look=True)  # the protocol is of one scale
        reports = []
        for dataset in sets:
            report(f"evaluating on {dataset.name}, {len(dataset.items)} photos")
            test = dataset.name == "figaro1k:test"
            # A card shows the views of the test photos alone, and they are most of the time.
            where = negatives if test else None
            reports.append(evaluate_model(segmenter, dataset, negatives=where, legacy=test, views=test))
        metadata["scores"] = {one.data: one.scores() for one in reports}
        path = folder / draft.name
        _write(draft, path, metadata)
    write_checksums(folder)
    text = card(read_info(path), dataclasses.asdict(recipe), reports, metadata, epochs, before)
    write(text.encode(), path.with_suffix(".md"))
    if checkpoint.suffix != ".onnx":
        _keep(reports, checkpoint.parent)
    return path


def _draft(
    checkpoint: Path,
    place: Path,
    weights: Weights | Literal["same"],
    size: int | None,
    threshold: float | None,
    color_share: float | None,
    compared: Sequence[Item],
) -> tuple[Path, Recipe]:
    """The exported file in ``place``, named as the model will be, and the recipe that trained it."""
    if checkpoint.suffix == ".onnx":
        if weights not in ("int8", "same") or (size, threshold, color_share) != (None, None, None):
            raise UsageError(
                f"{checkpoint}: an exported model can only be made int8 or be measured again: "
                "use --weights int8 or --weights same, alone"
            )
        exported = checkpoint
        # Of what the file says, the name alone: it may have been written by anyone.
        recipe = read_recipe(Path("recipes") / Path(read_info(find_model(checkpoint)).recipe).name)
        if weights == "same":
            draft = place / checkpoint.name
            with torch.device("meta"):  # what it costs depends on no weight
                total = cost_on_canvas(build(recipe.net), recipe.fit)
            canvas = {"fit": recipe.fit.described(), "multiply_adds": total.multiply_adds}
            _write(exported, draft, {**stored_metadata(exported), **canvas})
            return draft, recipe
    elif weights == "same":
        raise UsageError(
            f"{checkpoint}: --weights same is for an exported model: use float32, float16 or int8"
        )
    else:
        net, recipe, header = read_checkpoint(checkpoint)
        if recipe.net.classes != 1:
            raise UsageError(
                f"{checkpoint} tells {recipe.net.classes} classes apart, and hair models are published: "
                "use `hairseg export` and share its file"
            )
        if size is not None:
            recipe = dataclasses.replace(recipe, fit=dataclasses.replace(recipe.fit, size=size))
        exported = place / f"{recipe.name}.onnx"
        facts = {"licence": WEIGHTS_LICENCE, **with_seen(recipe, header)}
        if threshold is not None:
            facts["threshold"] = threshold
        if color_share:
            facts["color_share"] = color_share
        photos = [as_batch(net, fit(read_item(item)[0], recipe.fit)) for item in compared]
        export(net, recipe, exported, half=weights == "float16", photos=photos, **facts)
    if weights != "int8":
        return exported, recipe
    draft = place / f"{recipe.name}-int8.onnx"
    quantize(exported, draft, open_sources(recipe.train, recipe.net.classes))
    return draft, recipe


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
