"""What the OpenAPI document says of bodies and answers that the framework cannot see."""

from __future__ import annotations

from typing import Any

from hairseg.serve.accept import JSON, PNG
from hairseg.serve.problem import MEDIA_TYPE
from hairseg.serve.upload import FIELD

_BYTES = {"type": "string", "format": "binary"}
_FORM = {"type": "object", "required": [FIELD], "properties": {FIELD: _BYTES}}
BODY = {
    "requestBody": {
        "required": True,
        "description": f"The file of a photo, or a form with it in the field `{FIELD}`.",
        "content": {"image/*": {"schema": _BYTES}, "multipart/form-data": {"schema": _FORM}},
    }
}
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
}
_WRONG = {
    406: "The answer can be neither PNG nor JSON.",
    408: "The photo did not arrive in time.",
    413: "The photo has too many bytes or pixels.",
    422: "The photo or an option is wrong.",
    503: "Too many photos at a time, or this one took too long: see Retry-After.",
}
ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The picture, or what was found in JSON.",
        "content": {PNG: {"schema": _BYTES}, JSON: {"schema": {"type": "object"}}},
    },
    **{
        status: {"description": text, "content": {MEDIA_TYPE: {"schema": _PROBLEM}}}
        for status, text in _WRONG.items()
    },
}
