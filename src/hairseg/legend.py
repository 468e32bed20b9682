"""Class indices as pictures: a palette picture of the indices, the photo in the classes' colours, the legend."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from hairseg.classes import IGNORE, Classes, SceneClass
from hairseg.printable import printable

STRENGTH = 0.6
PAPER, INK, FRAME = (255, 255, 255), (20, 20, 20), (120, 120, 120)
LINE, SWATCH, GAP = 24, 16, 6
TEXT = 14


def label_image(labels: NDArray[np.uint8], classes: Classes) -> Image.Image:
    """A palette picture whose pixel values are the class indices and whose palette is their colours.

    Args:
        labels: (H, W) uint8, class indices, or 255 where ignored (shown white).
        classes: names and colours.
    """
    height, width = labels.shape
    image = Image.frombytes("P", (width, height), np.ascontiguousarray(labels).tobytes())
    image.putpalette(_table(classes).ravel().tolist())
    return image


def painted(
    photo: NDArray[np.uint8], labels: NDArray[np.uint8], classes: Classes, strength: float = STRENGTH
) -> NDArray[np.uint8]:
    """The photo tinted with its classes' colours.

    Args:
        photo: (H, W, 3) uint8.
        labels: (H, W) uint8, class indices, or 255 where ignored: there the photo stays.
        classes: names and colours.
        strength: opacity of the colours, 0 to 1.

    Returns:
        (H, W, 3) uint8.
    """
    colors = _table(classes)[labels].astype(np.float32)
    tinted = np.rint((1 - strength) * photo + strength * colors).astype(np.uint8)
    return np.where((labels == IGNORE)[..., None], photo, tinted)


def legend(classes: Sequence[SceneClass], width: int) -> Image.Image:
    """The classes' names beside their colours, in as many columns as fit into ``width`` pixels."""
    font = ImageFont.load_default(size=TEXT)
    names = [printable(one.name) for one in classes]
    column = SWATCH + 3 * GAP + math.ceil(max(map(font.getlength, names), default=0))
    columns = min(max(1, width // column), max(len(names), 1))
    lines = max(1, math.ceil(len(names) / columns))
    paper = Image.new("RGB", (max(width, column), lines * LINE + GAP), PAPER)
    draw = ImageDraw.Draw(paper)
    for place, (one, name) in enumerate(zip(classes, names, strict=True)):
        left, top = place // lines * column + GAP, place % lines * LINE + GAP
        draw.rectangle((left, top, left + SWATCH, top + SWATCH), fill=one.color, outline=FRAME)
        draw.text((left + SWATCH + GAP, top), name, fill=INK, font=font)
    return paper


def with_legend(picture: Image.Image, classes: Classes, labels: NDArray[np.uint8]) -> Image.Image:
    """A picture with the legend of the classes that ``labels`` holds below it."""
    held = set(np.unique(labels).tolist())
    below = legend([one for index, one in enumerate(classes) if index in held], picture.width)
    paper = Image.new("RGB", (max(picture.width, below.width), picture.height + below.height), PAPER)
    paper.paste(picture, (0, 0))
    paper.paste(below, (0, picture.height))
    return paper


def _table(classes: Classes) -> NDArray[np.uint8]:
    """(256, 3): the colour of each index; white where there is no class."""
    table = np.full((256, 3), 255, np.uint8)
    table[: len(classes)] = [one.color for one in classes]
    return table
