"""Photos as nobody took them for a training set: people who lie or hang, several small heads in one photo, one in a
scene, thumbnails, white and dyed hair, out of focus, in the dark.

Networks that were within a thousandth of each other on upright, sharp photos differed here by half of the hair.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from hairseg.data.dyed import dyed
from hairseg.resample import resize

Pair = tuple[NDArray[np.uint8], NDArray[np.uint8]]
# A photo and its truth -> what is looked at, and its truth.
View = Callable[[NDArray[np.uint8], NDArray[np.uint8]], Pair]

# Photos in a row of a crowd.
CROWD = 3
# How many times a scene is wider and higher than the photo in it, and the longest side of that photo, in pixels.
SCENE = 4
IN_SCENE = 500
# Side in pixels of a square with a thumbnail's area.
THUMBNAIL = 64
# Out of focus: deviation of the blur, as a share of the side of a square with the photo's area.
BLUR = 0.01
# In the dark: exponent and gain on sRGB values, and the deviation of the sensor's noise in levels of 255.
DARK_GAMMA, DARK_GAIN, DARK_NOISE = 2.2, 0.5, 8.0


def sideways(photo: NDArray[np.uint8], truth: NDArray[np.uint8]) -> Pair:
    """Turned by 90 degrees against the clock."""
    return np.ascontiguousarray(np.rot90(photo)), np.ascontiguousarray(np.rot90(truth))


def upside_down(photo: NDArray[np.uint8], truth: NDArray[np.uint8]) -> Pair:
    """Turned by 180 degrees."""
    return np.ascontiguousarray(np.rot90(photo, 2)), np.ascontiguousarray(np.rot90(truth, 2))


def crowd(photo: NDArray[np.uint8], truth: NDArray[np.uint8]) -> Pair:
    """Three rows of three, each a third as high and as wide, the middle ones mirrored: the photo's own size to 2 pixels.

    The truth is taken at the nearest pixel, as no mean of two answers is one.
    """
    height, width = (max(1, side // CROWD) for side in photo.shape[:2])
    small, true = _smaller(photo, truth, height, width)
    return _rows(small), _rows(true)


def scene(
    photo: NDArray[np.uint8],
    truth: NDArray[np.uint8],
    ground: NDArray[np.uint8],
    seed: int,
    times: int = SCENE,
) -> Pair:
    """The photo somewhere on a photo without people that is several times as high and as wide.

    Args:
        photo: (H, W, 3) uint8; a larger one than ``IN_SCENE`` is reduced to it.
        truth: (H, W) uint8.
        ground: (h, w, 3) uint8, stretched to the photo's proportions; it holds no hair.
        seed: of the place.
        times: so many, in each direction.
    """
    height, width = photo.shape[:2]
    scale = min(IN_SCENE / max(height, width), 1.0)
    height, width = max(1, round(height * scale)), max(1, round(width * scale))
    small, true = _smaller(photo, truth, height, width)
    whole = resize(ground, times * height, times * width).copy()
    answer = np.zeros(whole.shape[:2], truth.dtype)
    draws = np.random.default_rng(seed)
    top, left = (int(draws.integers((times - 1) * side + 1)) for side in (height, width))
    at = slice(top, top + height), slice(left, left + width)
    whole[at], answer[at] = small, true
    return whole, answer


def thumbnail(photo: NDArray[np.uint8], truth: NDArray[np.uint8], side: int = THUMBNAIL) -> Pair:
    """In its own proportions, with the pixels of a square of ``side``; what is smaller stays as it is."""
    height, width = photo.shape[:2]
    scale = min(side / math.sqrt(height * width), 1.0)
    return _smaller(photo, truth, max(1, round(height * scale)), max(1, round(width * scale)))


def white(photo: NDArray[np.uint8], truth: NDArray[np.uint8]) -> Pair:
    """White hair, where the truth is right; at the truth's own edge it is mixed as the photo's colours are."""
    return dyed(photo, truth, "white"), truth


def pink(photo: NDArray[np.uint8], truth: NDArray[np.uint8]) -> Pair:
    """The same in pink, which is nearest to skin."""
    return dyed(photo, truth, "pink"), truth


def blurred(photo: NDArray[np.uint8], truth: NDArray[np.uint8], share: float = BLUR) -> Pair:
    """Out of focus: blurred by a ``share`` of the side of a square with the photo's area."""
    height, width = photo.shape[:2]
    lens = ImageFilter.GaussianBlur(share * math.sqrt(height * width))
    return np.asarray(Image.fromarray(photo).filter(lens)), truth


def dark(photo: NDArray[np.uint8], truth: NDArray[np.uint8]) -> Pair:
    """Underexposed, with the noise of a sensor; it is the same for every photo of a size."""
    levels = 255 * DARK_GAIN * (np.arange(256) / 255) ** DARK_GAMMA
    noise = np.random.default_rng(0).normal(0, DARK_NOISE, photo.shape)
    return np.rint(levels[photo] + noise).clip(0, 255).astype(np.uint8), truth


def _smaller(photo: NDArray[np.uint8], truth: NDArray[np.uint8], height: int, width: int) -> Pair:
    true = Image.fromarray(truth).resize((width, height), Image.Resampling.NEAREST)
    return resize(photo, height, width), np.asarray(true)


def _rows(tile: NDArray[np.uint8]) -> NDArray[np.uint8]:
    row = np.concatenate([tile[:, ::-1] if number % 2 else tile for number in range(CROWD)], axis=1)
    return np.concatenate([row] * CROWD)


VIEWS: dict[str, View] = {
    "sideways": sideways,
    "upside_down": upside_down,
    "crowd": crowd,
    "thumbnail": thumbnail,
    "white": white,
    "pink": pink,
    "blurred": blurred,
    "dark": dark,
}

TITLES = {
    "sideways": "the same photos turned by 90 degrees",
    "upside_down": "the same photos upside down",
    "crowd": f"{CROWD} x {CROWD} of the same photo, each {CROWD} times as small",
    "scene": f"the same photos, each on a photo without people {SCENE} times as wide",
    "thumbnail": f"the same photos at {THUMBNAIL} x {THUMBNAIL} pixels, in their own proportions",
    "white": "the same photos, their hair dyed white",
    "pink": "the same photos, their hair dyed pink",
    "blurred": f"the same photos out of focus, blurred by {BLUR:.0%} of their side",
    "dark": "the same photos in the dark, with noise",
}
