from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hairseg.cluster import plan
from hairseg.cluster.plan import Block, grow, mask_name
from hairseg.cluster.store import open_store
from hairseg.errors import UsageError


def table(path: Path, rows: int, group: int = 1 << 20) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"bytes": [b"x"] * rows}), path, row_group_size=group)


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")


def test_photos_in_blocks(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "b.PNG", "x/c.webp", "notes.txt", "a.hair.png", ".d.jpg")
    blocks = grow([], open_store(str(tmp_path)), 2, files=True)
    assert blocks == [Block(0, ("a.jpg", "b.PNG")), Block(1, ("x/c.webp",))]
    assert [len(block) for block in blocks] == [2, 1]
    assert blocks[1].part == "rows/000001.parquet"


def test_what_came_since_makes_further_blocks(tmp_path: Path) -> None:
    touch(tmp_path, "b.jpg", "c.jpg")
    store = open_store(str(tmp_path))
    first = grow([], store, 2, files=False)
    touch(tmp_path, "a.jpg", "d.jpg")
    (tmp_path / "b.jpg").unlink()
    assert grow(first, store, 1, files=False) == [Block(1, ("a.jpg",)), Block(2, ("d.jpg",))]
    assert grow([*first, Block(1, ("a.jpg", "d.jpg"))], store, 9, files=False) == []


def test_rows_in_blocks_along_row_groups(tmp_path: Path) -> None:
    table(tmp_path / "x/a.parquet", 7, group=2)
    table(tmp_path / "b.pq", 9, group=9)
    table(tmp_path / "empty.parquet", 0)
    spans = [(block.file, block.start, block.stop) for block in grow([], open_store(str(tmp_path)), 4, False)]
    assert spans == [
        *[("b.pq", 0, 4), ("b.pq", 4, 8), ("b.pq", 8, 9)],
        *[("x/a.parquet", 0, 4), ("x/a.parquet", 4, 7)],
    ]


def test_one_parquet_file(tmp_path: Path) -> None:
    table(tmp_path / "a.parquet", 3)
    assert grow([], open_store(f"{tmp_path}/a.parquet"), 4, False) == [Block(0, file=".", stop=3)]


@pytest.mark.parametrize(
    ("names", "files", "words"),
    [
        ((), False, "holds no photos and no Parquet files"),
        (("notes.txt",), False, "holds no photos"),
        (("a.jpg", "b.parquet"), False, "holds photos and Parquet files"),
        (
            ("a.jpg", "x/a.jpg", "a.png"),
            True,
            r"a\.jpg and a\.png would both become masks/a\.hair\.png: use --save",
        ),
        (("a.parquet",), False, "a.parquet is not a readable Parquet file"),
    ],
)
def test_what_cannot_be(tmp_path: Path, names: tuple[str, ...], files: bool, words: str) -> None:
    touch(tmp_path, *names)
    with pytest.raises(UsageError, match=words):
        grow([], open_store(str(tmp_path)), 2, files)


def test_a_single_photo_is_no_input(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg")
    with pytest.raises(UsageError, match="is a file: name a folder"):
        grow([], open_store(f"{tmp_path}/a.jpg"), 2, False)


def test_a_new_photo_that_shares_the_mask_of_an_old_one(tmp_path: Path) -> None:
    touch(tmp_path, "a.png")
    with pytest.raises(UsageError, match="would both become"):
        grow([Block(0, ("a.jpg",))], open_store(str(tmp_path)), 2, files=True)


def test_the_other_kind_of_input(tmp_path: Path) -> None:
    touch(tmp_path, "a.png")
    with pytest.raises(UsageError, match="held the other"):
        grow([Block(0, file="x.parquet", stop=1)], open_store(str(tmp_path)), 2, files=False)


def test_a_plan_is_written_and_read() -> None:
    blocks = [
        Block(0, ("a.jpg", os.fsdecode(b"caf\xe9\n.jpg"))),
        Block(1, file="x.parquet", start=1 << 33, stop=(1 << 33) + 1),
    ]
    assert plan.decode(plan.encode(blocks)) == blocks


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.jpg", "masks/t.parquet/00000007-a.hair.png"),
        ("../../etc/passwd", "masks/t.parquet/00000007-passwd.hair.png"),
        ("/etc/x.png", "masks/t.parquet/00000007-x.hair.png"),
        ("a\\..\\b.jpg", "masks/t.parquet/00000007-a_.._b.hair.png"),
        ("a\x00\n.jpg", "masks/t.parquet/00000007-a_x00_x0a.hair.png"),
        ("", "masks/t.parquet/00000007-.hair.png"),
    ],
)
def test_names_in_tables_lead_nowhere(name: str, expected: str) -> None:
    assert mask_name(Block(0, file="t.parquet", start=5, stop=9), 2, name) == expected


@given(st.text())
def test_no_name_in_a_table_leaves_its_folder(name: str) -> None:
    path = PurePosixPath(mask_name(Block(0, file="t.parquet", stop=1), 0, name))
    assert path.parent == PurePosixPath("masks/t.parquet")
    assert path.name.startswith("00000000-")
    assert path.name.isprintable()


def test_masks_mirror_the_tree() -> None:
    assert mask_name(Block(0, ("x/a.jpg",)), 0, "x/a.jpg") == "masks/x/a.hair.png"
    assert mask_name(Block(0, file=".", stop=1), 0, "a.jpg") == "masks/00000000-a.hair.png"
