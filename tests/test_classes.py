from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hairseg.classes import (
    LONGEST_NAME,
    SceneClass,
    distinct_color,
    from_plain,
    make_classes,
    to_plain,
    unnamed,
)
from hairseg.data.labels import known_classes


def test_the_first_colours_of_vocs_map() -> None:
    assert [distinct_color(index) for index in (0, 1, 2, 3, 8, 20, 255)] == [
        (0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0), (64, 0, 0), (0, 64, 128), (224, 224, 192),
    ]  # fmt: skip
    assert len({distinct_color(index) for index in range(256)}) == 256


@given(st.lists(st.text(min_size=1, max_size=LONGEST_NAME), unique=True, min_size=1, max_size=8), st.data())
def test_plain_values_and_back(names: list[str], data: st.DataObject) -> None:
    level = st.integers(0, 255)
    classes = tuple(SceneClass(name, data.draw(st.tuples(level, level, level))) for name in names)
    assert from_plain(to_plain(classes)) == classes


def test_colours_may_be_left_out() -> None:
    assert make_classes(["a", "b"]) == (SceneClass("a", (0, 0, 0)), SceneClass("b", (128, 0, 0)))
    assert make_classes(["a", "b"], ["", "teal"])[1].color == (0, 128, 128)
    assert [one.name for one in unnamed(3)] == ["class 0", "class 1", "class 2"]


@pytest.mark.parametrize(
    ("names", "colors", "message"),
    [
        (["a", "a"], [], "two classes are called 'a'"),
        (["a", ""], [], "class 1 has no name"),
        (["a", "b" * 201], [], "class 1 has a name of 201 letters: 200 at most"),
        (["a", "b"], ["red"], "2 classes have 1 colours"),
        (["a", "b"], ["red", "reddish"], "reddish"),
        (
            [str(index) for index in range(256)],
            [],
            "256 classes are too many: 255 at most, since 255 is ignored",
        ),
    ],
)
def test_lists_that_are_wrong(names: list[str], colors: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_classes(names, colors)


@pytest.mark.parametrize(
    ("name", "count", "some"),
    [
        ("voc", 21, {0: ("background", (0, 0, 0)), 15: ("person", (192, 128, 128)), 20: ("tvmonitor", (0, 64, 128))}),
        ("cityscapes", 19, {0: ("road", (128, 64, 128)), 10: ("sky", (70, 130, 180)), 18: ("bicycle", (119, 11, 32))}),
        ("ade20k", 150, {0: ("wall", (120, 120, 120)), 12: ("person", (150, 5, 61)), 149: ("flag", (92, 0, 255))}),
        ("fasseg", 6, {2: ("hair", (127, 0, 0))}),
    ],
)  # fmt: skip
def test_the_public_lists(name: str, count: int, some: dict[int, tuple[str, tuple[int, int, int]]]) -> None:
    classes = known_classes(name)
    assert len(classes) == count
    for index, (title, color) in some.items():
        assert classes[index] == SceneClass(title, color)
