"""``hairseg labels``: scene parsing of photos by a model of many classes."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from PIL import Image

from hairseg.cli import whole
from hairseg.cores import physical_cores
from hairseg.errors import MissingExtraError, OutputError, PhotoError, UsageError
from hairseg.inputs import gather
from hairseg.legend import legend
from hairseg.network import thread_count
from hairseg.overlap import overlap
from hairseg.photo import read_photo
from hairseg.plan import STDOUT, Job, plan
from hairseg.printable import printable
from hairseg.report import Outcome, Report
from hairseg.run import exists, keep
from hairseg.save import save_image, write
from hairseg.scene import SceneSegmenter

LEGEND_WIDTH = 480

Flag = Annotated[bool, Parameter(negative="", show_default=False)]


def labels(
    *photos: str,
    model: Annotated[str, Parameter(alias="-m")],
    overlay: Flag = False,
    legend_file: Annotated[Path | None, Parameter(name="--legend")] = None,
    output: Annotated[str | None, Parameter(alias="-o", allow_leading_hyphen=True)] = None,
    recursive: Annotated[bool, Parameter(alias="-r", negative="", show_default=False)] = False,
    force: Annotated[bool, Parameter(alias="-f", negative="", show_default=False)] = False,
    threads: Annotated[int | None, Parameter(converter=whole)] = None,
    as_json: Annotated[bool, Parameter(name="--json", negative="", show_default=False)] = False,
    quiet: Annotated[bool, Parameter(alias="-q", negative="", show_default=False)] = False,
) -> int:
    """Write the class of every pixel: street.jpg -> street.labels.png, a palette picture of class indices.

    Parameters
    ----------
    photos
        Files, folders, patterns, or - for standard input.
    model
        An .onnx file of many classes, from `hairseg export`.
    overlay
        Write the photo in the classes' colours with a legend below instead.
    legend_file
        Also write the names and colours of all classes, as this picture.
    output
        A .png file; a folder, ending in /, that mirrors the tree; or - for standard output. Default: beside the
        photo.
    recursive
        Also look into the folders of folders.
    force
        Replace results that exist already, instead of keeping them.
    threads
        Default: all physical cores.
    as_json
        Print one line of JSON per photo with the share of each class, failures included.
    quiet
        Say nothing but failures.
    """
    if not photos:
        raise UsageError("no photo is named: hairseg labels PHOTO... --model FILE.onnx")
    thread_count(threads)
    sources, _ = gather(photos, recursive)
    jobs = plan(sources, "labels", ".png", output, lines=as_json)
    for job in jobs:
        if job.target not in (None, STDOUT) and job.target.suffix.lower() != ".png":
            raise UsageError(f"-o {printable(job.target)}: class indices are written as .png")
    workers = max(1, min(threads or physical_cores(), len(jobs)))
    segmenter = SceneSegmenter(model, threads if workers == 1 else 1)
    if legend_file is not None:
        save_image(legend(segmenter.classes, LEGEND_WIDTH), legend_file)
    do: Callable[[Job], Outcome] = partial(_do, segmenter=segmenter, overlay=overlay, force=force)
    with Report(len(jobs), lines=as_json, quiet=quiet) as report:
        for outcome in overlap(do, jobs, workers, report.finishing):
            report.add(outcome)
    return report.exit_code()


def _do(job: Job, segmenter: SceneSegmenter, overlay: bool, force: bool) -> Outcome:
    """One photo, from file to file."""
    if not force and exists(job):
        return keep(job)
    started = time.perf_counter()
    try:
        scene = segmenter(read_photo(job.source.place()))
        data = _png(scene.overlay() if overlay else scene.image()) if job.target is not None else b""
        if job.target not in (None, STDOUT):
            write(data, job.target)
    except (PhotoError, OutputError, MissingExtraError) as error:
        return Outcome(job, "failed", error)
    shares = scene.shares
    largest = ", ".join(f"{share:.1%} {name}" for name, share in list(shares.items())[:3])
    return Outcome(
        job,
        "done",
        found={
            "model": segmenter.info.name,
            "classes": {name: round(value, 6) for name, value in shares.items()},
        },
        notes=scene.photo.notes,
        summary=f"{largest}, {time.perf_counter() - started:.2f} s",
        data=data if job.target == STDOUT else b"",
    )


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()
