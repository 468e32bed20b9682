from __future__ import annotations

import sys
from pathlib import Path

import pytest

from hairseg.errors import PhotoError, UsageError
from hairseg.inputs import Source
from hairseg.plan import STDOUT, plan

PIPE = Source(None, Path("stdin"))


def photo(path: str, below: str | None = None) -> Source:
    return Source(Path(path), Path(below or Path(path).name))


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False)


def targets(*sources: Source, kind: str = "hair", **options: object) -> list[str | None]:
    jobs = plan(sources, kind, **options)  # type: ignore[arg-type]
    return [job.target if job.target is None else job.target.as_posix() for job in jobs]


def test_beside_the_photo() -> None:
    assert targets(photo("d/a.jpg"), photo("b.png")) == ["d/a.hair.png", "b.hair.png"]
    assert targets(photo("a.jpg"), kind="overlay", suffix=".jpg") == ["a.overlay.jpg"]


def test_into_a_folder_that_mirrors_the_tree(tmp_path: Path) -> None:
    sources = photo("in/a.jpg"), photo("in/x/a.jpg", "x/a.jpg")
    assert targets(*sources, output="out/") == ["out/a.hair.png", "out/x/a.hair.png"]
    assert targets(photo("a.jpg"), output=str(tmp_path)) == [f"{tmp_path.as_posix()}/a.hair.png"]
    assert targets(PIPE, output="out/") == ["out/stdin.hair.png"]


def test_a_folder_that_cannot_be_looked_into_has_no_result() -> None:
    closed = Source(Path("a"), Path("a"), PhotoError("closed"))
    assert targets(photo("a.jpg"), closed) == ["a.hair.png", None]


def test_one_file() -> None:
    assert targets(photo("a.jpg"), output="mask.webp") == ["mask.webp"]
    assert targets(photo("a.jpg"), output="m.npz", suffix=".npz") == ["m.npz"]


def test_standard_output() -> None:
    assert targets(photo("a.jpg"), output="-") == ["-"]
    assert plan([PIPE], "hair")[0].target == STDOUT
    assert targets(PIPE, lines=True) == [None]


@pytest.mark.parametrize(
    ("sources", "options", "words"),
    [
        (
            (photo("a.jpg"), photo("a.png")),
            {},
            r"a\.jpg and a\.png would both become a\.hair\.png: rename one",
        ),
        ((photo("x/a.jpg"), photo("y/a.jpg")), {"output": "out/"}, "would both become"),
        ((photo("a.jpg"), photo("b.jpg")), {"output": "out.png"}, "is one file for 2 photos: end it with /"),
        ((photo("a.jpg"), photo("b.jpg")), {"output": "-"}, "standard output takes one result, not 2"),
        ((photo("a.jpg"),), {"output": "-", "lines": True}, "--json writes to standard output too"),
        ((photo("a.jpg"),), {"output": "./a.jpg"}, "would replace the photo"),
        ((photo("a.jpg"),), {"output": "out"}, "out has no ending"),
        ((photo("a.jpg"),), {"output": ""}, "-o is empty: name a file"),
        ((photo("a.jpg"),), {"output": "out.mp4"}, r"ends in '\.mp4'"),
        ((photo("a.jpg"),), {"output": "out.jpg", "kind": "cutout"}, "cannot hold transparency"),
        (
            (photo("a.jpg"),),
            {"suffix": ".jpg", "kind": "cutout"},
            "^--format jpg cannot hold transparency: use",
        ),
        ((photo("a.jpg"),), {"output": "out.png", "suffix": ".npz"}, "does not fit --npz"),
        ((photo("a\x1b.jpg"), photo("a\x1b.png")), {}, r"a\\x1b\.jpg and a\\x1b\.png"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(
    sources: tuple[Source, ...], options: dict[str, object], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        targets(*sources, **options)  # type: ignore[arg-type]


def test_bytes_do_not_go_to_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    with pytest.raises(UsageError, match="standard output is a terminal"):
        plan([photo("a.jpg")], "hair", output="-")
