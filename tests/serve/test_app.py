"""The running service, asked over loopback."""

from __future__ import annotations

import base64
import inspect
import io
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from starlette.testclient import TestClient

from hairseg.hair import Hair
from hairseg.rle import to_rle
from hairseg.segmenter import Segmenter
from hairseg.serve import options
from hairseg.serve.app import create_app
from serve.conftest import serving

PROBLEM = "application/problem+json"


def _png(pixels: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def photo(portrait: NDArray[np.uint8]) -> bytes:
    return _png(portrait)


@pytest.fixture(scope="session")
def segmenter(served_model: Path) -> Segmenter:
    return Segmenter(served_model, threads=1)


@pytest.fixture
def hair(segmenter: Segmenter, portrait: NDArray[np.uint8]) -> Hair:
    return segmenter(portrait)


def _pixels(data: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(data)))


def test_a_raw_body_gives_the_mask(client: httpx.Client, photo: bytes, hair: Hair) -> None:
    answer = client.post("/mask", content=photo)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/png"
    assert np.array_equal(_pixels(answer.content), np.asarray(hair.mask_image()))
    assert hair.fraction > 0.1


def test_a_form_gives_the_same(client: httpx.Client, photo: bytes) -> None:
    raw = client.post("/mask", content=photo)
    form = client.post("/mask", files={"photo": ("me.png", photo, "image/png")})
    assert form.content == raw.content


@pytest.mark.parametrize(
    ("verb", "query", "expected"),
    [
        ("mask", {"edge": "soft"}, lambda hair: hair.mask_image("soft")),
        ("cutout", {}, lambda hair: hair.cutout()),
        ("overlay", {}, lambda hair: hair.overlay()),
        ("overlay", {"color": "blue", "strength": "0.9"}, lambda hair: hair.overlay("blue", 0.9)),
        ("recolor", {"color": "copper"}, lambda hair: hair.recolor("copper")),
        (
            "recolor",
            {"color": "#101010", "tips": "honey blonde", "strength": "0.7", "lift": "0.5", "edge": "hard"},
            lambda hair: hair.recolor("#101010", 0.7, tips="honey blonde", lift=0.5, edge="hard"),
        ),
    ],
)
def test_every_verb_paints_what_the_library_paints(
    client: httpx.Client, photo: bytes, hair: Hair, verb: str, query: dict[str, str], expected: Any
) -> None:
    answer = client.post(f"/{verb}", params=query, content=photo)
    assert answer.status_code == 200, answer.text
    assert np.array_equal(_pixels(answer.content), np.asarray(expected(hair)))


def test_json_holds_what_was_found(client: httpx.Client, photo: bytes, hair: Hair) -> None:
    accept = {"Accept": "application/json"}
    found = client.post("/mask", content=photo, headers=accept).json()
    assert found == {**hair.to_dict(), "rle": to_rle(hair.mask)}
    painted = client.post("/cutout", content=photo, headers=accept).json()
    picture = base64.b64decode(painted.pop("png"))
    assert painted == hair.to_dict()
    assert np.array_equal(_pixels(picture), np.asarray(hair.cutout()))


def test_threshold_and_specks(
    client: httpx.Client, portrait: NDArray[np.uint8], segmenter: Segmenter
) -> None:
    portrait[40:43, 2:5] = (200, 30, 30)
    data = _png(portrait)
    plain = _pixels(client.post("/mask", content=data).content)
    cleaned = _pixels(client.post("/mask", params={"min_area": 0.02}, content=data).content)
    assert plain[41, 3] == 255
    assert cleaned[41, 3] == 0
    strict = client.post("/mask", params={"threshold": 0.999}, content=data)
    expected = segmenter(portrait, threshold=0.999)
    assert np.array_equal(_pixels(strict.content), np.asarray(expected.mask_image()))


def test_defaults_are_those_of_the_library() -> None:
    for verb, asked in (
        ("overlay", options.Overlay),
        ("cutout", options.Cutout),
        ("recolor", options.Recolor),
    ):
        parameters = inspect.signature(getattr(Hair, verb)).parameters
        for name, field in asked.model_fields.items():
            if name in parameters and not field.is_required():
                assert field.default == parameters[name].default, (verb, name)
    assert options.Mask().edge == inspect.signature(Hair.mask_image).parameters["edge"].default


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        ("/mask", b"just some text", 422, "not an image"),
        ("/mask", b"", 422, "is empty"),
        ("/mask?threshold=2", b"x", 422, "option threshold"),
        ("/mask?treshold=0.5", b"x", 422, "option treshold"),
        ("/mask?edge=fuzzy", b"x", 422, "option edge"),
        ("/recolor", b"x", 422, "option color"),
        ("/recolor?color=grean", b"x", 422, "did you mean 'green'"),
        ("/nothing", b"x", 404, "Not Found"),
        ("/health", b"x", 405, "Method Not Allowed"),
    ],
)
def test_mistakes_are_problems(client: httpx.Client, path: str, body: bytes, status: int, says: str) -> None:
    answer = client.post(path, content=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == PROBLEM
    problem = answer.json()
    assert set(problem) == {"type", "title", "status", "detail"}
    assert problem["status"] == status
    assert says in problem["detail"]


def test_a_damaged_photo_and_an_unwanted_kind(client: httpx.Client, photo: bytes) -> None:
    damaged = client.post("/mask", files={"photo": ("half.png", photo[: len(photo) // 2])})
    assert damaged.status_code == 422
    assert "half.png is damaged" in damaged.json()["detail"]
    assert client.post("/mask", content=photo, headers={"Accept": "text/html"}).status_code == 406


def test_run_lengths_have_no_soft_edge(client: httpx.Client, photo: bytes) -> None:
    answer = client.post("/mask?edge=soft", content=photo, headers={"Accept": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("option edge: run lengths have no soft edge")


def test_a_client_that_goes_in_mid_body_is_counted_and_leaves_no_traceback(served_model: Path) -> None:
    with serving("-m", str(served_model), "--no-page") as (address, process):
        at = httpx.URL(address)
        for _ in range(3):
            with socket.create_connection((at.host, at.port or 0)) as broken:
                broken.sendall(b"POST /mask HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\nhalf")
        gone = 'hairseg_answers_total{status="499",verb="mask"} 3'
        for _ in range(50):
            if gone in httpx.get(f"{address}/metrics").text:
                break
            time.sleep(0.1)
        else:
            pytest.fail("the three are not counted")
        process.terminate()
        assert "Traceback" not in process.communicate(timeout=30)[1]


def test_a_refused_upload_is_not_invited(client: httpx.Client) -> None:
    with socket.create_connection((client.base_url.host, client.base_url.port or 0), timeout=30) as asking:
        head = "POST /mask HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99999999\r\nExpect: 100-continue\r\n\r\n"
        asking.sendall(head.encode())
        assert asking.recv(4096).startswith(b"HTTP/1.1 413")


def test_too_many_bytes_or_pixels(client: httpx.Client) -> None:
    bytes_ = client.post("/mask", content=b"x" * 26_000_000)
    assert bytes_.status_code == 413
    assert "25 MB" in bytes_.json()["detail"]
    pixels = client.post("/mask", content=_png(np.zeros((1500, 1500, 3), np.uint8)))
    assert pixels.status_code == 413
    assert "1500 x 1500" in pixels.json()["detail"]


def test_nothing_is_fetched_from_an_address(client: httpx.Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(0.5)
        address = f"http://127.0.0.1:{trap.getsockname()[1]}/portrait.jpg"
        assert client.post("/mask", content=address.encode()).status_code == 422
        assert client.post("/mask", params={"url": address}, content=b"x").status_code == 422
        assert client.post("/mask", data={"photo": address}, files={"x": b"x"}).status_code == 422
        with pytest.raises(TimeoutError):
            trap.accept()


def test_facts(client: httpx.Client, segmenter: Segmenter) -> None:
    health = client.get("/health").json()
    assert (health["status"], health["model"]) == ("ok", "toy")
    [served] = [model for model in client.get("/models").json() if model["serving"]]
    info = segmenter.info
    assert served["fit"] == {"mode": "area", "size": 256, "multiple": 32}
    assert (served["mean"], served["std"]) == ([0, 0, 0], [1, 1, 1])
    assert (served["bytes"], served["threshold"]) == (info.bytes, info.threshold)


def test_beside_a_page_a_wrong_method_is_told_and_health_is_watched(segmenter: Segmenter) -> None:
    app = create_app(segmenter, [segmenter.info], {"index.html": b"<p>page</p>"})
    with TestClient(app) as browser:
        assert browser.get("/").text == "<p>page</p>"
        wrong = browser.get("/mask")
        assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
        assert wrong.json()["detail"] == "/mask does not take GET: use POST"
        assert browser.head("/health").status_code == 200
        assert browser.get("/nothing").status_code == 404
        assert "the page is at" in browser.get("/docs").text


def test_metrics_count_what_was_answered(client: httpx.Client, photo: bytes) -> None:
    def count(line: str) -> float:
        lines = dict(row.rsplit(" ", 1) for row in client.get("/metrics").text.splitlines() if row[0] != "#")
        return float(lines.get(line, 0))

    good, bad = (
        'hairseg_answers_total{status="200",verb="overlay"}',
        'hairseg_answers_total{status="422",verb="overlay"}',
    )
    before = count(good), count(bad)
    client.post("/overlay", content=photo)
    client.post("/overlay", content=b"text")
    assert (count(good), count(bad)) == (before[0] + 1, before[1] + 1)
    assert count("hairseg_inside") == 0
    assert count("process_resident_memory_bytes") > 1e6


def test_the_reference_needs_no_other_server(client: httpx.Client) -> None:
    page = client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "script" not in page.text
    assert "//" not in page.text.replace("http://127.0.0.1:8000", "")
    assert "the page is at" not in page.text  # it is not served here
    for path in ("/mask", "/cutout", "/overlay", "/recolor", "/models", "/health", "/metrics"):
        assert f"{path}</code>" in page.text


def test_many_at_a_time_are_answered_or_sent_away_with_a_time(served_model: Path, photo: bytes) -> None:
    with serving("-m", str(served_model), "--no-page", "--threads", "1", "--queue", "1") as (address, _):

        def ask(_: int) -> httpx.Response:
            return httpx.post(f"{address}/recolor?color=copper", content=photo, timeout=60)

        with ThreadPoolExecutor(12) as clients:
            answers = list(clients.map(ask, range(48)))
    assert {answer.status_code for answer in answers} <= {200, 503}
    sent_away = [answer for answer in answers if answer.status_code == 503]
    assert len(sent_away) < len(answers)
    for answer in sent_away:
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.headers["content-type"] == PROBLEM


def test_cors_only_where_asked(service: str, served_model: Path, photo: bytes) -> None:
    friend = {"Origin": "https://friend.example"}
    refused = httpx.post(f"{service}/mask", content=photo, headers=friend)
    assert refused.status_code == 403
    assert "access-control-allow-origin" not in refused.headers
    with serving("-m", str(served_model), "--no-page", "--allow-origin", friend["Origin"]) as (address, _):
        allowed = httpx.post(f"{address}/mask", content=photo, headers=friend)
        assert allowed.status_code == 200
        assert allowed.headers["access-control-allow-origin"] == friend["Origin"]
        assert "Retry-After" in allowed.headers["access-control-expose-headers"]
        assert httpx.get(f"{address}/health", headers={"Origin": "https://x.example"}).status_code == 403


def test_it_finishes_what_it_has_begun(served_model: Path) -> None:
    large = _png(np.random.default_rng(0).integers(0, 255, (1500, 1200, 3), np.uint8))
    with (
        serving("-m", str(served_model), "--no-page") as (address, process),
        ThreadPoolExecutor(1) as clients,
    ):
        httpx.get(f"{address}/health")
        asked = clients.submit(httpx.post, f"{address}/cutout", content=large, timeout=60)
        while "hairseg_inside 1.0" not in httpx.get(f"{address}/metrics").text and not asked.done():
            pass
        process.send_signal(signal.SIGTERM)
        assert asked.result().status_code == 200
        assert process.wait(30) in (0, -signal.SIGTERM)
