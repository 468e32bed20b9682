"""The classes of scene parsing: a name and a colour each; the index is the place in the list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# Truth that counts nowhere; so there are at most 255 classes.
IGNORE = 255
MOST = 255
LONGEST_NAME = 200

RGB = tuple[int, int, int]


@dataclass(frozen=True)
class SceneClass:
    """One class.

    Attributes:
        name: as people call it.
        color: (red, green, blue), 0 to 255, for label pictures and legends.
    """

    name: str
    color: RGB


Classes = tuple[SceneClass, ...]


def unnamed(count: int) -> Classes:
    """``class 0``, ``class 1``, ...: for masks that come without a list."""
    return tuple(SceneClass(f"class {index}", distinct_color(index)) for index in range(count))


def distinct_color(index: int) -> RGB:
    """The colour of PASCAL VOC's map at ``index``, 0 to 255: its bits dealt to red, green and blue in turn."""
    red = green = blue = 0
    for bit in range(7, -1, -1):
        red |= (index & 1) << bit
        green |= (index >> 1 & 1) << bit
        blue |= (index >> 2 & 1) << bit
        index >>= 3
    return red, green, blue


def make_classes(names: Sequence[str], colors: Sequence[str] = ()) -> Classes:
    """Classes from names and colours.

    Args:
        names: in the order of the indices, all different.
        colors: ``#rrggbb`` or CSS names, as many; an empty one, or none at all, takes :func:`distinct_color`.

    Raises:
        ValueError: says which name or colour is wrong.
    """
    if len(names) > MOST:
        raise ValueError(f"{len(names)} classes are too many: {MOST} at most, since {IGNORE} is ignored")
    if colors and len(colors) != len(names):
        raise ValueError(f"{len(names)} classes have {len(colors)} colours: give each class one")
    found = []
    for index, name in enumerate(names):
        text = colors[index] if colors else ""
        red, green, blue = _rgb(text) if text else distinct_color(index)
        if not name:
            raise ValueError(f"class {index} has no name")
        if len(name) > LONGEST_NAME:
            raise ValueError(f"class {index} has a name of {len(name)} letters: {LONGEST_NAME} at most")
        if name in names[:index]:
            raise ValueError(f"two classes are called {name!r}")
        found.append(SceneClass(name, (red, green, blue)))
    return tuple(found)


def _rgb(text: str) -> tuple[int, int, int]:
    """The colour that ``#rrggbb`` or a CSS name means."""
    from PIL import ImageColor  # here, since a hair model is opened before Pillow is imported

    red, green, blue = ImageColor.getrgb(text)[:3]
    return red, green, blue


def to_plain(classes: Iterable[SceneClass]) -> dict[str, list[str]]:
    """``classes`` (names) and ``colors`` (``#rrggbb``) for JSON, nothing for hair; undone by :func:`from_plain`."""
    known = tuple(classes)
    if not known:
        return {}
    return {
        "classes": [one.name for one in known],
        "colors": ["#{:02x}{:02x}{:02x}".format(*one.color) for one in known],
    }


def from_plain(values: Mapping[str, Any]) -> Classes:
    """The inverse of :func:`to_plain`.

    Raises:
        ValueError: as for :func:`make_classes`.
    """
    return make_classes(tuple(map(str, values.get("classes", ()))), tuple(map(str, values.get("colors", ()))))
