"""Models on photos as they are, with hair of other colours, in poor light, of poor cameras: IoU.

    python benchmarks/conditions.py --data figaro1k:PATH --split val84 [--models NAME ...] [--every 4]
        [--threshold 0.5]

Colours are the project's own recolouring where the true mask has hair. Every model takes a user's path at its own
threshold, or the one given, with one look as in the protocol; damage is the same for all of them.
"""

from __future__ import annotations

import argparse
import io
import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hairseg import Segmenter
from hairseg.data import open_data, read_item
from hairseg.data.dyed import dyed
from hairseg.evaluation.metrics import Counts, count, pooled
from hairseg.evaluation.tables import markdown
from hairseg.evaluation.views import blurred, dark

Pixels = NDArray[np.uint8]
Damage = Callable[[Pixels, Pixels], Pixels]


def hair(color: str) -> Damage:
    """The hair dyed."""
    return lambda photo, truth: dyed(photo, truth, color)


def light(gamma: float, gain: float, cast: tuple[float, float, float] = (1, 1, 1)) -> Damage:
    """sRGB values to a power, times a gain of each channel."""
    levels = (np.arange(256)[:, None] / 255) ** gamma * 255 * gain * np.array(cast)
    table = np.rint(levels).clip(0, 255).astype(np.uint8)
    return lambda photo, _: np.stack([table[photo[..., channel], channel] for channel in range(3)], -1)


def noise(deviation: float) -> Damage:
    """A sensor's, in levels of 255."""

    def damage(photo: Pixels, _: Pixels) -> Pixels:
        grain = np.random.default_rng(1).normal(0, deviation, photo.shape)
        return np.rint(photo + grain).clip(0, 255).astype(np.uint8)

    return damage


def compressed(quality: int) -> Damage:
    """By JPEG."""

    def damage(photo: Pixels, _: Pixels) -> Pixels:
        buffer = io.BytesIO()
        Image.fromarray(photo).save(buffer, "JPEG", quality=quality)
        return np.asarray(Image.open(buffer).convert("RGB"))

    return damage


def shaken(photo: Pixels, _: Pixels) -> Pixels:
    """A camera that moved sideways by 2 % of that side while it was open."""
    steps = max(2, round(0.02 * math.sqrt(photo.shape[0] * photo.shape[1])))
    padded = np.pad(photo, ((0, 0), (steps // 2, steps), (0, 0)), "edge").astype(np.float32)
    total = sum(padded[:, step : step + photo.shape[1]] for step in range(steps))
    return np.rint(total / np.float32(steps)).astype(np.uint8)


CONDITIONS: dict[str, Damage] = {
    "as they are": lambda photo, _: photo,
    **{
        f"{color} hair": hair(color)
        for color in ("white", "platinum", "grey", "black", "copper", "pink", "lilac", "blue", "green")
    },
    "sunk in shade": light(2.5, 1),
    "washed out": light(0.4, 1),
    "overexposed": light(1, 1.8),
    "underexposed": light(1, 0.25),
    "in red light": light(1, 1, (1, 0.5, 0.5)),
    "in blue light": light(1, 1, (0.5, 0.7, 1.1)),
    "noise of 15 levels": noise(15),
    "noise of 35 levels": noise(35),
    "in the dark, with noise": lambda photo, truth: dark(photo, truth)[0],
    "JPEG of quality 8": compressed(8),
    "blurred by 0.5 %": lambda photo, truth: blurred(photo, truth, 0.005)[0],
    "blurred by 1 %": lambda photo, truth: blurred(photo, truth)[0],
    "shaken by 2 %": shaken,
}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True)
    parser.add_argument("--split", default="val84")
    parser.add_argument("--models", nargs="+", default=["hairseg-int8", "hairseg-small-int8"])
    parser.add_argument("--every", type=int, default=1, help="of so many photos one")
    parser.add_argument("--threshold", type=float, help="of all models")
    options = parser.parse_args(arguments)
    models = {name: Segmenter(name, one_look=True) for name in options.models}
    counts: dict[tuple[str, str], list[Counts]] = {(c, name): [] for c in CONDITIONS for name in models}
    # As a card does: lfw calls beards hair.
    items = open_data(options.data, options.split, ("facial_hair_labelled",)).items
    for item in items[:: options.every]:
        photo, truth = read_item(item)
        for condition, damage in CONDITIONS.items():
            damaged = Image.fromarray(damage(photo, truth))
            for name, segmenter in models.items():
                hair = segmenter(damaged, threshold=options.threshold)
                counts[condition, name].append(count(hair.mask, truth))
    rows = [
        [condition, *(f"{pooled(counts[condition, name]).iou:.3f}" for name in models)]
        for condition in CONDITIONS
    ]
    print(markdown([f"{len(items[:: options.every])} photos", *models], rows))


if __name__ == "__main__":
    main()
