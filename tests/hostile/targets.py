"""Everything of hairseg that reads what strangers wrote, each with good files to start from.

A target is fed bytes. It may raise an error of :mod:`hairseg.errors`; anything else is a bug.
"""

from __future__ import annotations

import asyncio
import io
import json
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from hairseg.errors import HairsegError

from . import inside, seeds, written
from .target import Target, complaint, file_of, folder

__all__ = ["TARGETS", "Target", "complaint"]


def _photo(data: bytes) -> None:
    from hairseg.photo import read_photo

    read_photo(data)


def _photo_file(data: bytes) -> None:
    from hairseg.photo import read_photo

    read_photo(file_of(data, "photo.jpg"))


def _profile(data: bytes) -> None:
    _photo(seeds.encoded(seeds.picture(), "PNG", icc_profile=data))
    _photo(seeds.encoded(seeds.picture("CMYK"), "JPEG", icc_profile=data[:60000]))


def _exif(data: bytes) -> None:
    _photo(seeds.encoded(seeds.picture(), "JPEG", exif=data[:60000]))
    _photo(seeds.encoded(seeds.picture(), "PNG", exif=data))


def _mask(data: bytes) -> None:
    from hairseg.classes import unnamed
    from hairseg.data.items import read_mask
    from hairseg.data.labels import Labels

    path = file_of(data, "mask.png")
    for labels in (None, Labels(unnamed(4))):
        try:
            read_mask(path, labels)
        except HairsegError:
            if labels is not None:
                raise


def _video(data: bytes) -> None:
    from hairseg.video_reader import VideoReader

    video = VideoReader(io.BytesIO(data))
    try:
        for _ in islice(video.frames(), 40):
            pass
    finally:
        video.close()


def _model(data: bytes) -> None:
    from hairseg.segmenter import Segmenter

    Segmenter(file_of(data, "model.onnx"), 1)(np.zeros((40, 64, 3), np.uint8))


def _metadata(data: bytes) -> None:
    from hairseg.models import parse_info

    parse_info({"hairseg": data.decode("utf-8", "replace")}, Path("model.onnx"))


def _tensors(data: bytes) -> None:
    from hairseg.net.files import load

    load(file_of(data, "weights.safetensors"))


def _pickle(data: bytes) -> None:
    from hairseg.net.files import load

    load(file_of(data, "weights.pth"))


def _recipe(data: bytes) -> None:
    from hairseg.training.recipe import read_recipe

    read_recipe(file_of(data, "recipe.toml"))


def _manifest(data: bytes) -> None:
    from hairseg.data import open_data

    place = folder() / "set"
    place.mkdir(exist_ok=True)
    (place / "manifest.csv").write_bytes(data)
    open_data(f"folder:{place}")


def _class_list(data: bytes) -> None:
    from hairseg.data.labels import read_classes

    read_classes(file_of(data, "classes.csv"))


def _split(data: bytes) -> None:
    from hairseg.data import open_data

    place = folder() / "split"
    (place / "splits").mkdir(parents=True, exist_ok=True)
    (place / "manifest.csv").write_bytes(seeds.manifests()[0])
    (place / "splits/some.txt").write_bytes(data)
    open_data(f"folder:{place}", "some")


def _run_lengths(data: bytes) -> None:
    from hairseg.rle import from_rle

    try:
        given = json.loads(data)
        height, width = map(int, given["size"])
        counts = str(given["counts"])
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError):
        return  # not what the function takes
    from_rle({"size": [height, width], "counts": counts})


def _color(data: bytes) -> None:
    from hairseg.color import parse_color

    parse_color(data.decode("utf-8", "replace"))


@cache
def _service() -> tuple[Any, asyncio.Runner]:
    """The HTTP service without a socket."""
    import httpx

    from hairseg.segmenter import Segmenter
    from hairseg.serve.app import create_app
    from hairseg.serve.service import Limits
    from toys import write_toy_model

    segmenter = Segmenter(write_toy_model(folder() / "served.onnx"), 1)
    app = create_app(segmenter, [segmenter.info], {}, limits=Limits(bytes=50_000, pixels=1_000_000))
    transport = httpx.ASGITransport(app=app)
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1"), asyncio.Runner()


def _ask(url: str, body: bytes, headers: dict[str, str]) -> None:
    client, runner = _service()
    answer = runner.run(client.post(url, content=body, headers=headers))
    if answer.status_code >= 500:
        raise AssertionError(f"{url} answers {answer.status_code}: {answer.text[:300]}")
    if answer.status_code >= 400 and answer.headers["content-type"] != "application/problem+json":
        raise AssertionError(f"{url} answers {answer.headers['content-type']}: {answer.text[:300]}")


def _body(data: bytes) -> None:
    _ask("/mask", data, {"content-type": "image/png"})
    _ask("/recolor?color=red", data, {"content-type": "multipart/form-data; boundary=limit"})


def _request(data: bytes) -> None:
    import httpx

    text = data[:2000].decode("latin-1")
    header = "".join(letter for letter in text if " " <= letter < "\x7f").strip()
    photo = seeds.bodies()[0]
    query = httpx.QueryParams({"color": text, "strength": text, "threshold": text, "tips": text})
    _ask(f"/recolor?{query}", photo, {"accept": header, "content-type": header})
    _ask(
        "/mask",
        photo,
        {"accept": header, "host": header, "origin": header, "content-length": str(len(photo))},
    )


TARGETS = (
    Target("jpeg", seeds.jpeg, _photo),
    Target("png", seeds.png, _photo),
    Target("webp", seeds.webp, _photo),
    Target("gif", seeds.gif, _photo),
    Target("tiff", seeds.tiff, _photo),
    Target("bmp", seeds.bmp, _photo),
    Target("other pictures", seeds.others, _photo),
    Target("avif", seeds.avif, _photo),
    Target("heic", seeds.heic, _photo, ("pi_heif",)),
    Target("a photo's file", lambda: [*seeds.jpeg(), *seeds.png(), *seeds.tiff()], _photo_file),
    Target("ICC profile", lambda: [seeds.profile()], _profile),
    Target("EXIF", lambda: [seeds.exif()], _exif),
    Target("mask", seeds.masks, _mask),
    Target("video", seeds.videos, _video, ("av",)),
    Target("ONNX", seeds.models, _model, ("onnx",)),
    Target("metadata", seeds.metadata, _metadata),
    Target("safetensors", seeds.tensors, _tensors, ("torch", "safetensors")),
    Target("pickle", seeds.pickles, _pickle, ("torch",)),
    Target("recipe", seeds.recipes, _recipe, ("torch",)),
    Target("manifest", seeds.manifests, _manifest),
    Target("classes", seeds.class_lists, _class_list),
    Target("split", lambda: [b"a.jpg\nb,1.jpg\n"], _split),
    Target("run lengths", seeds.run_lengths, _run_lengths),
    Target("color", seeds.settings, _color),
    Target("body", seeds.bodies, _body, ("fastapi", "httpx", "python_multipart")),
    Target("request", seeds.settings, _request, ("fastapi", "httpx", "python_multipart")),
    *inside.TARGETS,
    *written.TARGETS,
)
