"""One block -> one file of rows. Each actor of Ray holds one of these, with a model of its own."""

from __future__ import annotations

import io
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hairseg.cluster import attempts
from hairseg.cluster.alone import alone
from hairseg.cluster.plan import Block, mask_name
from hairseg.cluster.rows import Row, decode, encode, failed_row, found_row, mask_of
from hairseg.cluster.source import Photo, photos
from hairseg.cluster.store import open_store
from hairseg.errors import HairsegError
from hairseg.overlap import overlap
from hairseg.printable import printable
from hairseg.save import encode as encode_image
from hairseg.segmenter import Segmenter

Save = Literal["parquet", "files"]

# What Ray carries back for a block.
COLUMNS = ("block", "photos", "failed", "problem", "seconds")
# Of a run, in OUTPUT.
MODEL = "model.onnx"
# After so many workers died of a block, its photos get a process each; after so many, it is left.
PATIENCE, ATTEMPTS = 2, 6


@dataclass(frozen=True)
class Task:
    """What every worker is told; small, since it travels to each. The model lies in OUTPUT, for all the same.

    Attributes:
        source, target: INPUT and OUTPUT.
        threads: photos done at a time, a core each.
        threshold: a probability from here on is hair; None for the model's own.
        save: masks as run lengths in the rows, or as files.
        columns: with the bytes and the names of photos in a Parquet file; empty for the usual names.
    """

    source: str
    target: str
    threads: int = 1
    threshold: float | None = None
    save: Save = "parquet"
    columns: tuple[str, str] = ("", "")


class Worker:
    """Does blocks.

    Args:
        task: what all workers have in common.

    Raises:
        ModelError: the model is not one of ours.
    """

    def __init__(self, task: Task) -> None:
        self._task = task
        self._source, self._target = open_store(task.source), open_store(task.target)
        self._model = self._target.read(MODEL)
        with self._model_file() as path:
            self._segmenter = Segmenter(path, 1)

    def __call__(self, batch: dict[str, NDArray[Any]]) -> dict[str, list[Any]]:
        """Ray's form of :meth:`do`: a column of blocks in, columns of counts out.

        What keeps a block from being done is told in the column ``problem``; ``seconds`` are the processor's.
        """
        done = []
        for text in batch["block"]:
            block, begun = block_of(str(text)), time.process_time()
            try:
                counts = (*self.do(block), "")
            except HairsegError as error:
                counts = (0, 0, str(error))
            done.append((block.number, *counts, time.process_time() - begun))
        return dict(zip(COLUMNS, map(list, zip(*done, strict=True)), strict=True))

    def do(self, block: Block) -> tuple[int, int]:
        """All photos of a block, then their rows at once; photos that have a good row already are left alone.

        Returns:
            Number of photos that were done, and how many of them failed.

        Raises:
            UsageError: a Parquet file cannot be read.
            OutputError: OUTPUT takes no more.
            HairsegError: its worker died again and again.
        """
        begun = attempts.begin(self._target, block)
        if begun > ATTEMPTS:
            attempts.end(self._target, block)
            raise HairsegError(
                f"block {block.number} is left, its worker died {ATTEMPTS} times: give it more memory"
            )
        find = self._find if begun <= PATIENCE else self._find_alone
        kept = self._good_rows(block)

        def one(photo: Photo) -> tuple[int, Row]:
            index, name, data = photo
            row = failed_row(name, data) if isinstance(data, HairsegError) else find(name, data)
            return index, self._saved(row, mask_name(block, index, name))

        found = photos(block, self._source, self._task.columns, skip=kept.keys())
        fresh = dict(overlap(one, found, self._task.threads))
        rows = {**kept, **fresh}
        self._target.write(block.part, encode([rows[index] for index in sorted(rows)]))
        attempts.end(self._target, block)
        return len(fresh), sum("error" in row for row in fresh.values())

    def _good_rows(self, block: Block) -> dict[int, Row]:
        """Rows of an earlier run that are not failures, by the photo's index in the block."""
        try:
            rows = decode(self._target.read(block.part), name=block.part)
        except OSError:
            return {}
        return {index: row for index, row in enumerate(rows) if row["error"] is None}

    def _find(self, name: str, data: bytes) -> Row:
        """The row of a photo."""
        file = io.BytesIO(data)
        file.name = name
        try:
            hair = self._segmenter(file, threshold=self._task.threshold)
            return found_row(name, hair.to_dict(rle=True))
        except HairsegError as error:
            return failed_row(name, error)
        except MemoryError:
            return failed_row(name, f"{printable(name)} does not fit into memory: reduce it first")

    def _find_alone(self, name: str, data: bytes) -> Row:
        """The row of a photo that may kill its process."""
        try:
            with self._model_file() as path:
                return found_row(name, alone(data, printable(name), path, self._task.threshold))
        except HairsegError as error:
            return failed_row(name, error)

    @contextmanager
    def _model_file(self) -> Iterator[Path]:
        """The model as a file of this machine."""
        with tempfile.TemporaryDirectory(prefix="hairseg-") as folder:
            path = Path(folder, MODEL)
            path.write_bytes(self._model)
            yield path

    def _saved(self, row: Row, target: str) -> Row:
        """The row with its mask as a file instead, where files are asked for."""
        if self._task.save == "parquet" or "error" in row:
            return row
        levels = mask_of(row).view(np.uint8) * np.uint8(255)
        self._target.write(target, encode_image(Image.fromarray(levels)))
        return {**row, "rle": None, "output": target}


def text_of(block: Block) -> str:
    """A block as text, for a column of Ray's; ASCII, also where a name is not."""
    return json.dumps(vars(block))


def block_of(text: str) -> Block:
    """The inverse of :func:`text_of`."""
    values = json.loads(text)
    return Block(**{**values, "names": tuple(values["names"])})
