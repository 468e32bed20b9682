from __future__ import annotations

import pytest

from hairseg.serve.accept import JSON, PNG, chosen
from hairseg.serve.problem import Refused


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, PNG),
        ("", PNG),
        ("*/*", PNG),
        ("image/*", PNG),
        ("application/json", JSON),
        ("application/*", JSON),
        ("Application/JSON; charset=utf-8", JSON),
        ("image/png;q=0.5, application/json", JSON),
        ("text/html, */*;q=0.1", PNG),
        ("image/png;q=0, */*", JSON),
        ("application/json;q=nonsense, image/png;q=0.1", PNG),
    ],
)
def test_the_wanted_kind(accept: str | None, expected: str) -> None:
    assert chosen(accept) == expected


@pytest.mark.parametrize("accept", ["text/html", "image/webp", "*/*;q=0", "image/png;q=0"])
def test_neither_is_refused(accept: str) -> None:
    with pytest.raises(Refused, match="image/png or application/json") as refused:
        chosen(accept)
    assert refused.value.status == 406
