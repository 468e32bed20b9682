"""Sheets to look at: each photo, then the truth in red, the prediction in blue, and both.

Where truth and prediction agree the last picture is purple; red that is left was missed, blue was invented.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from hairseg.data import Item, read_item
from hairseg.evaluation.beards import beard_pixels, has_beard
from hairseg.evaluation.metrics import count
from hairseg.evaluation.protocol import Predict, to_grey
from hairseg.mask import to_mask
from hairseg.printable import printable

TILE = 240
GAP = 6
CAPTION = 22
COLUMNS = 4
RED, BLUE, PURPLE = (230, 30, 40), (30, 80, 255), (160, 40, 220)
STRENGTH = 0.6
PAPER, INK = (255, 255, 255), (20, 20, 20)


@dataclass(frozen=True)
class Case:
    """One photo of a sheet.

    Attributes:
        photo: (H, W, 3) uint8.
        truth: (H, W) bool, true hair.
        mask: (H, W) bool, predicted hair.
        caption: one short line.
    """

    photo: NDArray[np.uint8]
    truth: NDArray[np.bool_]
    mask: NDArray[np.bool_]
    caption: str


def sheet(
    items: Sequence[Item],
    predict: Predict,
    threshold: float = 0.5,
    *,
    grey: bool = False,
    across: int = 2,
    tile: int = TILE,
) -> Image.Image:
    """One sheet of photos, each with its truth and what ``predict`` makes of it.

    Args:
        items: in the order in which they are to be read, at least one.
        predict: (H, W, 3) uint8 photo -> (H, W) float32 probability.
        threshold: a pixel is hair where its probability is at least this.
        grey: turn the photos to grey first.
        across: photos beside each other.
        tile: longest side of each small picture, in pixels.

    Returns:
        RGB image; each photo takes 4 tiles in width, one tile and a caption in height.

    Raises:
        DataError: a photo or mask is missing or broken.
    """
    return page([strip(case_of(item, predict, threshold, grey), tile) for item in items], across)


def case_of(item: Item, predict: Predict, threshold: float = 0.5, grey: bool = False) -> Case:
    """One photo, predicted, with what went right or wrong as its caption."""
    photo, truth = read_item(item)
    photo = to_grey(photo) if grey else photo
    mask = to_mask(predict(photo), threshold)
    notes = [f"IoU {count(mask, truth).iou:.3f}"]
    if not (truth == 1).any():
        notes = [f"{mask.mean():.2%} of the photo called hair"]
    elif has_beard(item):
        notes.append(f"{mask[beard_pixels(item, truth)].mean():.0%} of the beard called hair")
    return Case(photo, truth == 1, mask, "  ".join([*notes, printable(item.photo.name), item.style]))


def page(strips: Sequence[Image.Image], across: int = 2) -> Image.Image:
    """Strips of one size on one paper, row by row."""
    width, height = strips[0].size
    lines = -(-len(strips) // across)
    paper = Image.new("RGB", (min(across, len(strips)) * width, lines * height), PAPER)
    for number, one in enumerate(strips):
        paper.paste(one, (number % across * width, number // across * height))
    return paper


def strip(case: Case, tile: int = TILE) -> Image.Image:
    """Caption, photo, truth, prediction and both: (4 tiles wide, one tile high) with gaps."""
    paper = Image.new("RGB", (COLUMNS * (tile + GAP) + GAP, tile + CAPTION + GAP), PAPER)
    ImageDraw.Draw(paper).text((GAP, 3), case.caption, fill=INK, font=ImageFont.load_default(size=14))
    nothing = np.zeros_like(case.truth)
    layers = [(nothing, nothing), (case.truth, nothing), (nothing, case.mask), (case.truth, case.mask)]
    for number, (truth, mask) in enumerate(layers):
        picture = Image.fromarray(painted(case.photo, truth, mask))
        picture.thumbnail((tile, tile), Image.Resampling.BOX)
        paper.paste(picture, (GAP + number * (tile + GAP), CAPTION))
    return paper


def painted(photo: NDArray[np.uint8], truth: NDArray[np.bool_], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The photo with truth alone in red, prediction alone in blue, and both in purple."""
    out = photo.copy()
    for where, colour in ((truth & ~mask, RED), (mask & ~truth, BLUE), (truth & mask, PURPLE)):
        out[where] = np.round((1 - STRENGTH) * photo[where] + STRENGTH * np.array(colour)).astype(np.uint8)
    return out
