from __future__ import annotations

import os
from pathlib import Path

import pytest

from hairseg.cluster.store import Bucket, Entry, Folder, Store, open_store
from hairseg.errors import OutputError, UsageError


@pytest.fixture(params=["path", "file", "local"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """The same folder as a path, as a URL of pyarrow's, and as one of fsspec's."""
    place = str(tmp_path / "store")
    return open_store(place if request.param == "path" else f"{request.param}://{place}")


def test_which_is_which(tmp_path: Path) -> None:
    assert isinstance(open_store("photos"), Folder)
    assert isinstance(open_store(f"file://{tmp_path}"), Bucket)
    assert isinstance(open_store(f"local://{tmp_path}"), Bucket)


def test_what_is_written_is_listed_and_read(store: Store) -> None:
    assert store.list() == []
    store.write("b.bin", b"12345")
    store.write("a/deep/c.bin", b"")
    store.write(".hidden/d.bin", b"1")
    store.write("a/.e", b"1")
    assert store.list() == [Entry("a/deep/c.bin", 0), Entry("b.bin", 5)]
    assert store.list("a") == [Entry("deep/c.bin", 0)]
    assert store.list("z") == []
    assert store.read("b.bin") == b"12345"


def test_files_are_replaced_and_leave_no_drafts(store: Store, tmp_path: Path) -> None:
    store.write("a.bin", b"old")
    store.write("a.bin", b"new")
    assert store.read("a.bin") == b"new"
    assert os.listdir(tmp_path / "store") == ["a.bin"]  # noqa: PTH208
    store.remove("a.bin")
    store.remove("a.bin")
    assert store.list() == []


def test_a_missing_file(store: Store) -> None:
    with pytest.raises(FileNotFoundError):
        store.read("a.bin")


def test_a_single_file(store: Store, tmp_path: Path) -> None:
    assert not store.is_file()
    store.write("a.bin", b"12")
    prefix = store.place.partition("://")[0] + "://" if "://" in store.place else ""
    single = open_store(f"{prefix}{tmp_path}/store/a.bin")
    assert single.is_file()
    assert single.read(".") == b"12"


def test_a_place_that_takes_nothing(store: Store, tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file")
    with pytest.raises(OutputError, match="cannot be written"):
        store.write("a/b.bin", b"1")


def test_nesting(store: Store, tmp_path: Path) -> None:
    inner = open_store(f"{store.place}/a")
    other = open_store(f"{store.place}b")
    assert store.holds(store)
    assert store.holds(inner)
    assert not inner.holds(store)
    assert not store.holds(other)


@pytest.mark.parametrize("place", ["nowhere://x", "s3:// /", "gibberish\x1b://x"])
def test_urls_that_mean_nothing(place: str) -> None:
    with pytest.raises(UsageError, match="cannot be opened") as caught:
        open_store(place)
    assert "\x1b" not in str(caught.value)


def test_names_that_are_no_text(tmp_path: Path) -> None:
    try:
        (tmp_path / os.fsdecode(b"caf\xe9.jpg")).write_bytes(b"1")
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    (entry,) = Folder(str(tmp_path)).list()
    assert Folder(str(tmp_path)).read(entry.name) == b"1"
