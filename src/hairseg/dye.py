"""One head of hair in another colour, under the same light: a curve for lightness, a rule for chroma.

Swapping the hue alone leaves black hair black, and moving every pixel by the same lightness gives grey felt:
hair of another colour has another distribution of lightness, with deep gaps and bright strands around its
median. The curve carries the photo's own quantiles to those that photographed hair of the wanted lightness
has, scaled by how much contrast this photo's light makes; strands, shade and highlights stay where they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Planes = tuple[Floats, Floats, Floats]

# OKLab lightness of the hair in 1,025 colour photos of Figaro-1k, both splits: the photos are grouped by their
# median; each number is the median over a group of its photos' medians (first column) and of their quantiles.
_SHARES = [0.01, 0.05, 0.25, 0.75, 0.95, 0.99]
_PHOTOGRAPHED = np.array(
    [
        [0.127, 0.020, 0.042, 0.085, 0.180, 0.269, 0.371],
        [0.214, 0.107, 0.130, 0.170, 0.278, 0.419, 0.575],
        [0.304, 0.151, 0.178, 0.236, 0.389, 0.542, 0.654],
        [0.394, 0.187, 0.228, 0.308, 0.504, 0.661, 0.754],
        [0.501, 0.218, 0.277, 0.390, 0.618, 0.761, 0.829],
        [0.590, 0.262, 0.344, 0.481, 0.701, 0.821, 0.880],
        [0.699, 0.313, 0.408, 0.582, 0.784, 0.889, 0.936],
        [0.785, 0.400, 0.533, 0.691, 0.855, 0.918, 0.948],
    ]
)
# Flat light keeps a quarter of the usual contrast at least; more than this much contrast (grey strands in
# dark hair, a bleached lock) is covered by the dye.
_LEAST, _MOST = 0.25, 1.3
# How near to black and white hair's median is taken to be at most, for its usual contrast: at either end there is none.
_EXTREME = 1e-3
# Below about 6 of 255 levels the photo holds quantisation, not strands: lightening must not show it.
_TOE = 0.12
# Lightening multiplies noise with the contrast; no slope of the curve exceeds this.
_STEEPEST = 2.0
# Share of the photo's own deviations in a and b that stays: dyed hair is not one hue either.
_KEPT = 0.3
_ENTRIES = 4096


@dataclass(frozen=True)
class Look:
    """How one photo's hair looks before dyeing, in OKLab.

    Attributes:
        quantiles: (6,) of the lightness, at the shares of ``_SHARES``.
        lightness: median L.
        a: median a.
        b: median b.
    """

    quantiles: NDArray[np.float64]
    lightness: float
    a: float
    b: float

    @classmethod
    def of(cls, planes: Planes) -> Look:
        """The look of some of the hair's pixels, given as planes L, a, b of any equal shape, not empty."""
        lightness, a, b = (float(np.median(plane)) for plane in planes)
        return cls(np.quantile(planes[0], _SHARES), lightness, a, b)


@dataclass(frozen=True)
class Tone:
    """One target colour for one photo.

    Attributes:
        lab: (3,) OKLab of the colour.
        curve: (4096,) new lightness for old lightness 0 to 1.
        kept: share of the photo's own deviations in a and b that stays.
    """

    lab: Floats
    curve: Floats
    kept: float

    @classmethod
    def of(cls, lab: Floats, look: Look, lift: float) -> Tone:
        """The tone that turns hair of ``look`` into ``lab``, ``lift`` of the way in lightness."""
        goal = look.lightness + (float(lab[0]) - look.lightness) * lift
        # Lightened, the deviations would show the noise of colour; darkened, they would outshine the dye.
        change = (goal + 0.01) / (look.lightness + 0.01)
        return cls(lab, lightness_curve(look, goal), _KEPT * min(change, 1 / change))

    def apply(self, planes: Planes, look: Look) -> Planes:
        """New planes L, a, b of hair of ``look``, given as planes L, a, b."""
        lightness = self.curve.take((planes[0] * np.float32(_ENTRIES - 1)).astype(np.int32), mode="clip")
        chroma = self._chroma(lightness)
        shade = np.minimum(planes[0] * np.float32(1 / max(look.lightness, 0.01)), 1.3)
        a = self.lab[1] * chroma + np.float32(self.kept) * (planes[1] - np.float32(look.a) * shade)
        b = self.lab[2] * chroma + np.float32(self.kept) * (planes[2] - np.float32(look.b) * shade)
        return lightness, a, b

    def _chroma(self, lightness: Floats) -> Floats:
        """Factor on the colour's a and b: less in the shade, and less where the light source is mirrored."""
        own = max(float(self.lab[0]), 0.05)
        shade = lightness * np.float32(1 / own)
        glare = np.clip((lightness - np.float32(own)) * np.float32(1 / (1.001 - min(own, 1.0))), 0, 1)
        lit = np.minimum(shade, 1.0)
        chroma: Floats = np.float32(0.5) * (np.sqrt(lit) + lit) * (1 - np.float32(0.5) * glare * glare)
        return chroma


def photographed_spread(median: float) -> NDArray[np.float64]:
    """(6,) distances from the median to the quantiles of photographed hair of this median lightness."""
    rows = _PHOTOGRAPHED[:, 0]
    inside = min(max(median, rows[0]), rows[-1])
    spread = np.array([np.interp(inside, rows, column - rows) for column in _PHOTOGRAPHED[:, 1:].T])
    if median > rows[-1]:
        spread *= (1 - median) / (1 - rows[-1])
    elif median < rows[0]:
        spread *= median / rows[0]
    return spread


def lightness_curve(look: Look, goal: float) -> Floats:
    """(4096,) float32: the new lightness of every old one; never falling, the median carried to ``goal``."""
    toe = _TOE * min(max((goal - look.lightness) / 0.3, 0.0), 1.0)
    old, median = _lift_toe(look.quantiles, toe), float(_lift_toe(np.array(look.lightness), toe))
    usual = photographed_spread(min(max(median, _EXTREME), 1 - _EXTREME))
    contrast = np.clip((old - median) / usual, _LEAST, _MOST)
    new = np.clip(goal + photographed_spread(goal) * contrast, 0, 1)
    knots = _knots(np.insert(old, 3, median), np.insert(new, 3, goal))
    axis = np.linspace(0, 1, _ENTRIES)
    curve = _smooth(np.interp(axis, *knots))
    rise = np.minimum(np.diff(curve, prepend=curve[0]), _STEEPEST / _ENTRIES)
    curve = np.interp(_lift_toe(axis, toe), axis, np.cumsum(rise))
    curve += goal - np.interp(look.lightness, axis, curve)
    return np.asarray(np.clip(curve, 0, 1), np.float32)


def _lift_toe(lightness: NDArray[np.float64], toe: float) -> NDArray[np.float64]:
    """Flatten the curve where L < ``toe``: there its cube root stretches a single level of the photo."""
    return np.asarray(np.cbrt(lightness**3 + toe**3), np.float64)


def _knots(
    old: NDArray[np.float64], new: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points of the curve from 0 to 1: rising, none so close to its neighbour that the slope is arbitrary."""
    old = np.concatenate([[0.0], old, [1.0]])
    new = np.concatenate([[new[0] / 2], new, [(1 + new[-1]) / 2]])
    middle = 4
    kept = [middle]
    for index in [*range(middle - 1, -1, -1)]:
        if old[kept[0]] - old[index] > 0.01:
            kept.insert(0, index)
    for index in range(middle + 1, len(old)):
        if old[index] - old[kept[-1]] > 0.01:
            kept.append(index)
    return old[kept], np.maximum.accumulate(new[kept])


def _smooth(curve: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round the corners: two running means, the ends continued by point reflection."""
    reach = _ENTRIES // 50
    for _ in range(2):
        before, after = 2 * curve[0] - curve[reach:0:-1], 2 * curve[-1] - curve[-2 : -reach - 2 : -1]
        total = np.cumsum(np.concatenate([[0.0], before, curve, after]))
        curve = (total[2 * reach + 1 :] - total[: -2 * reach - 1]) / (2 * reach + 1)
    return curve
