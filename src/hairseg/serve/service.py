"""What the routes share: one model, a queue in front of it, limits and counts."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PIL import Image
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from hairseg.errors import HairsegError, ModelError
from hairseg.hair import Hair
from hairseg.save import encode
from hairseg.segmenter import Segmenter
from hairseg.serve.accept import JSON, PNG, chosen
from hairseg.serve.assets import LARGEST_PHOTO
from hairseg.serve.desk import Desk
from hairseg.serve.metrics import Metrics
from hairseg.serve.options import Find, Mask
from hairseg.serve.problem import Refused, problem
from hairseg.serve.upload import Room, Upload, decode, drain, read_upload

Paint = Callable[[Hair], Image.Image]
# What nginx counts for a client that went before its request was whole; nobody sees it but the metrics.
GONE = 499


@dataclass(frozen=True)
class Limits:
    """What one request, and all together, may cost.

    Attributes:
        bytes: of a body.
        pixels: of a photo.
        seconds: until a request is given up.
        waiting: photos that may wait beside those in work.
        connections: that may be open at a time.
    """

    bytes: int = 25_000_000
    pixels: int = LARGEST_PHOTO
    seconds: float = 30.0
    waiting: int = 32
    connections: int = 512


class Service:
    """Answers photos.

    Args:
        segmenter: the one model.
        limits: of each request.
    """

    def __init__(self, segmenter: Segmenter, limits: Limits) -> None:
        # A core for each photo: whole photos side by side waste less than threads that share one.
        self.segmenter = segmenter.beside_others()
        self.limits = limits
        self.desk = Desk(segmenter.threads, limits.waiting, limits.seconds)
        self.room = Room(self.desk.places * limits.bytes)
        self.metrics = Metrics(self.desk)

    async def answer(self, request: Request, verb: str, find: Find, paint: Paint) -> Response:
        """Photo in, picture or JSON out; counted and timed."""
        start = time.perf_counter()
        try:
            response = await self._answer(request, verb, find, paint)
        except Refused as refused:
            await drain(request)
            response = problem(refused.status, refused.detail, refused.retry_after)
        except ClientDisconnect:
            response = Response(status_code=GONE)
        except HairsegError as error:
            # A model that fails is our mistake, anything else the client's.
            response = problem(500 if isinstance(error, ModelError) else 422, str(error))
        except Exception:
            # Our own bug, which is answered and logged further out: an alarm that watches the counts has to see it.
            self.metrics.answered(verb, 500, time.perf_counter() - start)
            raise
        self.metrics.answered(verb, response.status_code, time.perf_counter() - start)
        return response

    async def _answer(self, request: Request, verb: str, find: Find, paint: Paint) -> Response:
        kind = chosen(request.headers.get("accept"))
        if kind == JSON and isinstance(find, Mask) and find.edge == "soft":
            raise Refused(
                422, "option edge: run lengths have no soft edge; ask for image/png, or leave edge out"
            )

        def work(upload: Upload) -> Response:
            hair = self._find(upload, find)
            if kind == PNG:
                return Response(_png(hair, paint), media_type=PNG)
            return JSONResponse(_found(hair, verb, paint))

        with self.room.guest() as take:
            return await self.desk.serve(lambda: read_upload(request, self.limits.bytes, take), work)

    def _find(self, upload: Upload, find: Find) -> Hair:
        photo = decode(upload, self.limits.pixels)
        self.metrics.seen(photo.pixels.shape[0] * photo.pixels.shape[1])
        hair = self.segmenter(photo, threshold=find.threshold)
        cleaned = find.min_area > 0 or find.fill_holes
        return hair.cleaned(find.min_area, find.fill_holes) if cleaned else hair


def _png(hair: Hair, paint: Paint) -> bytes:
    return encode(paint(hair), tagged=hair.photo.icc_profile is not None)


def _found(hair: Hair, verb: str, paint: Paint) -> dict[str, Any]:
    """What was found, and the picture: a mask in run lengths, any other as base64."""
    if verb == "mask":
        return hair.to_dict(rle=True)
    return {**hair.to_dict(), "png": base64.b64encode(_png(hair, paint)).decode()}
