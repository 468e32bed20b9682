"""The body of a request -> a photo, within limits. Nothing is ever fetched from an address in it."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import PurePath

from PIL import Image
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from hairseg.photo import Photo, read_photo
from hairseg.printable import printable
from hairseg.serve.problem import Refused

FIELD = "photo"
_DRAIN_BYTES, _DRAIN_SECONDS = 1 << 26, 2.0


@dataclass(frozen=True)
class Upload:
    """What a client sent.

    Attributes:
        data: the bytes of the photo's file.
        name: for messages, safe to print.
    """

    data: bytes
    name: str


class Room:
    """What all bodies together may hold of the memory.

    Args:
        most: bytes.
    """

    def __init__(self, most: int) -> None:
        self._left = most

    @contextmanager
    def guest(self) -> Iterator[Callable[[int], None]]:
        """A request: tells how many bytes came, and gives them all back at its end.

        Raises:
            Refused: 503, the room is full.
        """
        held = 0

        def take(size: int) -> None:
            nonlocal held
            if size > self._left:
                raise Refused(503, "too many photos are arriving at once: try again", 1)
            held += size
            self._left -= size

        try:
            yield take
        finally:
            self._left += held


async def read_upload(request: Request, most: int, take: Callable[[int], None] = lambda _: None) -> Upload:
    """The photo in a request: its whole body, or the field ``photo`` of a form.

    Args:
        request: not read yet.
        most: bytes of a body.
        take: is told how many bytes came.

    Raises:
        Refused: 413, the body is larger; 422, it is empty or a form without the field.
    """
    body = await _read_body(request, most, take)
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        return _checked(body, "the photo")
    try:
        form = await MultiPartParser(request.headers, _once(body), max_files=1, max_fields=10).parse()
    except (MultiPartException, KeyError, ValueError) as error:
        reason = str(getattr(error, "message", "") or error).rstrip(".")
        raise Refused(422, f"the form cannot be read ({printable(reason)}): send it with curl -F") from error
    try:
        part = form.get(FIELD)
        if not isinstance(part, UploadFile):
            raise Refused(422, f"the form has no file named {FIELD!r}: curl -F {FIELD}=@portrait.jpg")
        return _checked(await part.read(), printable(PurePath(part.filename or "the photo").name))
    finally:
        await form.close()


def decode(upload: Upload, most: int) -> Photo:
    """The photo itself.

    Args:
        upload: bytes of any kind.
        most: pixels of a photo; its header is asked before anything is decoded.

    Raises:
        Refused: 413, it has more pixels.
        PhotoError: it cannot be read.
    """
    size = _size(upload.data)
    if size is not None and size[0] * size[1] > most:
        detail = f"{upload.name} has {size[0]} x {size[1]} pixels, more than {most / 1e6:.0f} million"
        raise Refused(413, f"{detail}: reduce it first")
    file = io.BytesIO(upload.data)
    file.name = upload.name
    return read_photo(file)


def _size(data: bytes) -> tuple[int, int] | None:
    """Width and height that a file claims; None where it is no image, which the decoder explains better."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            return image.size
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return (Image.MAX_IMAGE_PIXELS or 0, 1)
    except Exception:
        return None


async def _read_body(request: Request, most: int, take: Callable[[int], None]) -> bytes:
    """The whole body, if it is not larger than ``most``."""
    claimed = request.headers.get("content-length", "0")
    size, chunks = int(claimed) if claimed.isdecimal() else 0, []
    if size <= most:
        request.state.begun = True
        size = 0
        async for chunk in request.stream():
            size += len(chunk)
            if size > most:
                break
            take(len(chunk))
            chunks.append(chunk)
    if size > most:
        raise Refused(413, f"the body is larger than {most / 1e6:g} MB: send a smaller file")
    return b"".join(chunks)


async def drain(request: Request) -> None:
    """Read what a refused client still sends, within limits: it would not see the answer while sending.

    A client that waits to be invited (``Expect: 100-continue``) and was not yet is not: reading would invite it.
    """
    begun = getattr(request.state, "begun", False)
    if not begun and request.headers.get("expect", "").lower() == "100-continue":
        return
    with suppress(TimeoutError, ClientDisconnect, RuntimeError):
        async with asyncio.timeout(_DRAIN_SECONDS):
            size = 0
            async for chunk in request.stream():
                size += len(chunk)
                if size > _DRAIN_BYTES:
                    return


async def _once(body: bytes) -> AsyncGenerator[bytes, None]:
    yield body


def _checked(data: bytes, name: str) -> Upload:
    if not data:
        raise Refused(422, f"{name} is empty: send the bytes of a photo, or a form with a file {FIELD!r}")
    return Upload(data, name)
