"""One block -> the bytes of its photos, read ahead of the work on them."""

from __future__ import annotations

import time
from collections.abc import Container, Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from hairseg.cluster.plan import Block, unreadable
from hairseg.cluster.store import Store
from hairseg.errors import HairsegError, PhotoError, UsageError
from hairseg.overlap import overlap
from hairseg.photo import why_unreadable
from hairseg.printable import printable

if TYPE_CHECKING:
    import pyarrow

# Names of columns, the likelier first.
BYTES = ("bytes", "image", "photo", "jpg", "jpeg", "png", "content")
NAMES = ("name", "path", "file_name", "filename", "key", "__key__", "url", "id")
# Reads of an object store wait rather than work.
_READERS = 8
# Seconds before a photo is asked for again, where a store failed for a moment.
_PAUSES = (0.5, 2.0)
_FINAL = (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError, ValueError)
# Rows of a Parquet file that are in memory at a time.
_ROWS = 16

# A photo: its index in the block, its name, and its bytes or why there are none.
Photo = tuple[int, str, bytes | HairsegError]


def photos(
    block: Block, source: Store, columns: tuple[str, str] = ("", ""), skip: Container[int] = ()
) -> Iterator[Photo]:
    """The photos of a block, in its order; what cannot be read is an error in the place of its bytes.

    Args:
        block: of the plan.
        source: INPUT.
        columns: with the bytes and the names of photos in a Parquet file; empty for the usual names.
        skip: indices in the block that are not wanted.

    Raises:
        UsageError: a Parquet file has no such column, or cannot be read.
    """
    if block.file:
        return _rows(block, source, columns, skip)
    wanted = [(index, name) for index, name in enumerate(block.names) if index not in skip]
    return overlap(lambda item: (*item, _read(source, item[1])), wanted, _READERS)


def check_columns(block: Block, source: Store, columns: tuple[str, str]) -> None:
    """Look whether the Parquet file of a block has the columns.

    Raises:
        UsageError: it does not, or cannot be read.
    """
    next(_rows(block, source, columns, skip=()), None)


def _read(source: Store, name: str) -> bytes | HairsegError:
    """A photo's bytes; a store that fails for a moment is asked three times."""
    for pause in (*_PAUSES, None):
        try:
            return source.read(name)
        except MemoryError:
            return PhotoError(f"{printable(name)} does not fit into memory: reduce it first")
        except (OSError, ValueError) as error:
            if pause is None or isinstance(error, _FINAL):
                return PhotoError(f"{printable(name)} {why_unreadable(error)}")
            time.sleep(pause)
    raise AssertionError


def _rows(block: Block, source: Store, columns: tuple[str, str], skip: Container[int]) -> Iterator[Photo]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    file_name = PurePosixPath(source.place).name if block.file == "." else block.file
    try:
        with source.open(block.file) as file:
            table = pq.ParquetFile(file)
            data, title = _columns(table.schema_arrow, columns, file_name)
            groups, row = _groups(table, block)
            wanted = [data, title] if title else [data]
            for batch in table.iter_batches(_ROWS, row_groups=groups, columns=wanted):
                for values in batch.to_pylist():
                    if block.start <= row < block.stop and row - block.start not in skip:
                        yield (
                            row - block.start,
                            *_photo(values[data], values.get(title), f"{file_name}#{row}"),
                        )
                    row += 1
    except (OSError, pa.ArrowException) as error:
        raise unreadable(file_name, error) from error


def _photo(value: Any, title: Any, otherwise: str) -> tuple[str, bytes | HairsegError]:
    """A cell: bytes, or a pair of bytes and path as Hugging Face's data sets have it."""
    if isinstance(value, dict):
        value, title = value.get("bytes"), title or value.get("path")
    name = str(title) if title not in (None, "") else otherwise
    if isinstance(value, bytes):
        return name, value
    return name, PhotoError(f"{printable(name)} has no bytes in its row: leave it out, or fill the column")


def _groups(table: Any, block: Block) -> tuple[list[int], int]:
    """The row groups that hold a block, and the number of their first row."""
    groups: list[int] = []
    first = top = 0
    for index in range(table.metadata.num_row_groups):
        bottom = top + table.metadata.row_group(index).num_rows
        if top < block.stop and bottom > block.start:
            if not groups:
                first = top
            groups.append(index)
        top = bottom
    return groups, first


def _columns(schema: pyarrow.Schema, columns: tuple[str, str], file: str) -> tuple[str, str]:
    """The columns of bytes and of names, the latter maybe empty."""
    for column in columns:
        if column and column not in schema.names:
            known = ", ".join(map(printable, schema.names))
            raise UsageError(f"{printable(file)} has no column {column!r}: it has {known}")
    data = columns[0] or next((name for name in BYTES if name in schema.names), "")
    if not data:
        known = ", ".join(map(printable, schema.names))
        raise UsageError(f"{printable(file)} has no column of photos: name one with --column; it has {known}")
    title = columns[1] or next((name for name in NAMES if name in schema.names and name != data), "")
    return data, title
