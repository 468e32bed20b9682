"""Colours: sRGB <-> OKLab, colour names and swatches, and the colour that a head of hair has.

OKLab is Björn Ottosson's perceptual space of 2020 (https://bottosson.github.io/posts/oklab/): L is the
lightness in [0, 1], a and b are the green-red and blue-yellow axes, and hue stays put while lightness moves,
which is what recolouring needs. All functions work on whole arrays, in float32.
"""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import ImageColor

from hairseg.errors import UsageError

Floats = NDArray[np.float32]
RGB = tuple[int, int, int]

NATURAL = {
    "black": "#171213",
    "dark brown": "#37251c",
    "brown": "#553826",
    "chestnut": "#6b3b26",
    "light brown": "#84603f",
    "auburn": "#7b2d1c",
    "copper": "#b2572a",
    "dark blonde": "#9a7a52",
    "honey blonde": "#c69f69",
    "platinum": "#d8ccb4",
    "dark grey": "#56534f",
    "grey": "#8f8c88",
    "silver": "#b9b8b6",
    "white": "#dedddb",
}
FANTASY = {
    "red": "#b3182c",
    "burgundy": "#641430",
    "orange": "#e8772e",
    "yellow": "#ecc93c",
    "green": "#3f9a56",
    "teal": "#17898c",
    "blue": "#2c57ae",
    "navy": "#1f2a5a",
    "lilac": "#b89ad6",
    "violet": "#6e3aa7",
    "magenta": "#bd2b8b",
    "pink": "#ee86b2",
}
SWATCHES: dict[str, str] = {**NATURAL, **FANTASY}

# Lightness, chroma and hue (degrees) in OKLab at which natural hair in a photo takes a name: duller than the
# swatch, because half of a head lies in its own shade. Set by eye on 100 photos of Figaro-1k, not measured.
_PHOTOGRAPHED = {
    "black": (0.19, 0.005, 50),
    "dark brown": (0.29, 0.030, 50),
    "brown": (0.39, 0.042, 55),
    "chestnut": (0.38, 0.075, 45),
    "light brown": (0.49, 0.055, 60),
    "auburn": (0.38, 0.100, 35),
    "copper": (0.52, 0.115, 50),
    "dark blonde": (0.58, 0.062, 70),
    "honey blonde": (0.70, 0.070, 75),
    "platinum": (0.82, 0.040, 85),
    "dark grey": (0.42, 0.002, 70),
    "grey": (0.57, 0.004, 70),
    "silver": (0.72, 0.004, 70),
    "white": (0.87, 0.005, 70),
}
# Light falls on a head unevenly, so lightness says less about a hair's name than chroma and hue do.
_NAMING = np.array([0.6, 1.5, 1.5], np.float32)

# Ottosson 2020: linear sRGB -> cone responses, and their cube roots -> Lab; the inverses are computed.
_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
_FROM_LMS = np.linalg.inv(_TO_LMS)
_FROM_LAB = np.linalg.inv(_TO_LAB)


def _decode_table() -> Floats:
    """Linear light of the 256 sRGB levels (IEC 61966-2-1)."""
    level = np.arange(256) / 255.0
    return np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4).astype(np.float32)


def _encode_table(steps: int) -> NDArray[np.uint8]:
    """Nearest sRGB level of ``steps`` equally spaced linear values in [0, 1]."""
    light = np.linspace(0.0, 1.0, steps)
    level = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.round(level * 255.0).astype(np.uint8)


_DECODE = _decode_table()
# The darkest sRGB step is 1/3295 of linear light: 65536 entries leave 20 to a step.
_ENCODE = _encode_table(65536)


def to_linear(rgb: NDArray[np.uint8]) -> Floats:
    """Linear light in [0, 1], float32, of sRGB levels of any shape."""
    return _DECODE.take(rgb)


def from_linear(light: Floats) -> NDArray[np.uint8]:
    """Nearest sRGB level of linear light of any shape; values outside [0, 1] are clipped."""
    index = np.clip(light, 0.0, 1.0) * np.float32(65535.0) + np.float32(0.5)
    return _ENCODE.take(index.astype(np.uint16))


def to_oklab(rgb: NDArray[np.uint8]) -> Floats:
    """OKLab of sRGB colours.

    Args:
        rgb: (..., 3) uint8, sRGB.

    Returns:
        (..., 3) float32: L in [0, 1], a and b about -0.4 .. 0.4.
    """
    return np.stack(oklab_planes(rgb.reshape(-1, 3)), axis=-1).reshape(rgb.shape)


def from_oklab(lab: Floats) -> NDArray[np.uint8]:
    """sRGB of OKLab colours, the inverse of :func:`to_oklab`.

    Args:
        lab: (..., 3) float32.

    Returns:
        (..., 3) uint8, sRGB. A colour that no screen shows keeps its lightness and hue and loses chroma.
    """
    flat = lab.reshape(-1, 3)
    return oklab_pixels(flat[:, 0], flat[:, 1], flat[:, 2]).reshape(lab.shape)


def oklab_planes(rgb: NDArray[np.uint8]) -> tuple[Floats, Floats, Floats]:
    """L, a and b of (..., 3) uint8 sRGB, each (...) float32: :func:`to_oklab` without the interleaving."""
    red, green, blue = (_DECODE.take(rgb[..., channel]) for channel in range(3))
    cones = _mix(_TO_LMS, red, green, blue)
    for plane in cones:
        np.cbrt(plane, out=plane)
    return _mix(_TO_LAB, *cones)


def oklab_pixels(lightness: Floats, a: Floats, b: Floats) -> NDArray[np.uint8]:
    """(..., 3) uint8 sRGB of the planes L, a, b: :func:`from_oklab` without the interleaving."""
    lightness = np.clip(lightness, 0.0, 1.0)
    cones = _mix(_FROM_LAB, lightness, a, b)
    for plane in cones:
        plane *= plane * plane
    light = _into_gamut(_mix(_FROM_LMS, *cones), lightness * lightness * lightness)
    rgb = np.empty((*lightness.shape, 3), np.uint8)
    for channel in range(3):
        rgb[..., channel] = from_linear(light[channel])
    return rgb


def _mix(matrix: NDArray[np.float64], x: Floats, y: Floats, z: Floats) -> tuple[Floats, Floats, Floats]:
    """The 3x3 ``matrix`` applied to three planes (faster than a matrix product with an inner size of 3)."""
    weights = matrix.astype(np.float32)
    first, second, third = (row[0] * x + row[1] * y + row[2] * z for row in weights)
    return first, second, third


def _into_gamut(light: tuple[Floats, Floats, Floats], grey: Floats) -> tuple[Floats, Floats, Floats]:
    """Pull linear colours outside [0, 1] towards the grey of the same lightness until they fit."""
    low = np.minimum(np.minimum(light[0], light[1]), light[2])
    high = np.maximum(np.maximum(light[0], light[1]), light[2])
    # Rounding alone leaves the cube by 1e-6: those are clipped, not moved.
    outside = (low < -1e-5) | (high > 1 + 1e-5)
    if not outside.any():
        return light
    middle, low, high = grey[outside], low[outside], high[outside]
    share = np.minimum(middle / np.maximum(middle - low, 1e-9), 1)
    share = np.minimum(share, (1 - middle) / np.maximum(high - middle, 1e-9))
    for plane in light:
        plane[outside] = middle + share * (plane[outside] - middle)
    return light


def parse_color(color: str | tuple[int, int, int]) -> RGB:
    """The sRGB levels of a colour that a person wrote.

    Args:
        color: a swatch (``"honey blonde"``, also ``honey-blonde`` or ``Honey_Blonde``), ``"#rgb"``,
            ``"#rrggbb"``, a CSS name or function (``"rebeccapurple"``, ``"rgb(10, 20, 30)"``), or three
            levels 0 to 255. Where a swatch and a CSS colour share a name, the swatch wins: CSS blue exists on
            no head.

    Raises:
        UsageError: it is none of these; the message names the nearest name.
    """
    if not isinstance(color, str):
        return _levels(color)
    name = " ".join(color.replace("-", " ").replace("_", " ").split()).lower().replace("gray", "grey")
    try:
        red, green, blue = ImageColor.getrgb(SWATCHES.get(name, color.strip()))[:3]
    except ValueError:
        known = [*SWATCHES, *ImageColor.colormap]
        nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"did you mean {nearest[0]!r}? " if nearest and not color.strip().startswith("#") else ""
        ways = f"use '#rrggbb', a CSS name or one of {', '.join(SWATCHES)}"
        raise UsageError(f"color {color!r} is not a colour: {hint}{ways}") from None
    return red, green, blue


def _levels(color: tuple[int, int, int]) -> RGB:
    """Three integers 0 to 255, checked."""
    try:
        red, green, blue = (int(level) for level in color)
        whole = all(0 <= int(level) <= 255 and int(level) == level for level in color)
    except (TypeError, ValueError, OverflowError):  # no levels, not three of them, or no numbers
        whole = False
    if not whole:
        raise UsageError(f"color {color!r} is not a colour: three whole levels from 0 to 255 are needed")
    return red, green, blue


def to_hex(rgb: RGB) -> str:
    """``"#rrggbb"`` of three levels."""
    return "#{:02x}{:02x}{:02x}".format(*rgb)


@dataclass(frozen=True)
class HairColor:
    """The colour of a head of hair.

    Attributes:
        hex: ``"#rrggbb"``, sRGB, as the camera saw it.
        name: the swatch that photographed hair of this colour is nearest to.
        lightness: OKLab L in [0, 1]; black hair is under 0.3, platinum above 0.8.
        chroma: distance from grey in OKLab, 0 to about 0.3; natural hair stays under 0.13.
        hue: OKLab hue in degrees, [0, 360); copper is near 45, blonde near 80.
    """

    hex: str
    name: str
    lightness: float
    chroma: float
    hue: float


# Enough for a stable median; a fixed cost for photos of any size.
_SAMPLES = 10_000
# Fewer sure pixels than this are a false alarm, not a head of hair.
_FEWEST = 16


def hair_color(photo: NDArray[np.uint8], alpha: Floats) -> HairColor | None:
    """The colour that a person would call this hair, or None where there is no hair.

    The alpha-weighted median in OKLab of the pixels that are surely hair, without the brightest tenth (light
    mirrored by strands has the lamp's colour) and the darkest (gaps between locks have none).

    Args:
        photo: (H, W, 3) uint8 sRGB.
        alpha: (H, W) float32 in [0, 1]; a probability does as well.
    """
    stride = max(1, int(math.sqrt(alpha.size / (4 * _SAMPLES))))
    thin = alpha[::stride, ::stride]
    sure = thin > (0.9 if np.count_nonzero(thin > 0.9) >= _FEWEST else 0.5)
    if np.count_nonzero(sure) < min(_FEWEST, thin.size):
        return None
    lab, weight = to_oklab(photo[::stride, ::stride][sure]), thin[sure]
    dark, bright = np.quantile(lab[:, 0], [0.1, 0.9])
    kept = (lab[:, 0] >= dark) & (lab[:, 0] <= bright)
    if not kept.any():  # two pixels are both the darkest and the brightest tenth
        kept[:] = True
    medians = [weighted_quantile(lab[kept, axis], weight[kept], 0.5) for axis in range(3)]
    return _named(np.array(medians, np.float32))


def _named(lab: Floats) -> HairColor:
    """The readout of one OKLab colour (3,)."""
    red, green, blue = from_oklab(lab).tolist()
    lightness, a, b = lab.tolist()
    hue = math.degrees(math.atan2(b, a)) % 360.0
    return HairColor(to_hex((red, green, blue)), nearest_swatch(lab), lightness, math.hypot(a, b), hue)


def nearest_swatch(lab: Floats) -> str:
    """Name of the swatch whose hair, photographed, is nearest to an OKLab colour (3,)."""
    names, table = _names()
    distance = (table - lab) * _NAMING
    return names[int(np.argmin((distance * distance).sum(axis=1)))]


@cache
def _names() -> tuple[list[str], Floats]:
    """Every swatch's name, and (N, 3) its OKLab colour as a camera sees it."""
    natural = [
        (lightness, chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue)))
        for lightness, chroma, hue in _PHOTOGRAPHED.values()
    ]
    fantasy = to_oklab(np.array([parse_color(name) for name in FANTASY], np.uint8))
    return [*_PHOTOGRAPHED, *FANTASY], np.concatenate([np.array(natural, np.float32), fantasy])


def weighted_quantile(values: Floats, weights: Floats, share: float) -> float:
    """Smallest of ``values`` (N,) below or at which ``share`` of all ``weights`` (N,) lies."""
    order = np.argsort(values)
    total = np.cumsum(weights[order], dtype=np.float64)
    return float(values[order[min(int(np.searchsorted(total, share * total[-1])), len(order) - 1)]])
