"""The hair's own colours, without the background that shines through at its border.

A pixel of the photo is I = alpha F + (1 - alpha) B. F and B are first filled in from the pixels that are
surely hair and surely background (pull and push on a pyramid), then F is corrected towards what explains the
pixel (Forte 2021, "Approximate Fast Foreground Colour Estimation"), in the tiles that the border crosses.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hairseg.tiles import Tiles, at_points

Floats = NDArray[np.float32]

# Points along the longer side at which the two layers are filled in.
GRID = 256
# From here on a pixel lends its colour to its neighbours.
SURE = 0.99
# Pixels worked on at a time: a few megabytes, whatever the photo's size.
AT_ONCE = 150_000


def foreground(photo: NDArray[np.uint8], alpha: Floats) -> NDArray[np.uint8]:
    """The photo with pure hair colours in its partly transparent pixels.

    Args:
        photo: (H, W, 3) uint8 sRGB.
        alpha: (H, W) float32 in [0, 1].

    Returns:
        (H, W, 3) uint8. Pixels whose alpha is 0 or 1 are those of the photo.
    """
    pure = photo.copy()
    height, width = alpha.shape
    step = min(max(1, round(max(height, width) / GRID)), height, width)
    tiles = Tiles.where(_partly(alpha, step), step)
    sure = at_points(alpha, step)
    if not len(tiles) or not (sure > 0).any():
        return pure
    points = np.moveaxis(at_points(photo, step), -1, 0).astype(np.float32)
    layers = np.concatenate([fill(points, _weight(sure)), fill(points, _weight(1 - sure))])
    for part in tiles.parts(AT_ONCE):
        part.scatter(_decontaminated(part.gather(photo), part.gather(alpha), part.interpolate(layers)), pure)
    return pure


def _decontaminated(pixels: NDArray[np.uint8], share: Floats, layers: Floats) -> NDArray[np.uint8]:
    """The tiles' pixels without the background's share.

    Args:
        pixels: (N, 3, step, step) uint8, changed in place.
        share: (N, step, step) alpha.
        layers: (6, N, step, step) colours filled in for hair (3) and background (3).
    """
    mixed = (share > 0) & (share < 1)
    for channel in range(3):
        seen, hair, behind = pixels[:, channel], layers[channel], layers[3 + channel]
        # Forte weighs the correction by alpha. Its square trusts the neighbours more where alpha is small:
        # with a wrong alpha the correction would draw a bright outline around a dark strand.
        own = hair + share * share * (seen - behind - share * (hair - behind))
        pixels[:, channel] = np.where(mixed, np.clip(own, 0, 255) + np.float32(0.5), seen)
    return pixels


def _partly(alpha: Floats, step: int) -> NDArray[np.bool_]:
    """(h, w) bool: the tiles with a pixel between 0 and 1."""
    partly = (alpha > 0) & (alpha < 1)
    return _any_of(_any_of(partly, step).T, step).T


def _any_of(rows: NDArray[np.bool_], step: int) -> NDArray[np.bool_]:
    """Every ``step`` rows joined by or; the last may be fewer."""
    joined = rows[::step].copy()
    for offset in range(1, step):
        more = rows[offset::step]
        joined[: len(more)] |= more
    return joined


def _weight(share: Floats) -> Floats:
    """How much a point counts: all where it is surely this layer, next to nothing where it is mixed."""
    weight: Floats = np.where(share > SURE, np.float32(1), np.float32(1e-6) * share**4)
    return weight


def fill(planes: Floats, weight: Floats) -> Floats:
    """Spread the colours of weighty points over the others, smoothly.

    Args:
        planes: (C, h, w) float32.
        weight: (h, w) float32 >= 0.

    Returns:
        (C, h, w): the planes where weight is 1, a blend of ever larger neighbourhoods where it is not.
    """
    if min(weight.shape) == 1 or (weight >= 1).all():
        total = max(float(weight.sum()), 1e-12)
        mean = (planes * weight).sum(axis=(1, 2), keepdims=True) / np.float32(total)
        return np.asarray(mean + (planes - mean) * np.minimum(weight, 1), np.float32)
    sums = _halve(np.concatenate([planes * weight, weight[None]]))
    coarse = fill(sums[:-1] / np.maximum(sums[-1], np.float32(1e-12)), np.minimum(4 * sums[-1], 1))
    under = _double(coarse, *weight.shape)
    return np.asarray(under + (planes - under) * np.minimum(weight, 1), np.float32)


def _halve(planes: Floats) -> Floats:
    """Mean of every 2 x 2 points of (C, h, w); an odd last row or column is repeated."""
    _, height, width = planes.shape
    even = np.pad(planes, ((0, 0), (0, height % 2), (0, width % 2)), mode="edge")
    quarters = even[:, ::2, ::2] + even[:, 1::2, ::2] + even[:, ::2, 1::2] + even[:, 1::2, 1::2]
    return np.asarray(quarters / 4, np.float32)


def _double(planes: Floats, height: int, width: int) -> Floats:
    """(C, height, width): bilinear between points twice as far apart, centred as :func:`_halve` left them."""
    for axis, length in ((1, height), (2, width)):
        padded = np.concatenate([planes.take([0], axis), planes, planes.take([-1], axis)], axis)
        position = np.arange(length)
        near = position // 2 + 1
        far = near + np.where(position % 2, 1, -1)
        planes = np.asarray(0.75 * padded.take(near, axis) + 0.25 * padded.take(far, axis), np.float32)
    return planes
