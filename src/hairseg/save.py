"""Results -> files: one rule for names, and no half-written file under a final name.

``portrait.jpg`` gives ``portrait.hair.png``, ``portrait.overlay.png``, ``portrait.cutout.png``,
``portrait.recolor.png`` or ``portrait.labels.png``. Metadata of the photo, its place among them, is not copied.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any, get_args

from PIL import Image

from hairseg.errors import OutputError, UsageError
from hairseg.kinds import Kind
from hairseg.printable import printable
from hairseg.srgb import srgb_profile

# Suffix to Pillow's name of the format and how we write it.
_FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    # On photos zlib's default level is five times slower than the network and saves a tenth.
    ".png": ("PNG", {"compress_level": 1}),
    ".jpg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".webp": ("WEBP", {"quality": 90}),
    ".tif": ("TIFF", {"compression": "tiff_deflate"}),
    ".tiff": ("TIFF", {"compression": "tiff_deflate"}),
    ".bmp": ("BMP", {}),
}
_OPAQUE = ("JPEG", "BMP")
# Most file systems hold names of 255 bytes.
_LONGEST_NAME = 255


def result_name(photo: str, kind: Kind, suffix: str = ".png") -> str:
    """The result's file name for a photo's file name.

    A name that would be too long for the file system is cut, with a checksum in place of what was lost, so
    that two photos do not share it.

    Args:
        photo: file name without folders.
        kind: what the result is.
        suffix: of the result.
    """
    ending = f".{kind}{suffix}"
    stem = os.fsencode(Path(photo).stem)
    if len(stem) + len(ending) > _LONGEST_NAME:
        mark = "~" + hashlib.sha256(stem).hexdigest()[:8]
        room = _LONGEST_NAME - len(ending) - len(mark)
        # A character cut in two is dropped whole.
        return stem[:room].decode("utf-8", "ignore") + mark + ending
    return os.fsdecode(stem) + ending


def is_result(name: str) -> bool:
    """Whether a file name is one that :func:`result_name` gives: our own results are not photos again."""
    path = Path(name)
    return Path(path.stem).suffix[1:] in get_args(Kind) and path.suffix.lower() in (*_FORMATS, ".npz")


def check_suffix(path: str | os.PathLike[str], *, transparent: bool = False) -> str:
    """The suffix of ``path`` in lower case.

    Args:
        path: file name of a result.
        transparent: the picture has transparency.

    Raises:
        UsageError: the format is unknown or cannot hold transparency.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in _FORMATS:
        given = f"ends in {suffix!r}" if suffix else "has no ending"
        raise UsageError(f"{printable(path)} {given}: use one of {', '.join(_FORMATS)}")
    if transparent and is_opaque(suffix):
        raise UsageError(f"{printable(path)} cannot hold transparency: use .png, .webp or .tif for a cutout")
    return suffix


def is_opaque(suffix: str) -> bool:
    """Whether a format, named by its suffix, cannot hold transparency."""
    return _FORMATS[suffix][0] in _OPAQUE


def save_image(image: Image.Image, path: str | os.PathLike[str], *, tagged: bool = False) -> None:
    """Write a picture, whole or not at all.

    Args:
        image: mode L, RGB or RGBA, sRGB.
        path: its ending chooses the format; an existing file is replaced.
        tagged: embed the sRGB profile.

    Raises:
        UsageError: the format is unknown or cannot hold transparency.
        OutputError: the file cannot be written.
    """
    suffix = check_suffix(path, transparent=image.mode == "RGBA")
    try:
        data = encode(image, suffix, tagged=tagged)
    except (OSError, ValueError) as error:
        raise OutputError(f"{printable(path)} cannot be encoded ({error}): use .png") from error
    write(data, path)


def encode(image: Image.Image, suffix: str = ".png", *, tagged: bool = False) -> bytes:
    """The bytes of a picture file.

    Args:
        image: mode L, RGB or RGBA, sRGB.
        suffix: chooses the format.
        tagged: embed the sRGB profile; grey pictures have none.
    """
    format, options = _FORMATS[suffix]
    if format == "PNG" and image.mode == "L":
        # Runs are all that a mask has: a third of the bytes of the default strategy, in the same time.
        options = {"compress_level": 1, "compress_type": zlib.Z_RLE}
    if format == "WEBP" and image.mode != "RGB":
        options = {"lossless": True, "quality": 50, "exact": True}
    # None keeps Pillow from copying a profile that the image brought along.
    profile = srgb_profile() if tagged and image.mode != "L" else None
    buffer = io.BytesIO()
    image.save(buffer, format, **options, icc_profile=profile)
    return buffer.getvalue()


def write(data: bytes, path: str | os.PathLike[str]) -> None:
    """Write a file, whole or not at all; folders are made, an existing file is replaced.

    Raises:
        OutputError: the folder is read-only, the disk full, the name impossible.
    """
    path = Path(path)
    # In the same folder, so that the last step is a rename within one file system.
    draft = path.with_name(f".hairseg-{os.urandom(6).hex()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with draft.open("xb") as file:
                file.write(data)
            draft.replace(path)
        finally:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
    except (OSError, ValueError) as error:
        raise OutputError(f"{printable(path)} cannot be written: {why_unwritable(error)}") from error


def why_unwritable(error: OSError | ValueError) -> str:
    """What is wrong with a place, and what to do."""
    number = error.errno if isinstance(error, OSError) else None
    if number in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full, make room or choose another place"
    if number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "the folder is read-only, choose another one"
    if number in (errno.EEXIST, errno.ENOTDIR):
        return "a part of its path is a file, choose another place"
    if number == errno.EISDIR:
        return "it is a folder, end it with / or choose another name"
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return f"{reason}, choose another place"
