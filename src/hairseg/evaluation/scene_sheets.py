"""Sheets to look at: each photo, then the truth and the prediction in the classes' colours, and a legend."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from hairseg.classes import Classes
from hairseg.data import Item, read_item
from hairseg.evaluation.confusion import Confusion
from hairseg.evaluation.scene_protocol import Parse
from hairseg.evaluation.sheets import CAPTION, GAP, INK, PAPER, TILE, page
from hairseg.legend import legend, painted
from hairseg.printable import printable
from hairseg.scene import to_labels

COLUMNS = 3


def scene_sheet(
    items: Sequence[Item], parse: Parse, classes: Classes, across: int = 2, tile: int = TILE
) -> Image.Image:
    """One sheet of photos with the legend of all classes below.

    Args:
        items: in the order in which they are to be read, at least one.
        parse: as for :func:`~hairseg.evaluation.scene_protocol.evaluate_scenes`.
        classes: of the model.
        across: photos beside each other.
        tile: longest side of each small picture, in pixels.

    Raises:
        DataError: a photo or mask is missing or broken.
    """
    sheet = page([_strip(item, parse, classes, tile) for item in items], across)
    below = legend(classes, sheet.width)
    paper = Image.new("RGB", (sheet.width, sheet.height + below.height), PAPER)
    paper.paste(sheet, (0, 0))
    paper.paste(below, (0, sheet.height))
    return paper


def _strip(item: Item, parse: Parse, classes: Classes, tile: int) -> Image.Image:
    """Caption, photo, truth and prediction; ignored pixels show the photo."""
    photo, truth = read_item(item)
    labels = to_labels(parse(photo), *truth.shape)
    iou = Confusion.of(labels, truth, len(classes)).mean_iou
    paper = Image.new("RGB", (COLUMNS * (tile + GAP) + GAP, tile + CAPTION + GAP), PAPER)
    text = f"mIoU {iou:.3f}  {printable(item.photo.name)}"
    ImageDraw.Draw(paper).text((GAP, 3), text, fill=INK, font=ImageFont.load_default(size=14))
    pictures: list[np.ndarray] = [photo, painted(photo, truth, classes), painted(photo, labels, classes)]
    for number, pixels in enumerate(pictures):
        picture = Image.fromarray(pixels)
        picture.thumbnail((tile, tile), Image.Resampling.BOX)
        paper.paste(picture, (GAP + number * (tile + GAP), CAPTION))
    return paper
