"""All blocks, over all workers of a Ray cluster; what is there already is not done again."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from types import ModuleType

from hairseg.cluster.plan import Block
from hairseg.cluster.resume import planned, settings, to_do
from hairseg.cluster.store import open_store
from hairseg.cluster.worker import Save, Task, Worker, text_of
from hairseg.errors import ModelError, UsageError, require
from hairseg.models import find_model
from hairseg.printable import printable
from hairseg.report import progress_bar, say

# Ray carries the names of photos, never their pixels: the share of the memory that it asks for is not needed.
_OBJECTS = 1 << 27


@dataclass(frozen=True)
class Options:
    """How to do it.

    Attributes:
        save: masks as run lengths in the rows, or as files that mirror INPUT.
        model: name of a packaged model, path of an ``.onnx`` file, or None for the default.
        threshold: a probability from here on is hair; None for the model's own.
        workers: processes over the whole cluster; None for as many as there are cores for.
        threads: of each worker, a core each.
        block: photos of a block, at most.
        columns: with the bytes and the names of photos in a Parquet file; empty for the usual names.
        retry: also do photos again that failed before.
        address: of a Ray cluster; None for ``$RAY_ADDRESS``, or this machine alone.
        quiet: no progress, no summary.
    """

    save: Save = "parquet"
    model: str | None = None
    threshold: float | None = None
    workers: int | None = None
    threads: int = 1
    block: int = 256
    columns: tuple[str, str] = ("", "")
    retry: bool = False
    address: str | None = None
    quiet: bool = False


@dataclass(frozen=True)
class Summary:
    """What a run did.

    Attributes:
        photos: done by this run, failures too.
        failed: of these.
        kept: done by runs before.
        left: not done, since their blocks could not be finished.
        seconds: on the clock.
        cpu_seconds: of the workers' cores.
        workers, threads: that worked.
        problems: why blocks were left.
    """

    photos: int = 0
    failed: int = 0
    kept: int = 0
    left: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    workers: int = 0
    threads: int = 0
    problems: tuple[str, ...] = ()


def run(source: str, target: str, options: Options) -> Summary:
    """Find the hair in all photos of ``source``, and write what was found to ``target``.

    Args:
        source: INPUT: a folder or URL of photos, or of Parquet files that hold them.
        target: OUTPUT: a folder or URL; one that holds a part of the same run is gone on with.
        options: how.

    Raises:
        UsageError: something is wrong with the arguments; nothing was done.
        ModelError: the model or Ray is missing or does not work.
        OutputError: OUTPUT cannot be written.
    """
    _check(options)
    ray = require("ray", "ray")
    require("ray.data", "ray")
    photos, results = open_store(source), open_store(target)
    if photos.holds(results) or results.holds(photos):
        raise UsageError(
            f"{printable(target)} and {printable(source)} lie in each other: choose another OUTPUT"
        )
    model = find_model(options.model)
    task = Task(source, target, options.threads, options.threshold, options.save, options.columns)
    blocks = planned(photos, results, model, options.block, settings(task, model))
    todo = to_do(blocks, results, options.retry)
    summary = Summary(kept=sum(map(len, blocks)) - sum(map(len, todo)), threads=options.threads)
    if not todo:
        return summary
    with _cluster(ray, options.address):
        cores = int(ray.cluster_resources().get("CPU", 1))
        workers = min(options.workers or max(1, cores // options.threads), len(todo))
        return _work(todo, task, replace(summary, workers=workers), options)


def _check(options: Options) -> None:
    """Refuse wrong numbers before any work starts."""
    for name, value in (("workers", options.workers), ("threads", options.threads), ("block", options.block)):
        if value is not None and value < 1:
            raise UsageError(f"--{name} {value} is out of range: use 1 or more")
    if options.threshold is not None and not 0 <= options.threshold <= 1:
        raise UsageError(f"--threshold {options.threshold} is out of range: use 0 to 1")


@contextlib.contextmanager
def _cluster(ray: ModuleType, address: str | None) -> Iterator[None]:
    """A connection to Ray, started here where there is none yet."""
    if ray.is_initialized():
        yield
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent anywhere
    here = address is None and not os.environ.get("RAY_ADDRESS")
    own = {"include_dashboard": False, "object_store_memory": _OBJECTS} if here else {"address": address}
    try:
        ray.init(log_to_driver=False, logging_level=logging.ERROR, **own)
    except Exception as error:  # Ray has no common base for what can go wrong here
        where = "here" if here else f"at {printable(address or os.environ['RAY_ADDRESS'])}"
        reason = printable((str(error) or type(error).__name__).splitlines()[0])
        raise ModelError(f"Ray does not start {where} ({reason}): try `ray status`") from error
    try:
        yield
    finally:
        ray.shutdown()


def _work(todo: Sequence[Block], task: Task, summary: Summary, options: Options) -> Summary:
    """Do the blocks; rows come back as they are done."""
    from ray import data

    context = data.DataContext.get_current()
    context.enable_progress_bars = False
    context.max_errored_blocks = -1  # one block's end is not that of the others
    # One row a Ray block, so that no two of ours wait for one worker.
    items = data.from_items([{"block": text_of(block)} for block in todo], override_num_blocks=len(todo))
    found = items.map_batches(
        Worker,
        fn_constructor_args=(task,),
        batch_size=1,
        compute=data.ActorPoolStrategy(size=summary.workers, max_tasks_in_flight_per_actor=1),
        num_cpus=task.threads,  # a worker that dies is started again, and what it had in hand is done again
    )
    for handler in logging.getLogger("ray.data").handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setLevel(logging.CRITICAL)  # what goes wrong is told by us
    begun = time.monotonic()
    bar = progress_bar(sum(map(len, todo))) if sys.stderr.isatty() and not options.quiet else None
    left = {block.number: block for block in todo}
    problems: dict[str, None] = {}
    # Ray prints what happens to workers to standard output, which is for data.
    with contextlib.redirect_stdout(sys.stderr), bar or contextlib.nullcontext():
        for row in found.iter_rows():
            if row["problem"]:
                problems[row["problem"]] = None
                continue
            block = left.pop(row["block"])
            summary = replace(
                summary,
                photos=summary.photos + row["photos"],
                failed=summary.failed + row["failed"],
                cpu_seconds=summary.cpu_seconds + row["seconds"],
            )
            if bar is not None:
                bar.advance(bar.task_ids[0], len(block))
    if left and not problems:
        problems["Ray lost blocks without a word: look into its logs, in /tmp/ray/session_latest/logs"] = None
    unfinished = sum(map(len, left.values()))
    return replace(
        summary,
        kept=summary.kept + sum(map(len, todo)) - summary.photos - unfinished,
        left=unfinished,
        seconds=time.monotonic() - begun,
        problems=tuple(problems),
    )


def tell(summary: Summary, target: str, *, lines: bool, quiet: bool) -> int:
    """Say what a run did; returns the exit code."""
    for problem in summary.problems:
        say(problem)
    if not quiet:
        parts = [f"{summary.photos - summary.failed} done"]
        if summary.kept:
            parts.append(f"{summary.kept} done before")
        if summary.failed:
            parts.append(f"{summary.failed} failed (the column error of {target}/rows says why)")
        if summary.left:
            parts.append(f"{summary.left} left (run the same command again)")
        say(", ".join(parts))
    if lines:
        print(json.dumps(asdict(summary)), flush=True)
    return 1 if summary.failed or summary.left else 0
