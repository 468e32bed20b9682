"""Any Pillow image -> 8-bit sRGB: wide and odd modes, transparency, ICC profiles."""

from __future__ import annotations

import io
import struct
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# Modes with more than 8 bits; Pillow's own conversion clips them instead of scaling.
_WIDE = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")
# Modes that a colour transform takes as they are, by the colour space that the profile names.
_SPACES = {"RGB": "RGB ", "L": "GRAY", "CMYK": "CMYK", "LAB": "Lab "}


def to_srgb(image: Image.Image) -> tuple[Image.Image, bytes | None, list[str]]:
    """The image's colours as sRGB.

    Args:
        image: decoded, any mode.

    Returns:
        The image in mode RGB, transparency laid over white; its ICC profile if that was usable; notes for the
        person about what was done.
    """
    flat, notes = _flatten(image)
    profile = image.info.get("icc_profile")
    if isinstance(profile, bytes) and profile:
        managed = _by_profile(flat, profile)
        if managed is not None:
            return managed, profile, notes
        notes.append("its colour profile is unusable: colours are read as sRGB")
    if flat.mode == "LAB":
        return _from_lab(flat), None, notes
    return flat if flat.mode == "RGB" else flat.convert("RGB"), None, notes


def _flatten(image: Image.Image) -> tuple[Image.Image, list[str]]:
    """The image as RGB, L, CMYK or LAB of 8 bits, without transparency, and notes."""
    if image.mode in _WIDE:
        return _narrow(image)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        return _over_white(image), []
    if image.mode in ("RGB", "L", "CMYK", "LAB"):
        return image, []
    return image.convert("L" if image.mode == "1" else "RGB"), []


def _narrow(image: Image.Image) -> tuple[Image.Image, list[str]]:
    """16-bit, 32-bit and float grey as L.

    White is what 16 bits hold; for types that hold any number it is told by the brightest value: 1 or 255 where none is
    above it, as programs write them.
    """
    values = np.asarray(image)
    brightest = float(np.nanmax(values, initial=0, where=np.isfinite(values)))
    known = 65535.0
    if image.mode == "F":
        known = 1.0 if brightest <= 1 else 255.0
    elif image.mode == "I" and brightest <= 255:
        known = 255.0
    notes = []
    if brightest > known:
        notes.append(f"its brightest value {brightest:g} is taken as white")
    scale = 255.0 / max(known, brightest)
    levels = np.nan_to_num(values.astype(np.float32), posinf=brightest, neginf=0) * np.float32(scale)
    return Image.fromarray(np.clip(np.round(levels), 0, 255).astype(np.uint8)), notes


def _over_white(image: Image.Image) -> Image.Image:
    """RGB of an image with transparency, as it looks on paper."""
    if image.mode in ("RGBa", "La"):
        image = image.convert(image.mode.replace("a", "A"))
    layer = image.convert("RGBA")
    paper = Image.new("RGB", layer.size, "white")
    paper.paste(layer, mask=layer.getchannel("A"))
    # Grey stays grey, so that a grey profile still fits.
    return paper.convert("L") if image.mode in ("LA", "L", "1") else paper


def _by_profile(image: Image.Image, profile: bytes) -> Image.Image | None:
    """``image`` moved from its profile's colours to sRGB, or None where the profile cannot be used."""
    from PIL import ImageCms

    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = source.profile.xcolor_space
        if space != _SPACES.get(image.mode):
            # A grey or palette photo may carry an RGB profile; any other mismatch is a mistake of its writer.
            if space != "RGB " or image.mode != "L":
                return None
            image = image.convert("RGB")
        transform = ImageCms.buildTransform(
            source,
            ImageCms.createProfile("sRGB"),
            image.mode,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
        if image.mode == "RGB" and _does_nothing(transform):
            return image
        return ImageCms.applyTransform(image, transform)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


def _does_nothing(transform: object) -> bool:
    """Whether a transform moves no colour by more than rounding: most photos say sRGB in their profile."""
    from PIL import ImageCms

    cube = _cube()
    moved = ImageCms.applyTransform(Image.fromarray(cube), transform)  # type: ignore[arg-type]
    return int(np.abs(np.asarray(moved).astype(np.int16) - cube).max()) <= 1


@cache
def _cube() -> NDArray[np.uint8]:
    """(27, 27, 3) uint8: nine levels of each colour."""
    level = np.linspace(0, 255, 9).round().astype(np.uint8)
    return np.stack(np.meshgrid(level, level, level), axis=-1).reshape(27, 27, 3)


def _from_lab(image: Image.Image) -> Image.Image:
    """RGB of a CIELAB image without a profile."""
    from PIL import ImageCms

    result = ImageCms.profileToProfile(
        image, ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), outputMode="RGB"
    )
    assert result is not None  # None only when converting in place
    return result


@cache
def srgb_profile() -> bytes:
    """The ICC profile that goes into our own pictures, always the same bytes."""
    from PIL import ImageCms

    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    # ICC.1 7.2.8: bytes 24 to 36 say when it was made; two runs would differ in nothing else.
    profile[24:36] = struct.pack(">6H", 2026, 1, 1, 0, 0, 0)
    return bytes(profile)
