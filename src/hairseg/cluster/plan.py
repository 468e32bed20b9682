"""INPUT -> blocks of photos, written down before any work starts, so that a restart means the same by "block 17".

A plan only grows: the same command later adds what INPUT holds then and did not hold before.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from hairseg.cluster.store import Entry, Store
from hairseg.errors import UsageError
from hairseg.inputs import PHOTO_SUFFIXES
from hairseg.printable import printable
from hairseg.save import is_result, result_name

FOLDER = "plan"
PARQUET = (".parquet", ".pq")


@dataclass(frozen=True)
class Block:
    """Photos that one worker does at a time.

    Attributes:
        number: counts all blocks of a run.
        names: of photos that are files of their own, below INPUT.
        file: a Parquet file below INPUT, ``.`` where INPUT is that file; empty otherwise.
        start, stop: its rows.
    """

    number: int
    names: tuple[str, ...] = ()
    file: str = ""
    start: int = 0
    stop: int = 0

    def __len__(self) -> int:
        return len(self.names) or self.stop - self.start

    @property
    def part(self) -> str:
        """The file of its rows, below OUTPUT."""
        return f"rows/{self.number:06d}.parquet"


def grow(blocks: Sequence[Block], source: Store, size: int, files: bool) -> list[Block]:
    """The blocks that INPUT needs beyond those that are planned.

    Args:
        blocks: planned before.
        source: INPUT: a folder of photos, a folder of Parquet files, or one Parquet file.
        size: photos of a block, at most.
        files: masks are written as files, so their names must differ.

    Raises:
        UsageError: there are no photos, both kinds, or two photos would share a mask's file.
    """
    single = source.is_file()
    entries = [Entry(".", 0)] if single else source.list()
    tables = [entry.name for entry in entries if single or entry.name.lower().endswith(PARQUET)]
    photos = [entry.name for entry in entries if not single and _is_photo(entry.name)]
    shown = printable(source.place)
    if single and not source.place.lower().endswith(PARQUET):
        raise UsageError(f"{shown} is a file: name a folder of photos, or a .parquet file that holds them")
    if tables and photos:
        raise UsageError(f"{shown} holds photos and Parquet files: name a folder with one of both")
    if not tables and not photos and not blocks:
        raise UsageError(f"{shown} holds no photos and no Parquet files: check its name")
    known = {block.file for block in blocks} | {name for block in blocks for name in block.names}
    first = len(blocks)
    if (tables and any(block.names for block in blocks)) or (photos and any(block.file for block in blocks)):
        raise UsageError(f"{shown} held the other of photos and Parquet files before: choose another OUTPUT")
    if files:
        _check_masks([name for block in blocks for name in block.names], photos)
    if tables:
        fresh: Iterator[Block] = _cut_tables(source, [name for name in tables if name not in known], size)
    else:
        fresh = _cut_names([name for name in photos if name not in known], size)
    return [_numbered(block, first + index) for index, block in enumerate(fresh)]


def mask_name(block: Block, index: int, name: str) -> str:
    """The file of a photo's mask, below OUTPUT.

    The tree of INPUT is mirrored; names in a Parquet file, which may repeat or point anywhere, only end the name.

    Args:
        block: that holds the photo.
        index: of the photo in the block.
        name: of the photo.
    """
    path = PurePosixPath(name)
    if not block.file:
        return f"masks/{path.with_name(result_name(path.name, 'hair'))}"
    last = printable(path.name).replace("\\", "_")
    row = result_name(f"{block.start + index:08d}-{last}", "hair")
    return str(PurePosixPath("masks", block.file, row))


def encode(blocks: Iterable[Block]) -> bytes:
    """The bytes of a Parquet file; names as bytes, since a file's name need not be text."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = [("number", pa.int32()), ("file", pa.string()), ("start", pa.int64()), ("stop", pa.int64())]
    shape = pa.schema([*kinds, ("names", pa.list_(pa.binary()))])
    rows = [{**vars(block), "names": [os.fsencode(name) for name in block.names]} for block in blocks]
    buffer = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows, shape), buffer)
    data: bytes = buffer.getvalue().to_pybytes()
    return data


def decode(data: bytes, name: str = "the plan") -> list[Block]:
    """The inverse of :func:`encode`; ``name`` is what a message calls the file.

    Raises:
        UsageError: it is damaged, or a block of it lies outside of INPUT.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows: list[dict[str, Any]] = pq.read_table(pa.BufferReader(data)).to_pylist()
        blocks = [Block(**{**row, "names": tuple(map(os.fsdecode, row["names"]))}) for row in rows]
        for block in blocks:
            inside = all(map(_is_below, (block.file, *block.names)))
            if not inside or block.number < 0 or not 0 <= block.start <= block.stop:
                raise ValueError(f"its block {block.number} is none of INPUT's")
    except (OSError, ValueError, TypeError, KeyError, pa.ArrowException) as error:
        reason = str(error).partition("\n")[0]
        raise UsageError(f"{name} is damaged ({reason}): choose another OUTPUT") from error
    return blocks


def _is_below(name: str) -> bool:
    """Whether a path stays in its folder."""
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts


def unreadable(file: str, error: Exception) -> UsageError:
    """What to say of a Parquet file that is none."""
    reason = printable((str(error) or type(error).__name__).splitlines()[0])
    return UsageError(f"{printable(file)} is not a readable Parquet file ({reason}): leave it out")


def _is_photo(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix.lower() in PHOTO_SUFFIXES and not is_result(path.name)


def _check_masks(old: Sequence[str], photos: Sequence[str]) -> None:
    """Refuse two photos whose masks would have one name, ``a.jpg`` and ``a.png``."""
    names = sorted({*old, *photos})
    counts = Counter(mask_name(Block(0), 0, name) for name in names)
    shared = next((target for target, count in counts.items() if count > 1), None)
    if shared is not None:
        first, second, *_ = (printable(name) for name in names if mask_name(Block(0), 0, name) == shared)
        raise UsageError(f"{first} and {second} would both become {printable(shared)}: use --save parquet")


def _cut_names(names: Sequence[str], size: int) -> Iterator[Block]:
    for start in range(0, len(names), size):
        yield Block(0, tuple(names[start : start + size]))


def _cut_tables(source: Store, names: Sequence[str], size: int) -> Iterator[Block]:
    """Rows of Parquet files, along row groups where these are not too large: a group is read as a whole."""
    for name in names:
        start = stop = 0
        for rows in _row_groups(source, name):
            if stop > start and stop - start + rows > size:
                yield Block(0, file=name, start=start, stop=stop)
                start = stop
            stop += rows
            while stop - start > size:
                yield Block(0, file=name, start=start, stop=start + size)
                start += size
        if stop > start:
            yield Block(0, file=name, start=start, stop=stop)


def _row_groups(source: Store, name: str) -> list[int]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with source.open(name) as file:
            metadata = pq.read_metadata(file)
    except (OSError, pa.ArrowException) as error:
        raise unreadable(source.place if name == "." else name, error) from error
    return [metadata.row_group(index).num_rows for index in range(metadata.num_row_groups)]


def _numbered(block: Block, number: int) -> Block:
    return Block(number, block.names, block.file, block.start, block.stop)
