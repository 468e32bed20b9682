"""The OpenAPI document tells the truth: schemathesis asks what it allows, and what it does not."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

schemathesis = pytest.importorskip("schemathesis", reason="needs schemathesis")


def _photo(colour: tuple[int, int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(buffer, "PNG")
    return buffer.getvalue()


level = st.integers(0, 255)
schemathesis.openapi.media_type(
    "image/*", st.tuples(level, level, level).map(_photo) | st.binary(max_size=64)
)


@pytest.fixture(scope="module")
def document(service: str) -> Any:
    return schemathesis.openapi.from_url(f"{service}/openapi.json")


PHOTOS = [(path, "POST") for path in ("/mask", "/cutout", "/overlay", "/recolor")]
FACTS = [(path, "GET") for path in ("/models", "/health", "/metrics")]


def test_every_route_is_documented(document: Any) -> None:
    found = [(found.ok().path, found.ok().method.upper()) for found in document.get_all_operations()]
    assert sorted(found) == sorted(PHOTOS + FACTS)


@pytest.mark.parametrize(
    ("path", "method", "mode"),
    # Without a body or an option nothing can be asked wrongly.
    [(*operation, "POSITIVE") for operation in PHOTOS + FACTS]
    + [(*operation, "NEGATIVE") for operation in PHOTOS],
)
def test_every_answer_is_as_documented(document: Any, path: str, method: str, mode: str) -> None:
    cases = document[path][method].as_strategy(generation_mode=schemathesis.GenerationMode[mode])
    # A body may be no photo, and a text no colour: the document cannot say which.
    allowed = [schemathesis.checks.CHECKS.get_one("positive_data_acceptance")]

    @given(case=cases)
    @settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    def ask(case: Any) -> None:
        case.call_and_validate(excluded_checks=allowed)

    ask()
