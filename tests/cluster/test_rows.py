from __future__ import annotations

import os

import numpy as np

from hairseg.cluster.rows import decode, encode, failed_row, found_row, mask_of, schema
from hairseg.errors import PhotoError
from hairseg.rle import to_rle

MASK = np.array([[0, 1, 1], [0, 0, 1]], bool)
FOUND = {
    "width": 3,
    "height": 2,
    "fraction": 0.5,
    "box": [1, 0, 3, 2],
    "color": {"hex": "#7b663e", "name": "light brown"},
    "threshold": 0.5,
    "model": "toy",
    "notes": ["only its first frame is used"],
    "rle": to_rle(MASK),
}


def test_what_was_found_comes_back() -> None:
    (row,) = decode(encode([found_row("x/a.jpg", FOUND)]))
    assert list(row) == schema().names
    assert np.array_equal(mask_of(row), MASK)
    assert {key: row[key] for key in ("name", "fraction", "box", "notes", "error", "output")} == {
        "name": "x/a.jpg",
        "fraction": 0.5,
        "box": [1, 0, 3, 2],
        "notes": ["only its first frame is used"],
        "error": None,
        "output": None,
    }
    assert (row["color"], row["color_name"]) == ("#7b663e", "light brown")


def test_a_photo_without_hair() -> None:
    (row,) = decode(encode([found_row("a.jpg", {**FOUND, "box": None, "color": None})]))
    assert (row["box"], row["color"], row["color_name"]) == (None, None, None)


def test_a_failure() -> None:
    row = failed_row("a.jpg", PhotoError("a.jpg is empty"))
    (back,) = decode(encode([row]))
    assert {key: value for key, value in back.items() if value is not None} == {
        "name": "a.jpg",
        "error": "a.jpg is empty",
    }
    assert decode(encode([row]), ["error"]) == [{"error": "a.jpg is empty"}]


def test_a_name_that_is_no_text() -> None:
    (row,) = decode(encode([failed_row(os.fsdecode(b"caf\xe9"), "?")]))
    assert row["name"] == "caf\N{REPLACEMENT CHARACTER}"
