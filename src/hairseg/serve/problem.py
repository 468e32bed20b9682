"""Every error of the service as problem+json (RFC 9457): what is wrong and what to do, in one sentence."""

from __future__ import annotations

from http import HTTPStatus

from starlette.responses import JSONResponse

MEDIA_TYPE = "application/problem+json"


class Refused(Exception):
    """A request that is answered with an error.

    Args:
        status: of HTTP.
        detail: one sentence for a person.
        retry_after: seconds until it is worth trying again.
    """

    def __init__(self, status: int, detail: str, retry_after: int | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.retry_after = retry_after


def problem(status: int, detail: str, retry_after: int | None = None) -> JSONResponse:
    """The response for one error."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return JSONResponse(body, status, headers, MEDIA_TYPE)
