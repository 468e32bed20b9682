"""The page's files over HTTP."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from starlette.responses import FileResponse, Response

from hairseg.serve.assets import Asset, media_type
from hairseg.serve.problem import problem


def page_response(page: Mapping[str, Asset], address: str, known: str | None) -> Response:
    """The response for one address.

    Args:
        page: address to content; nothing else exists, so no address can lead out of it.
        address: what was asked for.
        known: the tag of the version that the browser has (If-None-Match).
    """
    content = page.get(address)
    if content is None:
        return problem(404, f"there is no /{address} here: see / and /docs")
    tag = _tag(content)
    # Kept by the browser, but asked for again: a new version of hairseg is seen at once.
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if known is not None and tag in known:
        return Response(status_code=304, headers=headers)
    kind = media_type(address)
    if isinstance(content, Path):
        return FileResponse(content, media_type=kind, headers=headers)
    return Response(content, media_type=kind, headers=headers)


def _tag(content: Asset) -> str:
    if isinstance(content, bytes):
        return f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    status = content.stat()
    return f'"{status.st_mtime_ns:x}-{status.st_size:x}"'
