"""A run over photos: read, find, paint, save, with all cores and flat memory."""

from __future__ import annotations

import io
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from hairseg.cores import MOST_THREADS, physical_cores
from hairseg.errors import HairsegError, MissingExtraError, OutputError, PhotoError, UsageError
from hairseg.hair import Hair
from hairseg.inputs import gather
from hairseg.kinds import Kind
from hairseg.loading import loading
from hairseg.models import find_model
from hairseg.overlap import overlap
from hairseg.photo import read_photo
from hairseg.plan import STDOUT, Job, plan
from hairseg.printable import printable
from hairseg.report import Outcome, Report, say
from hairseg.save import encode, write

if TYPE_CHECKING:
    from hairseg.cli import Options
    from hairseg.segmenter import Segmenter

Picture = Callable[[Hair], Image.Image]


@dataclass(frozen=True)
class Work:
    """What a verb makes of a photo.

    Attributes:
        kind: names the results.
        picture: the result of a photo's hair.
        arrays: write the arrays as ``.npz`` instead of a picture.
    """

    kind: Kind
    picture: Picture
    arrays: bool = False


def run(photos: Iterable[str], work: Work, options: Options) -> int:
    """Do all photos; returns the exit code.

    Raises:
        UsageError: something is wrong with the arguments; nothing was done.
        ModelError: the model is missing or damaged.
    """
    _check(options)
    sources, results = gather(photos, options.recursive)
    suffix = ".npz" if work.arrays else f".{options.format}"
    jobs = plan(sources, work.kind, suffix, options.output, lines=options.json)
    if results and not options.quiet:
        names = printable(results[0].name) if len(results) == 1 else f"{len(results)} files"
        say(f"{names} left out, since the name says that it is a result of hairseg")
    todo = [job for job in jobs if options.force or not exists(job)]
    workers = min(options.threads or physical_cores(), len(todo))
    do: Callable[[Job], Outcome] = keep
    if todo:
        segmenter = loading(
            options.model,
            options.threads,
            tta=options.tta,
            tiles=options.tiles,
            one_look=options.one_look,
        )
        do = partial(_do, work=work, options=options, segmenter=segmenter, alone=workers == 1)
    elif options.model is not None:
        find_model(options.model)  # a name that is wrong is told even where all results are there
    with Report(len(jobs), lines=options.json, quiet=options.quiet, verbose=options.verbose) as report:
        for outcome in overlap(do, jobs, max(workers, 1), report.finishing):
            report.add(outcome)
    if todo:
        segmenter()  # where no photo came as far as the model, it may still be the model that is missing
    return report.exit_code()


def _check(options: Options) -> None:
    """Refuse wrong numbers before any work starts."""
    if options.threads is not None and not 1 <= options.threads <= MOST_THREADS:
        raise UsageError(f"--threads {options.threads} is out of range: use 1 to {MOST_THREADS}")
    for name, value in (("threshold", options.threshold), ("min-area", options.min_area)):
        if value is not None and not 0 <= value <= 1:
            raise UsageError(f"--{name} {value} is out of range: use 0 to 1")
    if options.rle and not options.json:
        raise UsageError("--rle is a part of the JSON lines: use --json too")
    if options.quiet and options.verbose:
        raise UsageError("--quiet and --verbose exclude each other: use one")


def exists(job: Job) -> bool:
    """Whether the result is there already."""
    if job.target is None or job.target == STDOUT:
        return False
    try:
        return job.target.exists()
    except OSError:  # an impossible name: writing will say so
        return False


def keep(job: Job) -> Outcome:
    """Leave an existing result alone."""
    return Outcome(job, "kept")


def _do(job: Job, work: Work, options: Options, segmenter: Callable[[], Segmenter], alone: bool) -> Outcome:
    """One photo, from file to file; ``alone`` with all cores, otherwise beside others."""
    if not options.force and exists(job):
        return keep(job)
    started = time.perf_counter()
    try:
        photo = read_photo(job.source.place())
        find = segmenter() if alone else segmenter().beside_others()
        hair = find(photo, threshold=options.threshold)
        if options.min_area or options.fill_holes:
            hair = hair.cleaned(options.min_area, options.fill_holes)
        data = _encoded(hair, work, job, f".{options.format}")
        if job.target not in (None, STDOUT):
            write(data, job.target)
    except (PhotoError, OutputError, MissingExtraError) as error:
        return Outcome(job, "failed", error)
    except MemoryError:
        too_large = PhotoError(f"{printable(job.source.name)} does not fit into memory: reduce it first")
        return Outcome(job, "failed", too_large)
    except HairsegError:
        raise  # of the model or of what was asked for: all photos would meet it
    except Exception as error:  # a bug, and the other photos can do nothing for it
        if options.verbose:
            traceback.print_exc()
        remedy = "report it, please" if options.verbose else "report it, please, with what --verbose says"
        bug = PhotoError(
            f"{printable(job.source.name)}: this is a bug of hairseg ({type(error).__name__}: {error}): {remedy}"
        )
        return Outcome(job, "failed", bug)
    return Outcome(
        job,
        "done",
        found=hair.to_dict(rle=options.rle) if options.json else {},
        notes=hair.photo.notes,
        summary=f"{hair.fraction:.1%} hair, {time.perf_counter() - started:.2f} s",
        data=data if job.target == STDOUT else b"",
    )


def _encoded(hair: Hair, work: Work, job: Job, suffix: str) -> bytes:
    """The bytes of a photo's result."""
    if job.target is None:
        return b""
    if work.arrays:
        return _archive(hair)
    if job.target != STDOUT:
        suffix = job.target.suffix.lower()
    try:
        return encode(work.picture(hair), suffix, tagged=hair.photo.icc_profile is not None)
    except (OSError, ValueError) as error:
        raise OutputError(f"{printable(job.target)} cannot be encoded ({error}): use .png") from error


def _archive(hair: Hair) -> bytes:
    """``probability`` and ``mask`` as a compressed .npz."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, probability=hair.probability, mask=hair.mask)
    return buffer.getvalue()
