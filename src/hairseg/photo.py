"""Anything that holds a photo -> an upright sRGB photo.

The only decoder: the command line, the service, training and evaluation all read photos here. JPEG's decoding
at a reduced size is not used, since masks and pictures come out at the photo's own size.
"""

from __future__ import annotations

import errno
import io
import os
import re
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from hairseg.errors import HairsegError, PhotoError, require
from hairseg.fork import ForkSafeLock
from hairseg.printable import printable
from hairseg.srgb import to_srgb
from hairseg.turn import Turn

PhotoSource = (
    str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO | Image.Image | NDArray[np.uint8]
)

# Pixels that are converted at a time: few enough that their memory is used again, where the system would have to clear
# new pages for whole photos. That took five times as long as the conversion (docs/experiments.md).
BAND = 1 << 18

# A pipe has no size to look at first: it is read up to here (1 GiB).
LARGEST_PIPE = 1 << 30
# A web address, as a path leaves it: with one slash.
_ADDRESS = re.compile(r"(https?|ftp):/", re.IGNORECASE)

# Brands of ISO media files whose pictures are HEVC; AVIF, the same box with other brands, is Pillow's own.
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"}
# Formats with frames in time, and with pages; other formats use further frames for previews and layers.
_ANIMATED = ("GIF", "PNG", "WEBP", "AVIF")
_PAGED = ("TIFF",)
# Drawings whose "decoding" runs another program.
DRAWINGS = ("EPS", "WMF")

_AGAIN = "copy it again from where it came"

_ORIENTATION = 0x0112  # EXIF tag

# Warning filters belong to the whole process, so threads change them one at a time, and only for a moment.
_filters = ForkSafeLock()


@dataclass(frozen=True)
class Photo:
    """A photo as every later stage sees it.

    Attributes:
        pixels: (H, W, 3) uint8, sRGB, upright.
        name: for messages, safe to print.
        icc_profile: the profile that the file carried; ``pixels`` are sRGB either way.
        notes: what a person should know about the reading, for example that only the first frame is used.
    """

    pixels: NDArray[np.uint8]
    name: str
    icc_profile: bytes | None = None
    notes: tuple[str, ...] = ()


def read_photo(source: PhotoSource) -> Photo:
    """Decode a photo.

    Args:
        source: path; the bytes of a file; binary file object (read from where it stands); PIL image; or uint8
            array: (H, W) grey, (H, W, 3) sRGB or (H, W, 4) with transparency.

    Raises:
        PhotoError: missing, unreadable, empty, not an image, damaged, or over Pillow's limit against
            decompression bombs.
        MissingExtraError: a HEIC photo without the ``heic`` extra.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source, "the given array")
    if isinstance(source, Image.Image):
        name = _name_of(source, "filename", "the given image")
        with _own_errors(name):
            return _decoded(source, name)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _from_bytes(bytes(source), "the given bytes")
    if isinstance(source, (str, os.PathLike)):
        return _from_path(source)
    if hasattr(source, "read"):
        name = _name_of(source, "name", "the given file")
        data = source.read()
        if not isinstance(data, bytes):
            raise PhotoError(f"{name} is open as text: open it in binary mode ('rb')")
        return _from_bytes(data, name)
    kind = type(source).__name__
    raise PhotoError(f"a {kind} is no photo: give a path, bytes, a binary file, a PIL image or a uint8 array")


def _name_of(source: object, attribute: str, otherwise: str) -> str:
    """The file name that an object knows of itself, printable."""
    name = getattr(source, attribute, None)
    return printable(name) if isinstance(name, (str, os.PathLike)) and name else otherwise


def _from_array(array: NDArray[np.uint8], name: str) -> Photo:
    """A uint8 array as a photo of its own, which does not change with the array."""
    if array.dtype != np.uint8:
        raise PhotoError(f"an array of {array.dtype} is no photo: scale it to 0-255 and cast it to uint8")
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.size == 0 or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise PhotoError(f"an array of shape {array.shape} is no photo: use (H, W), (H, W, 3) or (H, W, 4)")
    if array.ndim == 3 and array.shape[2] == 3:
        pixels = np.array(array, order="C")
        pixels.flags.writeable = False
        return Photo(pixels, name)
    return _decoded(Image.fromarray(np.ascontiguousarray(array)), name)


def _from_path(source: str | os.PathLike[str]) -> Photo:
    """Read the file at a path."""
    if not os.fspath(source):
        raise PhotoError("an empty name is no photo: check the variable or the quotes")
    name = printable(source)
    try:
        path = Path(source)
        if not stat.S_ISREG(path.stat().st_mode):
            # A pipe (`<(curl ...)`) cannot be rewound; a folder fails here by itself.
            return _from_bytes(_read_pipe(path, name), name)
        with path.open("rb") as file:
            return _from_file(file, name, path)
    except (OSError, ValueError) as error:
        raise PhotoError(f"{name} {_address(name) or why_unreadable(error)}") from error


def _address(name: str) -> str:
    """What to do about a web address; a path has lost one of its slashes."""
    return "is an address, and hairseg fetches nothing: download the photo" if _ADDRESS.match(name) else ""


def why_unreadable(error: OSError | ValueError) -> str:
    """What is wrong with a path, and what to do."""
    number = error.errno if isinstance(error, OSError) else None
    if number in (errno.ENOENT, errno.ENOTDIR):
        return "does not exist: check its name"
    if number == errno.EISDIR:
        return "is a folder: name the photos in it"
    if number in (errno.EACCES, errno.EPERM):
        return "cannot be opened, permission denied: change its permissions"
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return f"cannot be read ({reason}): check its name and its disk"


def _read_pipe(path: Path, name: str) -> bytes:
    """Everything that comes out of a pipe or device, if that ends."""
    with path.open("rb") as pipe:
        data = pipe.read(LARGEST_PIPE + 1)
    if len(data) > LARGEST_PIPE:
        raise PhotoError(f"{name} does not end within {LARGEST_PIPE >> 20} MiB: save it to a file first")
    return data


def _from_bytes(data: bytes, name: str) -> Photo:
    """Read the bytes of a file."""
    return _from_file(io.BytesIO(data), name, None)


def _from_file(file: BinaryIO, name: str, path: Path | None) -> Photo:
    """Read an open, seekable file; ``path`` lets Pillow load only the one plugin that it needs."""
    head = file.read(64)
    if not head:
        raise PhotoError(f"{name} is empty (0 bytes): {_AGAIN}")
    if _is_heic(head):
        _read_heic(name)
    file.seek(0)
    with _own_errors(name):
        with _quiet():
            image = Image.open(file if path is None else path)  # lazy: the header alone
        with image:
            return _decoded(image, name)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Pillow's warnings: of a photo over half the bomb limit, of damaged metadata."""
    with _filters, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _own_errors(name: str) -> Iterator[None]:
    """Whatever Pillow raises while it reads ``name``, as a PhotoError."""
    try:
        yield
    except HairsegError:
        raise
    except UnidentifiedImageError as error:
        raise PhotoError(f"{name} is not an image of a known format: convert it to JPEG or PNG") from error
    except Image.DecompressionBombError as error:
        limit = 2 * (Image.MAX_IMAGE_PIXELS or 0) / 1e6  # Pillow refuses twice what it warns about
        raise PhotoError(f"{name} is too large, over {limit:.0f} million pixels: reduce it first") from error
    except MemoryError as error:
        raise PhotoError(f"{name} does not fit into memory: reduce it first") from error
    except Exception as error:
        # Pillow's decoders raise nearly every built-in exception when a file lies about itself.
        reason = printable(str(error)).rstrip(".") or type(error).__name__
        raise PhotoError(f"{name} is damaged or cut short ({reason}): {_AGAIN}") from error


def _is_heic(head: bytes) -> bool:
    """Whether the first bytes of a file are a ``ftyp`` box that names HEVC among its brands."""
    if head[4:8] != b"ftyp":
        return False
    box = head[8 : min(int.from_bytes(head[:4], "big"), len(head))]
    return not _HEIC_BRANDS.isdisjoint(box[i : i + 4] for i in range(0, len(box), 4))


def _read_heic(name: str) -> None:
    """Teach Pillow to read HEIC."""
    try:
        require("pi_heif", "heic").register_heif_opener()
    except HairsegError as error:
        raise type(error)(f"{name} is a HEIC photo: {error}") from error


def _decoded(image: Image.Image, name: str) -> Photo:
    """Decode, turn upright, convert to sRGB."""
    if image.format in DRAWINGS:
        raise PhotoError(f"{name} is a drawing ({image.format}): convert it to PNG")
    image.load()
    upright, profile, notes = to_srgb(image)
    pixels = _pixels(upright, Turn.of_exif(_orientation(image)))
    if pixels.size == 0:
        raise PhotoError(f"{name} has no pixels ({image.width} x {image.height}): {_AGAIN}")
    return Photo(pixels, name, profile, (*notes, *_frames(image)))


def _pixels(image: Image.Image, turn: Turn) -> NDArray[np.uint8]:
    """(H, W, 3) of an RGB image, turned, in bands: numpy's own conversion would hold the whole three times."""
    pixels = np.empty((*turn.size(image.height, image.width), 3), np.uint8)
    stored = turn.stored(pixels)
    rows = max(1, BAND // max(1, image.width))
    for top in range(0, image.height, rows):
        bottom = min(top + rows, image.height)
        stored[top:bottom] = np.asarray(image.crop((0, top, image.width, bottom)))
    pixels.flags.writeable = False
    return pixels


def _orientation(image: Image.Image) -> int:
    """EXIF orientation, 1 to 8, of a decoded image; TIFF has applied its own while decoding."""
    if not any("exif" in str(key).lower() or "xmp" in str(key).lower() for key in image.info):
        return 1  # without loading Pillow's EXIF reader
    with _quiet():
        try:
            value = image.getexif().get(_ORIENTATION, 1)
        except Exception:  # metadata that lies is no reason to refuse the pixels
            value = 1
    return value if isinstance(value, int) else 1


def _frames(image: Image.Image) -> list[str]:
    """A note where the file holds more than the frame that is used; called last, since it may seek."""
    if image.format not in _ANIMATED + _PAGED:
        return []
    try:
        several = bool(getattr(image, "is_animated", False))
    except Exception:  # the frames after the first may be damaged; the first is decoded already
        return []
    what = "page" if image.format in _PAGED else "frame"
    return [f"only its first {what} is used"] if several else []
