"""Photos and ``-o`` -> where each result goes, settled before any work starts."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hairseg.errors import UsageError
from hairseg.inputs import Source, is_folder, one_place
from hairseg.kinds import Kind
from hairseg.places import why_impossible
from hairseg.printable import printable
from hairseg.save import check_suffix, is_opaque, result_name
from hairseg.streams import is_missing

STDOUT = Path("-")


@dataclass(frozen=True)
class Job:
    """One photo and the place of its result: a file, :data:`STDOUT`, or None for no file at all."""

    source: Source
    target: Path | None


def plan(
    sources: Sequence[Source],
    kind: Kind,
    suffix: str = ".png",
    output: str | None = None,
    *,
    lines: bool = False,
) -> list[Job]:
    """Where each result goes.

    Args:
        sources: the photos.
        kind: what the results are; names them.
        suffix: of results that are named by us.
        output: None for beside each photo, a file, a folder (ends in ``/`` or exists), or ``-`` for standard
            output.
        lines: standard output is taken by JSON lines.

    Raises:
        UsageError: two photos would share a result, a result would replace a photo, several photos would go
            to one file, a name or a format does not fit, or bytes would go to a terminal.
    """
    if output is None:
        jobs = [Job(source, _beside(source, kind, suffix, lines)) for source in sources]
    elif not output:
        raise UsageError("-o is empty: name a file, a folder/ or -")
    elif output == "-":
        jobs = [Job(source, STDOUT) for source in sources]
    elif output.endswith(("/", os.sep)) or is_folder(output):
        jobs = [
            Job(source, Path(output, source.below.with_name(result_name(source.below.name, kind, suffix))))
            for source in sources
        ]
    else:
        jobs = [Job(source, Path(output)) for source in sources]
        if len(jobs) > 1:
            raise UsageError(
                f"-o {printable(output)} is one file for {len(jobs)} photos: end it with / for a folder"
            )
        if suffix != ".npz":
            check_suffix(output, transparent=kind == "cutout")
        elif Path(output).suffix.lower() != ".npz":
            raise UsageError(f"-o {printable(output)} does not fit --npz: use a name that ends in .npz")
    if kind == "cutout" and suffix != ".npz" and is_opaque(suffix):
        raise UsageError(f"--format {suffix[1:]} cannot hold transparency: use png, webp or tif")
    _check_stdout(jobs, lines)
    # A folder that cannot be looked into has no result, and stands in the way of none.
    jobs = [job if job.source.problem is None else replace(job, target=None) for job in jobs]
    _check_clashes(jobs)
    return jobs


def _beside(source: Source, kind: Kind, suffix: str, lines: bool) -> Path | None:
    """The result's place without ``-o``; what came through a pipe leaves through one."""
    if source.path is not None:
        return source.path.with_name(result_name(source.path.name, kind, suffix))
    return None if lines else STDOUT


def _check_stdout(jobs: Sequence[Job], lines: bool) -> None:
    """Refuse standard output where it cannot take one result and nothing else."""
    if not any(job.target == STDOUT for job in jobs):
        return
    if len(jobs) > 1:
        raise UsageError(f"standard output takes one result, not {len(jobs)}: use -o FOLDER/")
    if lines:
        raise UsageError("--json writes to standard output too: give the result a file with -o FILE")
    if is_missing(sys.stdout):
        raise UsageError("standard output is closed: use -o FILE")
    if sys.stdout.isatty():
        raise UsageError("standard output is a terminal: use -o FILE, or send it on with | or >")


def _check_clashes(jobs: Sequence[Job]) -> None:
    """Refuse results that would replace each other or a photo of the run, or that can have no file."""
    owners: dict[str, Source] = {}
    photos = {one_place(job.source.path): job.source for job in jobs if job.source.path is not None}
    for job in jobs:
        if job.target is None or job.target == STDOUT:
            continue
        key = one_place(job.target)
        target = printable(job.target)
        if impossible := why_impossible(job.target, sys.platform):
            raise UsageError(f"{target} cannot be written, {impossible}: choose another name with -o")
        if key in photos:
            raise UsageError(f"the result would replace the photo {target}: choose another name with -o")
        if key in owners:
            first, second = printable(owners[key].name), printable(job.source.name)
            raise UsageError(
                f"{first} and {second} would both become {target}: rename one, or do them apart with -o"
            )
        owners[key] = job.source
