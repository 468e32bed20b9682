"""What an earlier run has left to do. OUTPUT itself is the memory: its plan, its settings, and the rows there are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hairseg.cluster import plan
from hairseg.cluster.plan import Block
from hairseg.cluster.rows import decode
from hairseg.cluster.source import check_columns
from hairseg.cluster.store import Store
from hairseg.cluster.worker import MODEL, Task
from hairseg.errors import UsageError
from hairseg.overlap import overlap
from hairseg.printable import printable
from hairseg.segmenter import Segmenter

SETTINGS = "run.json"
# Files of an object store that are looked into at a time.
_READERS = 16


def settings(task: Task, model: Path) -> dict[str, Any]:
    """What all rows of an OUTPUT have in common."""
    info = Segmenter(model, 1).info
    place = task.source if "://" in task.source else str(Path(task.source).absolute())
    return {
        "input": place,
        "model": info.name,
        "sha256": info.sha256(),
        "threshold": info.threshold if task.threshold is None else task.threshold,
        "save": task.save,
        "columns": list(task.columns),
    }


def planned(photos: Store, results: Store, model: Path, size: int, own: dict[str, Any]) -> list[Block]:
    """The blocks of an earlier run, if its settings are the same, and new ones for what came since.

    Args:
        photos: INPUT.
        results: OUTPUT.
        model: the ``.onnx`` file.
        size: photos of a new block, at most.
        own: this run's settings.

    Raises:
        UsageError: OUTPUT is another run's or something else, or INPUT holds nothing of use.
    """
    plans = [entry.name for entry in results.list(plan.FOLDER)]
    if plans:
        before = _settings_before(results)
        for name, value in own.items():
            if before.get(name) != value:
                raise UsageError(
                    f"{printable(results.place)} was begun with {name} {before.get(name)!r}, not {value!r}: "
                    "choose another OUTPUT"
                )
    elif any(entry.name not in (SETTINGS, MODEL) for entry in results.list()):
        raise UsageError(f"{printable(results.place)} is not empty and holds no run: choose another OUTPUT")
    names = [f"{plan.FOLDER}/{name}" for name in plans]
    blocks = [block for name in names for block in plan.decode(results.read(name), name)]
    fresh = plan.grow(blocks, photos, size, own["save"] == "files")
    if fresh:
        if fresh[0].file:
            check_columns(fresh[0], photos, own["columns"])
        results.write(MODEL, model.read_bytes())
        results.write(SETTINGS, json.dumps(own, indent=1).encode())
        results.write(f"{plan.FOLDER}/{len(plans):05d}.parquet", plan.encode(fresh))
    return blocks + fresh


def _settings_before(results: Store) -> dict[str, Any]:
    try:
        return dict(json.loads(results.read(SETTINGS)))
    except (OSError, ValueError, TypeError, RecursionError) as error:
        place = printable(results.place)
        raise UsageError(f"{place}/{SETTINGS} is damaged ({error}): choose another OUTPUT") from error


def to_do(blocks: Sequence[Block], results: Store, retry: bool) -> list[Block]:
    """The blocks without rows, and, where that is asked for, those with failures among their rows."""
    done = {f"rows/{entry.name}" for entry in results.list("rows")}
    todo = [block for block in blocks if block.part not in done]
    if retry:

        def failed(block: Block) -> bool:
            rows = decode(results.read(block.part), ["error"], block.part)
            return any(row["error"] is not None for row in rows)

        finished = [block for block in blocks if block.part in done]
        again = zip(finished, overlap(failed, finished, _READERS), strict=True)
        todo += [block for block, one_failed in again if one_failed]
    return todo
