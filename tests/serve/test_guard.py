from __future__ import annotations

import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from hairseg.serve.guard import Guard, own_names

LOCAL = ["127.0.0.1", "localhost", "::1"]


def _ask(headers: dict[str, str], hosts: list[str] | None = LOCAL, origins: tuple[str, ...] = ()) -> int:
    guarded = Guard(PlainTextResponse("in"), hosts, origins)
    response = TestClient(guarded, base_url="http://127.0.0.1:8000").get("/", headers=headers)
    assert response.headers["cross-origin-opener-policy"] == "same-origin"
    assert response.headers["cross-origin-embedder-policy"] == "require-corp"
    if response.status_code != 200:
        assert response.headers["content-type"] == "application/problem+json"
    return response.status_code


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "[::1]:8000", "LOCALHOST"])
def test_own_names_are_answered(host: str) -> None:
    assert _ask({"Host": host}) == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "[::1", ""])
def test_a_name_that_somebody_pointed_at_us_is_not(host: str) -> None:
    assert _ask({"Host": host}) == 403
    assert _ask({"Host": host}, hosts=None) == 200


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://127.0.0.1:8000", 200),
        ("http://127.0.0.1:9000", 403),
        ("https://evil.example", 403),
        ("https://friend.example", 200),
        ("null", 403),
    ],
)
def test_pages_of_other_sites_may_not_ask(origin: str, status: int) -> None:
    assert _ask({"Origin": origin}, origins=("https://friend.example",)) == status


@pytest.mark.parametrize(
    ("host", "names"),
    [("127.0.0.1", LOCAL), ("localhost", LOCAL), ("::1", LOCAL), ("0.0.0.0", None), ("me.example", None)],
)
def test_names_that_count(host: str, names: list[str] | None) -> None:
    assert own_names(host) == names
