from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator

import numpy as np
import pytest
from PIL import Image
from starlette.requests import Request

from hairseg.errors import PhotoError
from hairseg.serve.problem import Refused
from hairseg.serve.upload import Room, Upload, decode, drain, read_upload

FORM = b"multipart/form-data; boundary=x"


def _request(body: bytes, kind: bytes = b"image/png", chunk: int = 7, claimed: int | None = None) -> Request:
    """A request whose body arrives in small chunks."""
    chunks = [body[start : start + chunk] for start in range(0, len(body), chunk)] or [b""]
    messages = [
        {"type": "http.request", "body": part, "more_body": number < len(chunks) - 1}
        for number, part in enumerate(chunks)
    ]

    async def arriving() -> AsyncIterator[dict[str, object]]:
        for message in messages:
            yield message

    stream = arriving()
    headers = [(b"content-type", kind)]
    if claimed is not None:
        headers.append((b"content-length", str(claimed).encode()))
    return Request({"type": "http", "headers": headers, "method": "POST"}, stream.__anext__)


def _form(name: str = "photo", content: bytes = b"PNG", filename: str = 'filename="me.png"') -> bytes:
    head = f'--x\r\nContent-Disposition: form-data; name="{name}"; {filename}\r\n\r\n'
    return head.encode() + content + b"\r\n--x--\r\n"


def _read(request: Request, most: int = 1000) -> Upload:
    return asyncio.run(read_upload(request, most))


def test_a_raw_body() -> None:
    assert _read(_request(b"some bytes of a photo")) == Upload(b"some bytes of a photo", "the photo")


def test_a_form_knows_the_name_of_its_file() -> None:
    assert _read(_request(_form(), FORM)) == Upload(b"PNG", "me.png")


def test_a_name_with_folders_and_escapes_is_made_safe() -> None:
    upload = _read(_request(_form(filename='filename="../../a\x1b[31m.png"'), FORM))
    assert upload.name == "a\\x1b[31m.png"


@pytest.mark.parametrize(
    ("request_", "status", "what"),
    [
        (_request(b""), 422, "the photo is empty"),
        (_request(b"x" * 1001), 413, "larger than 0.001 MB"),
        (_request(b"", claimed=1001), 413, "larger than 0.001 MB"),
        (_request(_form(name="picture"), FORM), 422, "no file named 'photo'"),
        (_request(_form(filename='x="y"'), FORM), 422, "no file named 'photo'"),
        (_request(_form(content=b""), FORM), 422, "me.png is empty"),
        (_request(b"no form", FORM), 422, "the form"),
        (_request(b"no form", b"multipart/form-data"), 422, "the form"),
    ],
)
def test_what_is_refused(request_: Request, status: int, what: str) -> None:
    with pytest.raises(Refused, match=what) as refused:
        _read(request_)
    assert refused.value.status == status


def test_draining_ends_with_the_body() -> None:
    request = _request(b"x" * 5000)
    with pytest.raises(Refused):
        _read(request)
    asyncio.run(drain(request))
    asyncio.run(drain(request))  # nothing is left, nothing waits


def _png(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("1", (width, height)).save(buffer, "PNG")
    return buffer.getvalue()


def test_decoding() -> None:
    photo = decode(Upload(_png(20, 10), "me.png"), 200)
    assert photo.pixels.shape == (10, 20, 3)
    assert photo.pixels.dtype == np.uint8
    assert photo.name == "me.png"


@pytest.mark.parametrize("size", [(21, 10), (10_000, 9_000), (20_000, 10_000)])
def test_too_many_pixels_are_refused_by_the_header(size: tuple[int, int]) -> None:
    with pytest.raises(Refused, match=r"me\.png has .* pixels, more than") as refused:
        decode(Upload(_png(*size), "me.png"), 200)
    assert refused.value.status == 413


def test_no_photo_is_explained_by_the_decoder() -> None:
    with pytest.raises(PhotoError, match=r"notes\.txt is not an image"):
        decode(Upload(b"just some text, nothing else", "notes.txt"), 200)


def test_all_bodies_together_have_a_limit() -> None:
    room = Room(25)
    with room.guest() as take:
        asyncio.run(read_upload(_request(b"x" * 20), 100, take))
        with (
            pytest.raises(Refused, match="too many photos are arriving at once") as refused,
            room.guest() as more,
        ):
            asyncio.run(read_upload(_request(b"x" * 20), 100, more))
        assert (refused.value.status, refused.value.retry_after) == (503, 1)
    with room.guest() as take:  # what they held is free again
        asyncio.run(read_upload(_request(b"x" * 20), 100, take))
