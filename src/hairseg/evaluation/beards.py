"""Hair found on beards: in Figaro-1k a beard is not hair, and networks like to think otherwise.

``beards.json`` marks beard pixels on 42 Figaro-1k photos: 18 test photos, 5 of ``val84`` and 19 of
``train756``. How the list was drawn up: all 150 short-men photos, and the test and ``val84`` photos of the
other six styles, were looked at one by one. A photo is on the list if its beard, moustache or dense stubble
is plainly visible; a faint shadow, a shave in progress and a beard that merges with long hair are left out.
Short-men alone has only 8 such test photos, so bearded men of the other styles are marked too and the share
over short-men is printed beside the share over all. The beard was drawn as polygons on an enlarged crop, well
inside its border, and each polygon was looked at again on the photo. Sideburns above the ear lobe were left
out, because annotators end the hair of the head at various heights there; what the true mask calls hair is
taken away before counting (0.5 % of the marked pixels of two training photos, nothing elsewhere).

The number is the share of all marked pixels whose probability reaches the threshold, pooled over photos.
The file holds names and coordinates only, no pixels: the photos are not ours to pass on.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from hairseg.data import Item

Polygon = list[list[float]]


@cache
def marked_beards() -> dict[str, list[Polygon]]:
    """Polygons of [x, y] in fractions of width and height, by the photo's file name without its ending."""
    text = (files("hairseg.evaluation") / "beards.json").read_text(encoding="utf-8")
    photos: dict[str, list[Polygon]] = json.loads(text)["photos"]
    return photos


def has_beard(item: Item) -> bool:
    """Whether the photo is one of those whose beard is marked."""
    return item.photo.stem in marked_beards()


def beard_pixels(item: Item, truth: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """The pixels of a photo that are plainly beard.

    Args:
        item: the photo; one that is not marked has no such pixels.
        truth: (H, W) uint8, 1 hair, 255 ignore: both are taken away from the marked pixels.

    Returns:
        (H, W) bool.
    """
    height, width = truth.shape
    image = Image.new("1", (width, height))
    draw = ImageDraw.Draw(image)
    for polygon in marked_beards().get(item.photo.stem, []):
        draw.polygon([(x * width, y * height) for x, y in polygon], fill=1)
    pixels: NDArray[np.bool_] = np.asarray(image) & (truth == 0)
    return pixels
