"""PNG or JSON, by the Accept header of a request."""

from __future__ import annotations

from hairseg.serve.problem import Refused

PNG, JSON = "image/png", "application/json"


def chosen(accept: str | None) -> str:
    """The media type of the answer; PNG where the client does not care.

    Args:
        accept: the header, or None.

    Raises:
        Refused: 406, it allows neither.
    """
    ranges = [_parse(part) for part in (accept or "*/*").split(",") if part.strip()]
    kinds = [(_quality(kind, ranges), kind) for kind in (PNG, JSON)]
    quality, kind = max(kinds, key=lambda pair: pair[0])  # the first of equals
    if quality <= 0:
        raise Refused(406, f"the answer is {PNG} or {JSON}: ask for one of them in Accept")
    return kind


def _parse(part: str) -> tuple[str, float]:
    """``image/*;q=0.5`` -> its range and quality."""
    name, *parameters = (piece.strip().lower() for piece in part.split(";"))
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip() == "q":
            try:
                return name, float(value)
            except ValueError:
                return name, 0.0
    return name, 1.0


def _quality(kind: str, ranges: list[tuple[str, float]]) -> float:
    """How much a media type is wanted: by the most specific range that covers it."""
    for pattern in (kind, f"{kind.partition('/')[0]}/*", "*/*"):
        found = [quality for name, quality in ranges if name == pattern]
        if found:
            return max(found)
    return 0.0
