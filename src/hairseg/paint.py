"""What people do with a mask: overlay, cutout, recolour. Pure functions from arrays to arrays.

Every function takes photo: (H, W, 3) uint8 sRGB and alpha: (H, W) float32 in [0, 1], and leaves both alone.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from hairseg.color import oklab_pixels, oklab_planes, parse_color, to_oklab
from hairseg.dye import Look, Planes, Tone
from hairseg.errors import UsageError
from hairseg.foreground import foreground
from hairseg.heads import heads

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]
Color = str | tuple[int, int, int]

# Pixels worked on at a time: small enough for the processor's cache, large enough for numpy.
_AT_ONCE = 65_536
# Enough for stable quantiles of one head's lightness.
_SAMPLES = 20_000
# Two tones: the roots' colour ends and the tips' colour is reached at these shares of a head's height.
_ROOTS_END, _TIPS_BEGIN = 0.25, 0.8


def overlay(photo: Pixels, alpha: Floats, color: Color = "#e5484d", strength: float = 0.5) -> Pixels:
    """The photo with a translucent colour over the hair, to show where the hair is.

    Args:
        photo: (H, W, 3) uint8 sRGB.
        alpha: (H, W) float32 in [0, 1].
        color: see :func:`hairseg.color.parse_color`.
        strength: opacity of the colour, 0 to 1.

    Returns:
        (H, W, 3) uint8; pixels whose alpha is 0 are untouched.

    Raises:
        UsageError: the colour or the strength is wrong.
    """
    level = np.array(parse_color(color), np.float32)
    _check_share("strength", strength)
    result = photo.copy()
    for hair in _hair(alpha):
        share = alpha.reshape(-1)[hair] * np.float32(strength)
        below = _take(result, hair).astype(np.float32)
        _put(result, hair, _rounded(below + (level - below) * share[:, None]))
    return result


def cutout(photo: Pixels, alpha: Floats) -> Pixels:
    """The hair alone, transparent around it, ready to lie on any background.

    Args:
        photo: (H, W, 3) uint8 sRGB.
        alpha: (H, W) float32 in [0, 1].

    Returns:
        (H, W, 4) uint8, straight (not premultiplied) alpha. Partly transparent pixels have the hair's own
        colour, not its mix with the old background; nothing of the photo is left where alpha is 0.
    """
    rgba = np.zeros((*alpha.shape, 4), np.uint8)
    if not (alpha > 0).any():
        return rgba
    pure = foreground(photo, alpha)
    for rows in _bands(alpha):
        opacity = (alpha[rows] * np.float32(255) + np.float32(0.5)).astype(np.uint8)
        if opacity.any():
            rgba[rows, :, :3], rgba[rows, :, 3] = pure[rows], opacity
            rgba[rows].view(np.uint32)[..., 0] *= opacity > 0
    return rgba


def recolor(
    photo: Pixels,
    alpha: Floats,
    color: Color,
    strength: float = 1.0,
    *,
    tips: Color | None = None,
    lift: float = 1.0,
) -> Pixels:
    """Dye the hair: another colour under the same light and shade.

    Args:
        photo: (H, W, 3) uint8 sRGB.
        alpha: (H, W) float32 in [0, 1].
        color: see :func:`hairseg.color.parse_color`.
        strength: 0 (the photo, bit for bit) to 1 (the colour itself).
        tips: a second colour, for the ends; ``color`` then is that of the roots.
        lift: how far the lightness follows the colour: 1 bleaches black hair to blonde and dyes blonde hair
            black, 0 only tints.

    Returns:
        (H, W, 3) uint8; pixels whose alpha is 0 are untouched, to the bit.

    Raises:
        UsageError: a colour, the strength or the lift is wrong.
    """
    names = [color] if tips is None else [color, tips]
    targets = [to_oklab(np.array(parse_color(name), np.uint8)) for name in names]
    _check_share("strength", strength)
    _check_share("lift", lift)
    if strength == 0 or not (alpha > 0).any():
        return photo.copy()
    photo = np.ascontiguousarray(photo)
    result = foreground(photo, alpha)  # the photo wherever alpha is 0; dyed in place
    look = _look(result, alpha)
    tones = [Tone.of(target, look, lift) for target in targets]
    where = heads(alpha) if tips is not None else None
    for hair in _hair(alpha):
        own = _take(result, hair)
        old = oklab_planes(own)
        new = tones[0].apply(old, look)
        if where is not None:
            height = where.height(*np.divmod(hair, alpha.shape[1]))
            new = _between(new, tones[1].apply(old, look), _smoothstep(height, _ROOTS_END, _TIPS_BEGIN))
        dyed = oklab_pixels(*_between(old, new, np.float32(strength)))
        _put(result, hair, _settled(_take(photo, hair), own, dyed, alpha.reshape(-1)[hair]))
    return result


def _settled(seen: Pixels, own: Pixels, dyed: Pixels, share: Floats) -> Pixels:
    """(N, 3) pixels whose share of hair changes from ``own`` to ``dyed``; that of the background stays."""
    mixed = np.flatnonzero(share < 1)
    change = (dyed[mixed].astype(np.float32) - own[mixed]) * share[mixed, None]
    dyed[mixed] = _rounded(change + seen[mixed])
    return dyed


def _bands(alpha: Floats) -> Iterator[slice]:
    """Rows of the photo, about ``_AT_ONCE`` pixels at a time."""
    height, width = alpha.shape
    rows = max(1, _AT_ONCE // width)
    for top in range(0, height, rows):
        yield slice(top, min(top + rows, height))


def _hair(alpha: Floats) -> Iterator[NDArray[np.intp]]:
    """Flat indices of the pixels with any hair, band by band."""
    for rows in _bands(alpha):
        found = np.flatnonzero(alpha[rows])
        if len(found):
            yield found + rows.start * alpha.shape[1]


def _take(photo: Pixels, where: NDArray[np.intp]) -> Pixels:
    """(N, 3) pixels at flat indices: three bytes as one item, which numpy copies five times faster."""
    return photo.reshape(-1).view("V3")[where].view(np.uint8).reshape(-1, 3)


def _put(photo: Pixels, where: NDArray[np.intp], pixels: Pixels) -> None:
    """Write (N, 3) pixels to flat indices of a contiguous photo."""
    photo.reshape(-1).view("V3")[where] = pixels.reshape(-1).view("V3")


def _look(pure: Pixels, alpha: Floats) -> Look:
    """The look of the hair: of the pixels that are nearly all hair, or of the best there are."""
    flat = alpha.reshape(-1)
    sure = np.flatnonzero(flat >= min(0.95, float(flat.max())))
    return Look.of(oklab_planes(_take(pure, sure[:: max(1, len(sure) // _SAMPLES)])))


def _smoothstep(values: NDArray[np.float64], low: float, high: float) -> Floats:
    """0 up to ``low``, 1 from ``high`` on, smooth between."""
    share = np.clip((values - low) / (high - low), 0, 1).astype(np.float32)
    return share * share * (3 - 2 * share)


def _between(first: Planes, second: Planes, share: Floats | np.float32) -> Planes:
    """``share`` of the way from ``first`` to ``second``."""
    lightness, a, b = (low + (high - low) * share for low, high in zip(first, second, strict=True))
    return lightness, a, b


def _rounded(levels: Floats) -> Pixels:
    """Nearest levels 0 to 255."""
    return (np.clip(levels, 0, 255) + np.float32(0.5)).astype(np.uint8)


def _check_share(name: str, value: float) -> None:
    """Refuse what is not in [0, 1]."""
    if not 0 <= value <= 1:
        raise UsageError(f"{name} {value!r} is out of range: use a number from 0 to 1")
