"""What a run says: data on standard output, everything for people on standard error."""

from __future__ import annotations

import base64
import json
import os
import sys
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from hairseg.errors import HairsegError, MissingExtraError
from hairseg.plan import STDOUT, Job
from hairseg.printable import printable, printable_message

if TYPE_CHECKING:
    from rich.progress import Progress

Status = Literal["done", "kept", "failed"]


@dataclass(frozen=True)
class Outcome:
    """What became of one photo.

    Attributes:
        job: the photo and the place of its result.
        status: ``kept`` is an existing result that was left alone.
        error: why it failed.
        found: ``Hair.to_dict()``, where JSON is wanted.
        notes: what a person should know about the photo.
        summary: a few words about the result.
        data: bytes for standard output.
    """

    job: Job
    status: Status
    error: HairsegError | None = None
    found: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    summary: str = ""
    data: bytes = b""


def say(message: str) -> None:
    """A message for a person, on standard error, safe to print."""
    print(f"hairseg: {printable_message(message)}", file=sys.stderr, flush=True)


class Report:
    """Prints outcomes as they come and the failures at the end.

    Args:
        total: number of photos.
        lines: one line of JSON for each photo.
        quiet: nothing for people but failures.
        verbose: a line for people for each photo.
    """

    def __init__(
        self, total: int, *, lines: bool = False, quiet: bool = False, verbose: bool = False
    ) -> None:
        self._total = total
        self._lines = lines
        self._quiet = quiet
        self._each = not quiet and (verbose or total == 1)
        self._counts = {"done": 0, "kept": 0, "failed": 0}
        self._errors: list[HairsegError] = []
        self._bar: Progress | None = None

    def __enter__(self) -> Self:
        if self._total > 1 and not self._quiet and not self._each and sys.stderr.isatty():
            self._bar = progress_bar(self._total)
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        for failure in self._errors:
            say(str(failure))
        if self._total > 1 and not self._quiet:
            self._summarise(interrupted=kind is KeyboardInterrupt)

    def add(self, outcome: Outcome) -> None:
        """Tell of one photo."""
        self._counts[outcome.status] += 1
        if outcome.error is not None:
            self._errors.append(outcome.error)
        if outcome.data:
            sys.stdout.buffer.write(outcome.data)
            sys.stdout.buffer.flush()
        if self._lines:
            print(json.dumps(line_of(outcome)), flush=True)
        for text in self._remarks(outcome):
            self._note(text)
        if self._bar is not None:
            self._bar.advance(self._bar.task_ids[0])

    def finishing(self) -> None:
        """Tell of an interrupt, and of what is waited for."""
        self._note("interrupted: the photos in hand are being finished, Ctrl-C again leaves at once")

    def exit_code(self) -> int:
        """0 all done, 1 some failed, 3 all failed for want of one extra."""
        if not self._errors:
            return 0
        missing = [error for error in self._errors if isinstance(error, MissingExtraError)]
        return missing[0].exit_code if len(missing) == self._total else 1

    def _remarks(self, outcome: Outcome) -> list[str]:
        """Lines for a person about one photo, besides its failure, which comes last."""
        if self._quiet or outcome.status == "failed":
            return []
        name = outcome.job.source.name
        remarks = [f"{name}: {note}" for note in outcome.notes]
        if self._each and outcome.status == "kept":
            remarks.append(f"{outcome.job.target} exists and is kept: use --force to replace it")
        elif self._each and outcome.job.target not in (None, STDOUT):
            remarks.append(f"{name} -> {outcome.job.target} ({outcome.summary})")
        return remarks

    def _note(self, text: str) -> None:
        """A line for a person that does not tear the progress bar."""
        if self._bar is None:
            say(text)
        else:
            self._bar.console.print(f"hairseg: {printable(text)}", markup=False, highlight=False)

    def _summarise(self, interrupted: bool) -> None:
        """The last line of a run over several photos."""
        counts = self._counts
        parts = [f"{counts['done']} done"]
        if counts["kept"]:
            parts.append(f"{counts['kept']} kept as they exist already (--force replaces them)")
        if counts["failed"]:
            parts.append(f"{counts['failed']} failed")
        left = self._total - sum(counts.values())
        if interrupted and left:
            parts.append(f"{left} left (run the same command again to go on)")
        say(", ".join(parts))


def line_of(outcome: Outcome) -> dict[str, Any]:
    """The JSON object of one photo. A name that is not UTF-8 is also given as the base64 of its bytes."""
    target = outcome.job.target
    line: dict[str, Any] = {"photo": _text(outcome.job.source.name), "status": outcome.status}
    if outcome.error is not None:
        line["error"] = str(outcome.error)
    line["output"] = None if target is None or outcome.status == "failed" else _text(os.fspath(target))
    raw = os.fsencode(outcome.job.source.name)
    if raw.decode("utf-8", "replace") != outcome.job.source.name:
        line["photo_base64"] = base64.b64encode(raw).decode("ascii")
    return line | outcome.found


def _text(name: str) -> str:
    """A file name as valid Unicode."""
    return os.fsencode(name).decode("utf-8", "replace")


def progress_bar(total: int) -> Progress:
    """A bar with count, rate and time left, on standard error; rich obeys NO_COLOR by itself."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.speed or 0:.1f} photos/s")

    columns = (BarColumn(), MofNCompleteColumn(), Rate(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    bar.add_task("", total=total)
    return bar
