"""Probability -> alpha: an edge that follows the strands which the network is too coarse to see.

Around each point of a coarse grid, the colours that are surely hair and those that are surely background are
two clouds with means F and B and one common covariance C. The alpha of a colour I is where it lies between
the means along the direction that separates the clouds best (Fisher's discriminant):

    alpha = (I - B) . s        s = C^-1 (F - B) / d2        d2 = (F - B) . C^-1 (F - B)

That is linear in I, as in the fast guided filter (He, Sun 2015): the coefficients are found on the grid,
whatever the photo's size, and applied to the full-resolution photo in the tiles that the border crosses. The
guided filter's own regression has nearly the same direction but is fitted to the blurred border too, which
flattens it; with a steeper contrast curve of its own it is nearly as good (docs/experiments.md), and it cannot say
how far the clouds are apart. Where they overlap (small d2) the probability itself is taken.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hairseg.tiles import Tiles, at_points

Floats = NDArray[np.float32]
# Rows and columns of the grid.
Part = tuple[slice, slice]

# Points along the longer side. More cost time and find less (docs/experiments.md).
GRID = 80
# Standard deviations of the Gaussian windows, in grid points: of the one that gathers colours, and of the one that says
# how near hair and background are. The second is as wide as strands leave the network's border: a wider one finds more
# of them before a plain wall, and ears and the pattern of the wall elsewhere.
REACH, NEAR = 3.0, 1.3
# Where a window ends, in its deviations. Weights too small for a normal float32 would make the products many times
# slower.
ENDS = 4.5
# Added to the variance of each channel (levels 0 to 1): sensor and JPEG noise of 4 levels of 255.
NOISE = np.float32(2e-4)
# From here up (from 1 minus this down) a probability is wholly sure; at 0.5 it lends its colour to no cloud.
SURE = 0.9
# The squared distance of the clouds, in standard deviations, at which colour and probability weigh the same.
TRUST = np.float32(2.0)
# Share of the window that the smaller cloud needs to be half believed.
FEW = np.float32(0.01)
# Where the window holds less hair than the first number alpha is 0, from the second on the colours decide;
# the same for background and alpha 1. Hair reaches further out than background reaches in.
OUTSIDE = (0.03, 0.15)
INSIDE = (0.02, 0.10)
# The contrast curve: what is this close to a mean is that layer and nothing else.
LOW, HIGH = 0.1, 0.9
# Products of matrices are kept this small (rows x columns x what is summed): larger ones NumPy's OpenBLAS gives to
# threads of its own, which then spin for 60 ms and more on cores that the network wants.
LARGEST_PRODUCT = 1 << 18
# The most points along a side of the grid whose weights for each other are kept. A photo's longer side has as many as
# GRID, and more where the shorter one is a few pixels.
LONGEST_SIDE = 4 * GRID
# Pixels worked on at a time, whatever the photo's size: each is a product with its tile's four corners.
AT_ONCE = LARGEST_PRODUCT // 4


def soft_edge(photo: NDArray[np.uint8], probability: Floats, threshold: float = 0.5) -> Floats:
    """How much of each pixel is hair.

    Args:
        photo: (H, W, 3) uint8 sRGB, upright.
        probability: (H, W) float32 in [0, 1].
        threshold: the probability at which the model is undecided.

    Returns:
        (H, W) float32 in [0, 1]: exactly 0 and 1 away from the border.
    """
    height, width = probability.shape
    step = _step(height, width)
    prior = _centred(at_points(probability, step), threshold)
    alpha = _sure(prior, step, height, width)
    if prior.min() > 0.5 or prior.max() < 0.5:
        return alpha
    model, border = _discriminant(at_points(photo, step), prior)
    for tiles in Tiles.where(border, step).parts(AT_ONCE):
        tiles.scatter(_apply(model, tiles, photo), alpha)
    return alpha


def with_colors(
    photo: NDArray[np.uint8], probability: Floats, threshold: float, share: float, *, in_place: bool = False
) -> Floats:
    """The probability, averaged near the border with the alpha that :func:`soft_edge` would give there.

    The network sees a canvas, colours are those of the photo's own pixels: together they find hair better than either
    (docs/experiments.md). The network says where the border may be, the colours move it by a pixel or two.

    Args:
        photo: (H, W, 3) uint8 sRGB, upright.
        probability: (H, W) float32 in [0, 1].
        threshold: the probability at which the model is undecided.
        share: of the colours, 0 to 1.
        in_place: write over ``probability``, which saves the time of finding memory for another.

    Returns:
        (H, W) float32 in [0, 1]; ``probability`` itself where there is no border.
    """
    step = _step(*probability.shape)
    prior = _centred(at_points(probability, step), threshold)
    if not share or prior.min() > 0.5 or prior.max() < 0.5:
        return probability
    model, border = _discriminant(at_points(photo, step), prior)
    mixed = probability if in_place else probability.copy()

    def made(tiles: Tiles) -> Floats:
        found = tiles.gather(probability)
        found += np.float32(share) * (_apply(model, tiles, photo) - found)
        return found

    # Tiles at the photo's end lie over others: they are made of what the network says, so before that is written over.
    tiles, over = Tiles.where(border, step).apart(photo)
    last = [(part, made(part)) for part in over.parts(AT_ONCE)]
    for part in tiles.parts(AT_ONCE):
        part.scatter(made(part), mixed)
    for part, values in last:
        part.scatter(values, mixed)
    return mixed


def _step(height: int, width: int) -> int:
    """Pixels between two points of the grid."""
    return min(max(2, round(max(height, width) / GRID)), height, width)


def _centred(probability: Floats, threshold: float) -> Floats:
    """The probability bent so that ``threshold`` becomes 0.5, and 0 and 1 stay."""
    bend = min(max(threshold, 1e-3), 1 - 1e-3)
    return np.interp(probability, [0, bend, 1], [0, 0.5, 1]).astype(np.float32)


def _sure(prior: Floats, step: int, height: int, width: int) -> Floats:
    """(H, W) float32: 1 in every tile whose point is hair, else 0; the border is written over it."""
    # Memory that is never written to costs nothing: most of a photo's background stays untouched.
    alpha = np.zeros((height, width), np.float32)
    hair = prior > 0.5
    for row in np.nonzero(hair.any(axis=1))[0]:
        columns = np.nonzero(hair[row])[0]
        first, last = columns[0], columns[-1] + 1
        line = np.repeat(hair[row, first:last], step)
        alpha[row * step : (row + 1) * step, first * step : last * step] = line[: width - first * step]
    return alpha


def _discriminant(colours: NDArray[np.uint8], prior: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """The linear model of alpha at every grid point, and where the border is.

    Args:
        colours: (h, w, 3) uint8.
        prior: (h, w) float32 in [0, 1].

    Returns:
        (4, h, w) float32: slopes for red, green and blue (levels 0 to 255) and the intercept; (h, w) bool.
    """
    whole = slice(0, prior.shape[0]), slice(0, prior.shape[1])
    around, hair = _blur(np.stack([prior, _ramp(prior, 0.5, SURE)]), whole, whole, whole, NEAR)
    # Where no hair is near, what the network half believes is no strand.
    outside, inside = _ramp(around, *OUTSIDE) * (hair > 0), _ramp(1 - around, *INSIDE)
    border = (outside > 0) & (inside > 0)
    model = np.zeros((4, *prior.shape), np.float32)
    model[3] = 1 - inside
    if border.any():
        slopes, intercept = _lines(colours, prior, border)
        gain = (outside * inside)[border] / np.float32(HIGH - LOW)
        # The limits and the contrast curve are linear too, so they cost nothing at full size.
        model[:3, border] = slopes * (gain / 255)
        model[3, border] += (intercept - np.float32(LOW)) * gain
    return model, border


def _lines(colours: NDArray[np.uint8], prior: Floats, border: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Slopes (3, N) for levels 0 to 1 and intercept (N,) of alpha at the grid's N points on the ``border``."""
    whole = slice(0, prior.shape[0]), slice(0, prior.shape[1])
    part = _span(np.any(border, axis=1)), _span(np.any(border, axis=0))
    near = _widened(part[0], whole[0].stop), _widened(part[1], whole[1].stop)
    seen = np.moveaxis(colours[near], -1, 0).astype(np.float32) / np.float32(255)
    sums = _blur(_moments(seen, prior[near]), part, near, whole, REACH)[:, border[part]]
    hair, background = sums[0], sums[1]
    mean_f, mean_b = sums[2:5] / (hair + np.float32(1e-6)), sums[5:8] / (background + np.float32(1e-6))
    direction = _solve(_covariance(sums, mean_f, mean_b), mean_f - mean_b)
    distance = (direction * (mean_f - mean_b)).sum(axis=0)

    fewer = np.minimum(hair, background)
    trust = distance * fewer / (distance * fewer + TRUST * (fewer + FEW))
    slopes = direction * (trust / (distance + np.float32(1e-6)))
    return slopes, (1 - trust) * prior[border] - (slopes * mean_b).sum(axis=0)


def _moments(colours: Floats, prior: Floats) -> Floats:
    """(14, h, w): what is summed over windows.

    Weights of hair and background (2), their colours (3 + 3), products of colours (6).
    """
    hair, background = _ramp(prior, 0.5, SURE), _ramp(1 - prior, 0.5, SURE)
    sums = np.empty((14, *prior.shape), np.float32)
    sums[0], sums[1] = hair, background
    np.multiply(colours, hair, out=sums[2:5])
    np.multiply(colours, background, out=sums[5:8])
    weighted = sums[2:5] + sums[5:8]
    np.multiply(weighted[0], colours, out=sums[8:11])
    np.multiply(weighted[1], colours[1:], out=sums[11:13])
    np.multiply(weighted[2], colours[2], out=sums[13])
    return sums


def _covariance(sums: Floats, mean_f: Floats, mean_b: Floats) -> list[Floats]:
    """The clouds' common covariance at every point: rr, rg, rb, gg, gb, bb, each (N,)."""
    share = 1 / (sums[0] + sums[1] + np.float32(1e-6))
    pairs = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]
    return [
        (sums[8 + index] - sums[2 + i] * mean_f[j] - sums[5 + i] * mean_b[j]) * share + NOISE * (i == j)
        for index, (i, j) in enumerate(pairs)
    ]


def _solve(covariance: list[Floats], difference: Floats) -> Floats:
    """(3, N): the inverse of every symmetric 3 x 3 ``covariance`` times ``difference``, by cofactors."""
    rr, rg, rb, gg, gb, bb = covariance
    c_rr, c_rg, c_rb = gg * bb - gb * gb, gb * rb - rg * bb, rg * gb - gg * rb
    c_gg, c_gb, c_bb = rr * bb - rb * rb, rb * rg - rr * gb, rr * gg - rg * rg
    r, g, b = difference * (1 / (rr * c_rr + rg * c_rg + rb * c_rb))
    return np.stack(
        [c_rr * r + c_rg * g + c_rb * b, c_rg * r + c_gg * g + c_gb * b, c_rb * r + c_gb * g + c_bb * b]
    )


def _apply(model: Floats, tiles: Tiles, photo: NDArray[np.uint8]) -> Floats:
    """(N, step, step) alpha of the tiles: the interpolated model applied to every pixel's own colour."""
    *slopes, alpha = tiles.interpolate(model)
    pixels = tiles.gather(photo).astype(np.float32)
    for channel, slope in enumerate(slopes):
        slope *= pixels[:, channel]
        alpha += slope
    clipped: Floats = np.clip(alpha, 0, 1, out=alpha)
    return clipped


def _ramp(values: Floats, low: float, high: float) -> Floats:
    """0 up to ``low``, 1 from ``high`` on, straight between."""
    ramp: Floats = np.clip((values - np.float32(low)) * np.float32(1 / (high - low)), 0, 1)
    return ramp


def _span(used: NDArray[np.bool_]) -> slice:
    """From the first to the last True."""
    places = np.flatnonzero(used)
    return slice(int(places[0]), int(places[-1]) + 1)


def _widened(side: slice, length: int) -> slice:
    """As far around ``side`` as the colours' windows reach, within 0 to ``length``."""
    around = int(ENDS * REACH)
    return slice(max(side.start - around, 0), min(side.stop + around, length))


def _blur(planes: Floats, part: Part, near: Part, whole: Part, reach: float) -> Floats:
    """Gaussian means in a part of the grid, as two matrix products; windows are cut off at the photo's edge.

    Args:
        planes: (..., h, w), ``near`` alone.
        part: where the means are wanted.
        near: the part, and as far around it as windows reach.
        whole: all of the grid.
        reach: the windows' standard deviation in grid points.
    """
    for side, around, grid in zip(part, near, whole, strict=True):
        # Down the columns, then, turned over, along the rows; turned over twice, the planes lie as they came.
        planes = np.swapaxes(_means(planes, side, around, grid.stop, reach), -1, -2)
    return planes


def _means(planes: Floats, side: slice, around: slice, length: int, reach: float) -> Floats:
    """(..., side, w): Gaussian means down the columns of ``planes`` (..., around, w); the grid has ``length`` rows."""
    if length <= LONGEST_SIDE:
        return _product(_bell(length, reach)[side, around], planes)
    # Weights of all points for all others would be the square of a photo's length, which can be a line of pixels.
    means = np.empty((*planes.shape[:-2], side.stop - side.start, planes.shape[-1]), np.float32)
    for first in range(side.start, side.stop, LONGEST_SIDE):
        rows = slice(first, min(first + LONGEST_SIDE, side.stop))
        window = int(ENDS * reach)
        seen = slice(max(rows.start - window, around.start), min(rows.stop + window, around.stop))
        made = _product(
            _weights(rows, seen, reach), planes[..., seen.start - around.start : seen.stop - around.start, :]
        )
        means[..., rows.start - side.start : rows.stop - side.start, :] = made
    return means


def _product(weights: Floats, planes: Floats) -> Floats:
    """``weights`` (a, b) times each of ``planes`` (..., b, c), a few rows at a time: see LARGEST_PRODUCT."""
    together = max(1, LARGEST_PRODUCT // (weights.shape[1] * planes.shape[-1]))
    result = np.empty((*planes.shape[:-2], len(weights), planes.shape[-1]), np.float32)
    for first in range(0, len(weights), together):
        rows = slice(first, first + together)
        np.matmul(weights[rows], planes, out=result[..., rows, :])
    return result


@lru_cache(maxsize=16)
def _bell(length: int, reach: float) -> Floats:
    """(length, length): row i holds the Gaussian weights of the points around i, which sum to 1."""
    return _weights(slice(0, length), slice(0, length), reach)


def _weights(rows: slice, around: slice, reach: float) -> Floats:
    """(rows, around): the Gaussian weights of the points around each row, which sum to 1."""
    deviations = (np.arange(rows.start, rows.stop)[:, None] - np.arange(around.start, around.stop)) / reach
    weight = np.where(abs(deviations) <= ENDS, np.exp(-0.5 * deviations**2), 0.0)
    bell: Floats = np.asarray(weight / weight.sum(axis=1, keepdims=True), np.float32)
    return bell
