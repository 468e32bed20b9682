"""What people do with a mask: overlay, cutout, recolour. Pure functions from arrays to arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hairseg.color import oklab_pixels, oklab_planes, parse_color, to_oklab, weighted_quantile
from hairseg.errors import UsageError
from hairseg.foreground import foreground

Floats = NDArray[np.float32]
Color = str | tuple[int, int, int]


def overlay(
    photo: NDArray[np.uint8], alpha: Floats, color: Color = "#e5484d", strength: float = 0.5
) -> NDArray[np.uint8]:
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
    return _within(photo, alpha, lambda part, share: _blend(part, level, share * np.float32(strength)))


def cutout(photo: NDArray[np.uint8], alpha: Floats) -> NDArray[np.uint8]:
    """The hair alone, transparent around it, ready to lie on any background.

    Args:
        photo: (H, W, 3) uint8 sRGB.
        alpha: (H, W) float32 in [0, 1].

    Returns:
        (H, W, 4) uint8, straight (not premultiplied) alpha. Partly transparent pixels have the hair's own colour,
        not the mix with the old background; fully transparent ones are black.
    """
    opacity = np.round(alpha * np.float32(255)).astype(np.uint8)
    rgba = np.zeros((*alpha.shape, 4), np.uint8)
    rgba[..., :3] = foreground(photo, alpha)
    rgba.view(np.uint32)[..., 0] *= opacity > 0
    rgba[..., 3] = opacity
    return rgba


def recolor(
    photo: NDArray[np.uint8],
    alpha: Floats,
    color: Color,
    strength: float = 1.0,
    *,
    tips: Color | None = None,
    lift: float = 1.0,
) -> NDArray[np.uint8]:
    """Dye the hair: another colour under the same light and shade.

    Args:
        photo: (H, W, 3) uint8 sRGB.
        alpha: (H, W) float32 in [0, 1].
        color: see :func:`hairseg.color.parse_color`.
        strength: 0 (the photo, bit for bit) to 1 (the colour itself).
        tips: a second colour at the ends; ``color`` then is that of the roots.
        lift: how far the lightness follows the colour: 1 bleaches black hair to blonde, 0 only tints.

    Returns:
        (H, W, 3) uint8; pixels whose alpha is 0 are untouched.

    Raises:
        UsageError: a colour, the strength or the lift is wrong.
    """
    roots = to_oklab(np.array(parse_color(color), np.uint8))
    ends = roots if tips is None else to_oklab(np.array(parse_color(tips), np.uint8))
    _check_share("strength", strength)
    _check_share("lift", lift)
    if strength == 0:
        return photo.copy()
    return _within(photo, alpha, lambda part, share: _dye(part, share, roots, ends, strength, lift))


def _check_share(name: str, value: float) -> None:
    """Refuse what is not in [0, 1]."""
    if not 0 <= value <= 1:
        raise UsageError(f"{name} {value!r} is out of range: use 0 to 1")


def _within(photo, alpha, change):  # type: ignore[no-untyped-def]
    result = photo.copy()
    hair = alpha > 0
    rows, columns = np.nonzero(hair.any(axis=1))[0], np.nonzero(hair.any(axis=0))[0]
    if len(rows):
        box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        part, share = result[box], alpha[box]
        part[...] = np.where(hair[box][..., None], change(part, share), part)
    return result


def _blend(part, over, share):  # type: ignore[no-untyped-def]
    mixed = part + (over - part) * share[..., None]
    return np.round(mixed).astype(np.uint8)


def _dye(part, share, roots, ends, strength, lift):  # type: ignore[no-untyped-def]
    lightness, a, b = oklab_planes(part)
    sure = share > min(0.9, float(share.max()) * 0.9)
    median = weighted_quantile(lightness[sure], share[sure], 0.5)
    goal = median + (roots[0] - median) * lift * strength
    gain = np.float32(np.clip((goal / max(median, 0.05)) ** 0.5, 0.6, 1.8))
    new = goal + gain * (lightness - median)
    shade = np.clip(new / max(roots[0], 0.05), 0, 1.2)
    new_a, new_b = roots[1] * shade, roots[2] * shade
    dyed = oklab_pixels(new, a + strength * (new_a - a), b + strength * (new_b - b))
    return _blend(part, dyed.astype(np.float32), share)
