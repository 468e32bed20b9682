from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from hairseg.errors import UsageError
from hairseg.video_formats import (
    FORMATS,
    RESULT_NAMES,
    FormatName,
    VideoKind,
    choose_format,
    encoder_for,
    ending_for,
)


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("a.mp4", "mp4"),
        ("A.MP4", "mp4"),
        ("b.m4v", "mp4"),
        ("b.mov", "mov"),
        ("x.y/b.webm", "webm"),
        ("frames/", "png"),
        ("-", "mkv"),
        ("a.y4m", "y4m"),
        ("a.rgb", "raw"),
    ],
)
def test_the_name_says_the_format(target: str, name: str) -> None:
    assert choose_format(target, "mask").name == name


def test_a_folder_that_exists(tmp_path: Path) -> None:
    assert choose_format(str(tmp_path), "cutout").name == "png"


def test_the_option_wins() -> None:
    assert choose_format("a.dat", "mask", "webm").name == "webm"
    assert choose_format("-", "mask", "y4m").name == "y4m"
    assert choose_format("frames", "mask", "png").name == "png"


@pytest.mark.parametrize("target", ["a.webm", "a.mov", "a.mkv", "a/", "-"])
def test_cutouts_go_where_transparency_is(target: str) -> None:
    how = choose_format(target, "cutout")
    assert encoder_for("cutout", how) == how.transparent
    assert "a" in encoder_for("cutout", how).pixels


@pytest.mark.parametrize(
    ("target", "kind", "name", "message"),
    [
        ("a.avi", "mask", None, r"a\.avi ends in '\.avi': use one of \.mp4"),
        ("a", "mask", None, "a has no ending: use one of"),
        (
            "a.mp4",
            "cutout",
            None,
            r"a\.mp4 cannot hold transparency: cut out to \.webm, \.mov, \.mkv or a folder/",
        ),
        ("-", "cutout", "y4m", "standard output cannot hold transparency"),
        ("-", "mask", "mp4", "mp4 cannot be written to a pipe: use --format mkv or webm"),
        ("-", "mask", "png", "png does not go to standard output: name a folder"),
        ("a/", "mask", "mp4", "mp4 does not go to a/: name a file"),
    ],
)
def test_what_does_not_fit(target: str, kind: VideoKind, name: FormatName | None, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        choose_format(target, kind, name)


@pytest.mark.parametrize(
    ("ending", "kind", "name", "expected"),
    [
        (".mp4", "mask", None, ".mp4"),
        (".MOV", "overlay", None, ".mov"),
        (".mp4", "cutout", None, ".webm"),
        (".mkv", "cutout", None, ".mkv"),
        (".avi", "mask", None, ".mp4"),
        (".m4v", "mask", None, ".m4v"),
        (".mp4", "mask", "webm", ".webm"),
        ("", "mask", None, ".mp4"),
    ],
)
def test_endings_of_results(ending: str, kind: VideoKind, name: FormatName | None, expected: str) -> None:
    assert ending_for(ending, kind, name) == expected


def test_masks_as_raw_pixels_are_grey() -> None:
    assert encoder_for("mask", FORMATS["raw"]).pixels == "gray"
    assert encoder_for("overlay", FORMATS["raw"]).pixels == "rgb24"


def test_the_tables_are_whole() -> None:
    assert set(FORMATS) == set(get_args(FormatName))
    assert all(name == how.name for name, how in FORMATS.items())
    assert set(RESULT_NAMES) == set(get_args(VideoKind))
