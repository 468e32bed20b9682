from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import pytest

from hairseg.cluster.plan import Block
from hairseg.cluster.source import check_columns, photos
from hairseg.cluster.store import Folder, open_store
from hairseg.errors import PhotoError, UsageError


def table(path: Path, columns: dict[str, Any], group: int = 2) -> Block:
    """Writes a Parquet file; returns the block of all its rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    data = pa.table(columns)
    pq.write_table(data, path, row_group_size=group)
    return Block(0, file=path.name, stop=data.num_rows)


def read(block: Block, folder: Path, **options: Any) -> list[tuple[int, str, bytes | str]]:
    found = photos(block, open_store(str(folder)), **options)
    return [(index, name, data if isinstance(data, bytes) else str(data)) for index, name, data in found]


def test_files(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"A")
    (tmp_path / "x").mkdir()
    block = Block(0, ("a.jpg", "gone\n.jpg", "x"))
    assert read(block, tmp_path) == [
        (0, "a.jpg", b"A"),
        (1, "gone\n.jpg", "gone\\x0a.jpg does not exist: check its name"),
        (2, "x", "x is a folder: name the photos in it"),
    ]
    assert read(block, tmp_path, skip={1, 2}) == [(0, "a.jpg", b"A")]


class Shaky(Folder):
    """Fails for a moment, or for ever."""

    def __init__(self, place: str, failures: int) -> None:
        super().__init__(place)
        self.failures = failures

    def open(self, name: str) -> BinaryIO:
        self.failures -= 1
        if self.failures >= 0:
            raise OSError("slow down")
        return super().open(name)


@pytest.mark.parametrize(("failures", "expected"), [(2, b"A"), (3, "a.jpg cannot be read (slow down)")])
def test_a_store_that_fails_for_a_moment(
    tmp_path: Path, failures: int, expected: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    (tmp_path / "a.jpg").write_bytes(b"A")
    ((_, _, data),) = photos(Block(0, ("a.jpg",)), Shaky(str(tmp_path), failures))
    assert data == expected if isinstance(expected, bytes) else expected in str(data)


@pytest.mark.parametrize("scheme", ["", "file://", "local://"])
def test_rows_of_a_parquet_file(tmp_path: Path, scheme: str) -> None:
    block = table(tmp_path / "a.parquet", {"bytes": [b"0", b"1", b"2", b"3", b"4"], "name": list("abcde")})
    store = open_store(scheme + str(tmp_path))
    assert list(photos(block, store)) == [(i, "abcde"[i], str(i).encode()) for i in range(5)]
    part = Block(0, file="a.parquet", start=1, stop=4)
    assert list(photos(part, store, skip={1})) == [(0, "b", b"1"), (2, "d", b"3")]


def test_pairs_of_bytes_and_path_as_hugging_face_has_them(tmp_path: Path) -> None:
    images = [{"bytes": b"0", "path": "a.jpg"}, {"bytes": b"1", "path": None}, None]
    block = table(tmp_path / "a.parquet", {"image": images})
    empty = "a.parquet#2 has no bytes in its row: leave it out, or fill the column"
    assert read(block, tmp_path) == [(0, "a.jpg", b"0"), (1, "a.parquet#1", b"1"), (2, "a.parquet#2", empty)]


def test_columns_by_name(tmp_path: Path) -> None:
    block = table(tmp_path / "a.parquet", {"bytes": [b"no"], "face": [b"yes"], "name": ["no"], "number": [7]})
    assert read(block, tmp_path, columns=("face", "number")) == [(0, "7", b"yes")]


def test_text_is_no_photo(tmp_path: Path) -> None:
    ((_, _, error),) = photos(table(tmp_path / "a.parquet", {"image": ["x"]}), open_store(str(tmp_path)))
    assert isinstance(error, PhotoError)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (("", ""), r"has no column of photos: name one with --column; it has a\\x1b, size"),
        (("face", ""), "has no column 'face': it has"),
        (("size", "title"), "has no column 'title'"),
    ],
)
def test_columns_that_are_missing(tmp_path: Path, columns: tuple[str, str], words: str) -> None:
    block = table(tmp_path / "a.parquet", {"a\x1b": [1], "size": [1]})
    with pytest.raises(UsageError, match=words):
        check_columns(block, open_store(str(tmp_path)), columns)


def test_a_file_that_was_cut_since(tmp_path: Path) -> None:
    block = table(tmp_path / "a.parquet", {"bytes": [b"0" * 100] * 9})
    data = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "a.parquet").write_bytes(data[: len(data) // 2])
    with pytest.raises(UsageError, match=r"a\.parquet is not a readable Parquet file"):
        read(block, tmp_path)
    (tmp_path / "a.parquet").unlink()
    with pytest.raises(UsageError, match=r"a\.parquet is not a readable Parquet file"):
        read(block, tmp_path)
