from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest

from hairseg.errors import PhotoError, UsageError
from hairseg.inputs import gather


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("b.JPG", "a.png", "notes.txt", "a.hair.png", ".hidden.jpg", "sub/c.webp", "sub/.git/d.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(*arguments: str, recursive: bool = False) -> list[str]:
    return [source.name for source in gather(arguments, recursive)[0]]


def test_files_are_taken_as_they_are_named(tree: Path) -> None:
    assert names("b.JPG", "notes.txt", "nowhere.jpg") == ["b.JPG", "notes.txt", "nowhere.jpg"]


def test_a_folder_gives_its_photos_in_order(tree: Path) -> None:
    assert names(".") == ["a.png", "b.JPG"]
    assert names(".", recursive=True) == ["a.png", "b.JPG", os.path.join("sub", "c.webp")]  # noqa: PTH118


def test_patterns(tree: Path) -> None:
    assert names("*.[pJ]*") == ["a.png", "b.JPG"]
    assert names("**/*.webp") == [os.path.join("sub", "c.webp")]  # noqa: PTH118
    (tree / "what[1].jpg").touch()
    assert names("what[1].jpg") == ["what[1].jpg"]


def test_any_folders_in_a_pattern(tree: Path) -> None:
    for name in ("sub/deep/[x]/d.png", "sub/deep/e.png", "sub/.git/deep/f.png"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).touch()
    assert [Path(name).as_posix() for name in names("**/*.png")] == [
        "a.png",
        "sub/deep/[x]/d.png",
        "sub/deep/e.png",
    ]
    assert names("**/**/e.png", "sub/**/deep/*.png", f"{tree}/**/e.png") == names("sub/deep/e.png")
    assert names("s*/**") == names("sub/**/*") == names("sub/**")
    found = gather(["sub/**/*.png"])[0]
    assert [source.below.as_posix() for source in found] == ["deep/[x]/d.png", "deep/e.png"]


@pytest.mark.skipif(os.name == "nt", reason="pipes and links of POSIX")
def test_a_pattern_leads_into_no_circle_and_no_pipe(tree: Path) -> None:
    for name in ("one", "two", "three"):
        (tree / "sub" / name).symlink_to(tree, target_is_directory=True)
    os.mkfifo(tree / "sub" / "pipe.webp")
    assert [Path(name).as_posix() for name in names("**/*.webp")] == ["sub/c.webp"]
    assert [Path(name).as_posix() for name in names("sub/o*/a.*")] == ["sub/one/a.png"]
    with pytest.raises(UsageError, match="nothing matches"):
        names("sub/p*")


def test_places_in_the_tree(tree: Path) -> None:
    found = gather([str(tree), "sub/*.webp", "sub/../a.png"], recursive=True)[0]
    assert [source.below.as_posix() for source in found] == ["a.png", "b.JPG", "sub/c.webp"]
    assert gather(["sub/*"])[0][0].below.as_posix() == "c.webp"


def test_a_photo_named_twice_is_done_once(tree: Path) -> None:
    assert names("a.png", "./a.png", ".", str(tree / "a.png")) == ["a.png", "b.JPG"]


def test_our_own_results_are_left_out(tree: Path) -> None:
    photos, results = gather(["a.png", "a.hair.png"])
    assert [source.name for source in photos] == ["a.png"]
    assert [source.name for source in results] == ["a.hair.png"]


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("", "an empty name is no photo: check the variable"),
        ("*.gif", r"nothing matches \*\.gif"),
        ("empty", "the folder empty holds no photos: use -r"),
    ],
)
def test_nothing_found(tree: Path, argument: str, words: str) -> None:
    (tree / "empty").mkdir()
    with pytest.raises(UsageError, match=words):
        gather([argument])


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Names of folders that cannot be looked into, which rights do not bring about where root runs the tests."""
    names: set[str] = set()
    scan = os.scandir

    def refuse(path: str) -> object:
        if os.path.basename(path) in names:  # noqa: PTH119
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    return names


def test_a_folder_that_cannot_be_looked_into_is_a_failure(tree: Path, closed: set[str]) -> None:
    closed.add("sub")
    photos, _ = gather(["."], recursive=True)
    assert [source.name for source in photos] == ["a.png", "b.JPG", "sub"]
    assert [source.problem is None for source in photos] == [True, True, False]
    with pytest.raises(PhotoError, match=r"the folder sub cannot be opened, permission denied: change its"):
        photos[2].place()


@pytest.mark.parametrize("pattern", ["**/*.png", "**/**/*.webp", "**"])
def test_a_pattern_names_such_a_folder(tree: Path, closed: set[str], pattern: str) -> None:
    closed.add("sub")
    photos, _ = gather([pattern], recursive=True)
    assert [source.name for source in photos if source.problem is not None] == ["sub"]
    assert "c.webp" not in {source.below.name for source in photos}


def test_what_is_named_may_be_such_a_folder(tree: Path, closed: set[str]) -> None:
    (tree / "sub").rename(tree / "x.hair.png")
    closed.add("x.hair.png")
    (source,) = gather(["x.hair.png"])[0]
    with pytest.raises(PhotoError, match=r"x\.hair\.png cannot be opened"):
        source.place()


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    (source,) = gather(["-", "-"])[0]
    assert source.path is None
    assert source.name == "-"
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    with pytest.raises(UsageError, match="standard input, which is a terminal"):
        gather(["-"])


@pytest.mark.parametrize("name", ["x" * 5000, "x" * 300 + ".jpg", "사진.jpg", os.fsdecode(b"caf\xe9.jpg")])
def test_odd_names_are_kept_for_the_decoder(name: str) -> None:
    assert names(name) == [name]
