"""Probability -> alpha: an edge that follows the strands which the network is too coarse to see.

A colour guided filter (He, Sun, Tang 2013; the fast form, He and Sun 2015): in every window the probability is
regressed on the photo's three colours, and the regression is then applied to the full-resolution photo. The
statistics live on a grid of about ``GRID`` points a side, whatever the photo's size; only the tiles that the
border crosses are computed at full size.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hairseg.tiles import Tiles, at_points

Floats = NDArray[np.float32]

# Points along the longer side: the network's own resolution is about as fine.
GRID = 256
# Half the window's side, in grid points: reaches as far as strands leave the network's border.
RADIUS = 4
# Added to the colours' variance (levels 0 to 1): below a contrast of 0.01 the photo says nothing about the edge.
EPSILON = 1e-4
# A probability outside these is sure.
SURE_BACKGROUND, SURE_HAIR = 0.02, 0.98
# The regression flattens contrast; alpha is stretched from these to [0, 1].
LOW, HIGH = 0.15, 0.85


def soft_edge(photo: NDArray[np.uint8], probability: Floats) -> Floats:
    """How much of each pixel is hair.

    Args:
        photo: (H, W, 3) uint8 sRGB, upright.
        probability: (H, W) float32 in [0, 1].

    Returns:
        (H, W) float32 in [0, 1]: exactly 0 and 1 away from the border.
    """
    height, width = probability.shape
    step = min(max(2, round(max(height, width) / GRID)), height, width)
    prior = np.ascontiguousarray(at_points(probability, step))
    band = _band(prior)
    alpha = _sure(prior, step, height, width)
    tiles = Tiles.where(band, step)
    if len(tiles):
        colours = np.moveaxis(at_points(photo, step), -1, 0).astype(np.float32) / np.float32(255.0)
        tiles.scatter(_apply(_regression(colours, prior), tiles, photo), alpha)
    return alpha


def _band(prior: Floats) -> NDArray[np.bool_]:
    """Grid points within ``RADIUS`` of an unsure one or of a hard border."""
    unsure = _spread((prior > SURE_BACKGROUND).astype(np.float32), RADIUS)
    sure = _spread((prior > SURE_HAIR).astype(np.float32), RADIUS)
    near: NDArray[np.bool_] = (unsure > 1e-4) & (sure < 1 - 1e-4)
    return near


def _sure(prior: Floats, step: int, height: int, width: int) -> Floats:
    """(H, W) float32: 1 in every tile whose point is hair, else 0; the band is written over it."""
    alpha = np.zeros((height, width), np.float32)
    hair = (prior > 0.5).astype(np.float32)
    for row in np.nonzero(hair.any(axis=1))[0]:
        alpha[row * step : (row + 1) * step] = np.repeat(hair[row], step)[:width]
    return alpha


def _regression(colours: Floats, prior: Floats) -> Floats:
    """(4, h, w): slopes for red, green, blue and the intercept of prior = slopes . colours + intercept.

    Args:
        colours: (3, h, w) float32 in [0, 1].
        prior: (h, w) float32 in [0, 1].
    """
    r, g, b = colours
    moments = _spread(
        np.stack([r, g, b, prior, r * r, r * g, r * b, g * g, g * b, b * b, *(colours * prior)]), RADIUS
    )
    mean, target, cross = moments[:3], moments[3], moments[10:] - moments[:3] * moments[3]
    rr = moments[4] - mean[0] * mean[0] + EPSILON
    rg = moments[5] - mean[0] * mean[1]
    rb = moments[6] - mean[0] * mean[2]
    gg = moments[7] - mean[1] * mean[1] + EPSILON
    gb = moments[8] - mean[1] * mean[2]
    bb = moments[9] - mean[2] * mean[2] + EPSILON
    # The inverse of the symmetric 3x3 covariance by cofactors.
    c_rr, c_rg, c_rb = gg * bb - gb * gb, gb * rb - rg * bb, rg * gb - gg * rb
    c_gg, c_gb, c_bb = rr * bb - rb * rb, rb * rg - rr * gb, rr * gg - rg * rg
    scale = 1 / (rr * c_rr + rg * c_rg + rb * c_rb)
    slopes = np.stack(
        [
            (c_rr * cross[0] + c_rg * cross[1] + c_rb * cross[2]) * scale,
            (c_rg * cross[0] + c_gg * cross[1] + c_gb * cross[2]) * scale,
            (c_rb * cross[0] + c_gb * cross[1] + c_bb * cross[2]) * scale,
        ]
    )
    intercept = target - (slopes * mean).sum(axis=0)
    return _spread(np.concatenate([slopes, intercept[None]]), RADIUS)


def _apply(model: Floats, tiles: Tiles, photo: NDArray[np.uint8]) -> Floats:
    """(N, step, step) alpha of the tiles: the interpolated regression applied to every pixel's own colour."""
    red, green, blue, alpha = tiles.interpolate(model)
    pixels = tiles.gather(photo).astype(np.float32) / np.float32(255.0)
    for channel, slope in enumerate((red, green, blue)):
        alpha += slope * pixels[:, channel]
    return _curve(alpha)


def _curve(alpha: Floats) -> Floats:
    """Stretch [LOW, HIGH] to [0, 1]."""
    return np.clip((alpha - LOW) / np.float32(HIGH - LOW), 0, 1)


def _spread(planes: Floats, radius: int) -> Floats:
    """Mean over the (2 radius + 1)^2 window around each point of (..., h, w); windows shrink at the photo's edge."""
    for axis in (-1, -2):
        planes = np.moveaxis(_mean_along(np.moveaxis(planes, axis, 0), radius), 0, axis)
    return planes


def _mean_along(planes: Floats, radius: int) -> Floats:
    """Sliding mean along the first axis."""
    length = len(planes)
    total = np.concatenate([np.zeros((1, *planes.shape[1:])), np.cumsum(planes, axis=0, dtype=np.float64)])
    first = np.maximum(np.arange(length) - radius, 0)
    after = np.minimum(np.arange(length) + radius + 1, length)
    count = (after - first).reshape(-1, *([1] * (planes.ndim - 1)))
    return ((total[after] - total[first]) / count).astype(np.float32)
