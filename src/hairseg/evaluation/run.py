"""``hairseg evaluate``: a data set and a model by name -> report on stdout, pictures in a folder."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from hairseg.data import DataSet, open_data
from hairseg.errors import DataError, OutputError, require
from hairseg.evaluation.pictures import write_pictures
from hairseg.evaluation.protocol import evaluate
from hairseg.evaluation.report import Report
from hairseg.evaluation.scores import Cost
from hairseg.evaluation.tables import report_text
from hairseg.save import write

if TYPE_CHECKING:
    from hairseg.segmenter import Segmenter

NO_NEGATIVES = "none"
# Names, one a line; the other fifty are in recipes/splits/negatives_train50.txt.
HELD_OUT = Path(__file__).with_name("negatives_heldout24.txt")


def run_evaluation(
    data: str,
    split: str = "test",
    model: str | None = None,
    *,
    negatives: str | None = None,
    out: Path | None = None,
    as_json: bool = False,
    legacy: bool = False,
    threads: int | None = None,
    threshold: float | None = None,
    quiet: bool = False,
) -> Report:
    """Evaluate one model on one data set by the protocol, through the path of a user's photo, with one look at each.

    Args:
        data: ``figaro1k:PATH`` or ``folder:PATH``.
        split: ``test``, ``train``, or a list of the data set's ``splits`` folder, for example ``val84``.
        model: name of a packaged model, path of an ``.onnx`` file, or None for the packaged default.
        negatives: photos without people, as ``data``; None for a folder ``negatives`` beside the data or in
            ``$HAIRSEG_DATA`` if there is one, ``"none"`` to leave them out.
        out: folder for report.json, report.md, plots and sheets; made if missing, older files are replaced.
        as_json: print one line of JSON instead of tables.
        legacy: score older protocols too.
        threads: of the model; None for all physical cores.
        threshold: None for the model's own.
        quiet: no progress on the terminal.

    Returns:
        What was printed.

    Raises:
        DataError: the data set is missing or broken.
        ModelError: the model is missing or damaged.
        MissingExtraError: ``out`` is given and matplotlib is not installed.
        OutputError: ``out`` cannot be written.
    """
    if out is not None:
        require("matplotlib", "evaluate")
        prepare(out)
    photos = open_data(data, split, classes=1)
    empty = open_negatives(data, negatives)
    from hairseg.segmenter import Segmenter

    segmenter = Segmenter(model, threads, one_look=True)  # the protocol is of one scale
    steps = len(photos.items) + (len(empty.items) if empty else 0)
    report = evaluate_model(
        segmenter,
        photos,
        negatives=empty,
        legacy=legacy,
        threshold=threshold,
        progress=progress_of(steps, quiet),
    )
    if out is not None:
        write(json.dumps(report.to_dict()).encode(), out / "report.json")
        write(report_text(report).encode(), out / "report.md")
        write_pictures(report, photos, segmenter.probability, out)
    # Last: a reader that closes the pipe early must not cost the files.
    print(json.dumps(report.to_dict()) if as_json else report_text(report), flush=True)
    return report


def evaluate_model(
    segmenter: Segmenter,
    photos: DataSet,
    *,
    negatives: DataSet | None = None,
    legacy: bool = False,
    views: bool = True,
    threshold: float | None = None,
    progress: Callable[[], None] = lambda: None,
) -> Report:
    """:func:`hairseg.evaluation.protocol.evaluate` with the model's own name, threshold and cost."""
    info = segmenter.info
    return evaluate(
        segmenter.probability,
        photos,
        model=info.name,
        threshold=info.threshold if threshold is None else threshold,
        negatives=negatives,
        legacy=legacy,
        views=views,
        cost=Cost(info.parameters or None, info.multiply_adds or None, info.bytes, segmenter.threads),
        progress=progress,
    )


def read_report(path: Path) -> Report:
    """A ``report.json``, or what ``hairseg evaluate --json`` printed.

    Raises:
        DataError: it is missing or not a report.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(
            f"{path} is no report that can be read ({error}): write one with `hairseg evaluate --out`"
        ) from error
    return Report.from_dict(values)


def prepare(out: Path) -> None:
    """Make the folder of the results: say before minutes of work what would fail after them.

    Raises:
        OutputError: it cannot be made or written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{out} cannot be made ({error.strerror}): choose another folder") from error
    if not os.access(out, os.W_OK):
        raise OutputError(f"{out} is read-only: choose another folder")


def open_negatives(data: str, negatives: str | None) -> DataSet | None:
    """Photos without people for an evaluation on ``data``; arguments as for :func:`run_evaluation`.

    Of the set that recipes train on, found by itself, only the photos that none of them saw are kept
    (``negatives_heldout24.txt``).

    Raises:
        DataError: they are named and are not there.
    """
    if negatives == NO_NEGATIVES:
        return None
    if negatives is not None:
        return open_data(negatives)
    place = Path(os.path.expandvars(data.partition(":")[2])).expanduser()
    homes = [place.parent, *(Path(home) for home in [os.environ.get("HAIRSEG_DATA")] if home)]
    found = [home / "negatives" for home in homes if (home / "negatives" / "manifest.csv").is_file()]
    return held_out(open_data(f"folder:{found[0]}")) if found else None


def held_out(negatives: DataSet) -> DataSet:
    """The photos of the set that no recipe trains on; another set stays whole."""
    unseen = set(HELD_OUT.read_text(encoding="utf-8").split())
    items = tuple(item for item in negatives.items if item.name in unseen)
    return DataSet(f"{negatives.name}:held-out", items) if items else negatives


def progress_of(total: int, quiet: bool) -> Callable[[], None]:
    """A counter on stderr, on a terminal only."""
    if quiet or not sys.stderr.isatty():
        return lambda: None
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        end = "\n" if done == total else ""
        print(f"\r{done} of {total} photos", end=end, file=sys.stderr, flush=True)

    return step
