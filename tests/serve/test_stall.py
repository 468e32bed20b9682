"""Clients that stall: real sockets against the running service, with short limits."""

from __future__ import annotations

import io
import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
from PIL import Image

from serve.conftest import serving

SECONDS = 2.0
# The service's patience, and that of a busy machine.
LIMIT = 60.0
CONNECTIONS = 60
HEAD = b"POST /mask HTTP/1.1\r\nHost: 127.0.0.1\r\n"


@pytest.fixture(scope="module")
def hasty(served_model: Path) -> Iterator[tuple[str, int]]:
    """Address and process of a service that gives little time; its log must be free of tracebacks."""
    limits = ("--timeout", str(SECONDS), "--max-megabytes", "1", "--queue", "2", "--threads", "1")
    options = ("-m", str(served_model), "--no-page", *limits, "--connections", str(CONNECTIONS))
    with serving(*options) as (address, process):
        yield address, process.pid
        process.terminate()
        assert process.stderr is not None
        said = process.stderr.read()
    assert "Traceback" not in said, said


@pytest.fixture
def address(hasty: tuple[str, int]) -> str:
    return hasty[0]


def connect(address: str) -> socket.socket:
    place = urlsplit(address)
    found = socket.create_connection((str(place.hostname), int(place.port or 0)))
    found.settimeout(LIMIT)
    return found


def rest(client: socket.socket) -> bytes:
    """Everything until the service closes."""
    data = b""
    try:
        while part := client.recv(65536):
            data += part
    except ConnectionError:
        pass
    return data


def trickle(client: socket.socket, letter: bytes) -> bytes:
    """What the service says to a client that sends a letter at a time; it has to close within the limit."""
    begun, answer = time.monotonic(), b""
    client.settimeout(0.2)
    while time.monotonic() - begun < LIMIT:
        try:
            client.sendall(letter)
            if not (part := client.recv(65536)):
                return answer
            answer += part
        except TimeoutError:
            continue
        except ConnectionError:
            return answer
    pytest.fail("the service did not close")


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def detail(answer: bytes) -> str:
    body = answer.partition(b"\r\n\r\n")[2]
    return str(json.loads(body)["detail"])


def photo(size: int = 48) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (size, size, 3), np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def test_nothing_is_sent(address: str) -> None:
    with closing(connect(address)) as client:
        assert rest(client) == b""


@pytest.mark.parametrize("sent", [b"P", HEAD, HEAD + b"X-A: 1"])
def test_a_head_that_stops(address: str, sent: bytes) -> None:
    with closing(connect(address)) as client:
        client.sendall(sent)
        answer = rest(client)
        assert status(answer) == 408
        assert "head of the request did not arrive" in detail(answer)


def test_a_head_a_letter_at_a_time(address: str) -> None:
    with closing(connect(address)) as client:
        client.sendall(HEAD)
        answer = trickle(client, b"X")
        assert answer == b"" or status(answer) == 408


def test_a_head_without_end_is_refused(address: str) -> None:
    with closing(connect(address)) as client:
        client.sendall(HEAD + b"X: " + b"x" * 200_000)
        assert status(rest(client)) == 400


@pytest.mark.parametrize(
    "sent",
    [
        b"Content-Length: 5000\r\n\r\n" + b"x" * 100,
        b"Transfer-Encoding: chunked\r\n\r\n10\r\n0123",
        b"Transfer-Encoding: chunked\r\n\r\n4\r\n0123\r\n",
        b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 500\r\n\r\n--x\r\n",
    ],
)
def test_a_body_that_stops(address: str, sent: bytes) -> None:
    with closing(connect(address)) as client:
        client.sendall(HEAD + sent)
        answer = rest(client)
        assert status(answer) == 408
        assert "the photo did not arrive within 2 seconds" in detail(answer)


def test_a_length_that_is_too_short(address: str) -> None:
    data = photo()
    with closing(connect(address)) as client:
        client.sendall(HEAD + b"Content-Length: 20\r\n\r\n" + data)
        first, _, second = rest(client).partition(b"HTTP/1.1 400")
        assert status(first) == 422  # a photo cut short
        assert second  # and what follows is no request


@pytest.mark.parametrize("length", [b"-1", b"1e3", b"99999999999999999999999999", b"0x10", b"10, 20"])
def test_a_length_that_is_none(address: str, length: bytes) -> None:
    with closing(connect(address)) as client:
        client.sendall(HEAD + b"Content-Length: " + length + b"\r\n\r\nabc")
        assert status(rest(client)) in (400, 413)


def test_chunks_without_end(address: str) -> None:
    with closing(connect(address)) as client:
        client.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        begun, sent = time.monotonic(), 0
        chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        try:
            while time.monotonic() - begun < LIMIT:
                client.sendall(chunk)
                sent += len(chunk)
        except (ConnectionError, TimeoutError):
            pass
        assert time.monotonic() - begun < LIMIT
        assert sent > 1_000_000  # as much as it may be


def test_chunks_beyond_the_limit_are_told(address: str) -> None:
    with closing(connect(address)) as client:
        client.sendall(
            HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + (b"10000\r\n" + b"x" * 65536 + b"\r\n") * 20
        )
        answer = rest(client)
        assert status(answer) == 413
        assert "larger than 1 MB" in detail(answer)


def test_an_unread_body_of_another_route(address: str) -> None:
    with closing(connect(address)) as client:
        client.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5000\r\n\r\n")
        assert status(trickle(client, b"x")) == 200


def test_others_are_served_while_many_stall(address: str) -> None:
    with ExitStack() as stack:
        stalled = [stack.enter_context(closing(connect(address))) for _ in range(CONNECTIONS - 10)]
        for number, client in enumerate(stalled):
            client.sendall((b"", HEAD, HEAD + b"Content-Length: 500000\r\n\r\n" + b"x" * 1000)[number % 3])
        data = photo()
        assert httpx.post(f"{address}/mask", content=data, timeout=LIMIT).status_code == 200
        assert httpx.get(f"{address}/health", timeout=LIMIT).status_code == 200
        answers = [rest(client) for client in stalled]
    assert {status(answer) for answer in answers if answer} == {408}
    assert len([answer for answer in answers if not answer]) == len(stalled[::3])


def test_too_many_connections_are_told(address: str) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(closing(connect(address))) for _ in range(CONNECTIONS + 5)]
        refused = [answer for answer in map(rest, clients) if answer]
    assert refused
    assert {status(answer) for answer in refused} == {503}
    assert f"{CONNECTIONS} connections are open already" in detail(refused[0])
    assert httpx.get(f"{address}/health", timeout=LIMIT).status_code == 200
