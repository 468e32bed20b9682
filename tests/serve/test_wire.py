"""The times of a connection, on a transport that says what it is asked for; real sockets are in test_stall.py."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

pytest.importorskip("uvicorn")
import uvicorn
from uvicorn.server import ServerState

from hairseg.serve.wire import Wire, wire

SECONDS = 0.1
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


class Transport(asyncio.Transport):
    """Takes what is written; ``waiting`` of it is not taken by the client yet."""

    def __init__(self, waiting: int = 0) -> None:
        super().__init__()
        self.waiting = waiting
        self.said = b""
        self.end = ""

    def write(self, data: Any) -> None:
        self.said += bytes(data)

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def is_closing(self) -> bool:
        return bool(self.end)

    def close(self) -> None:
        self.end = self.end or "closed"

    def abort(self) -> None:
        self.end = "aborted"

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


async def answers(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


async def never_answers(scope: Any, receive: Any, send: Any) -> None:
    await asyncio.Event().wait()


def connected(transport: Transport, app: Any, state: ServerState, most: int = 5) -> Wire:
    config = uvicorn.Config(app, log_level="critical", lifespan="off")
    config.load()
    one = wire(SECONDS, most)(config, state, {}, asyncio.get_running_loop())
    one.connection_made(transport)
    return one


async def ended(transport: Transport) -> str:
    """How the connection ends; a busy machine has ten seconds for it."""
    for _ in range(1000):
        if transport.end:
            break
        await asyncio.sleep(0.01)
    return transport.end


def asked(app: Any, transport: Transport) -> Transport:
    """The whole life of a connection on which one request comes."""

    async def life() -> None:
        one = connected(transport, app, ServerState())
        one.data_received(REQUEST)
        await ended(transport)
        one.connection_lost(None)

    asyncio.run(life())
    return transport


def test_an_answer_that_nobody_takes_is_dropped() -> None:
    transport = asked(answers, Transport(waiting=1000))
    assert transport.said.startswith(b"HTTP/1.1 200")
    assert transport.end == "aborted"


def test_an_answer_that_was_taken_leaves_an_idle_connection_that_is_closed() -> None:
    transport = asked(answers, Transport())
    assert transport.said.endswith(b"ok")
    assert transport.end == "closed"


def test_an_answer_that_never_comes_is_given_up() -> None:
    assert asked(never_answers, Transport()).end == "aborted"


def test_half_a_head_is_told() -> None:
    async def life() -> Transport:
        transport = Transport()
        connected(transport, answers, ServerState()).data_received(REQUEST[:20])
        await ended(transport)
        return transport

    transport = asyncio.run(life())
    assert transport.said.startswith(b"HTTP/1.1 408 Request Timeout")
    assert transport.end == "closed"


def test_what_is_no_http_is_told_as_any_other_mistake() -> None:
    async def life() -> Transport:
        transport = Transport()
        connected(transport, answers, ServerState()).data_received(b"\x00\x01 nonsense\r\n\r\n")
        await ended(transport)
        return transport

    transport = asyncio.run(life())
    head, _, body = transport.said.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request")
    assert b"application/problem+json" in head
    assert json.loads(body)["detail"].startswith("invalid http request received: send HTTP/1.1")
    assert transport.end == "closed"


def test_a_connection_too_many_is_told() -> None:
    async def life() -> tuple[Transport, Transport]:
        state, first, second = ServerState(), Transport(), Transport()
        connected(first, answers, state, most=1)
        connected(second, answers, state, most=1)
        return first, second

    first, second = asyncio.run(life())
    assert (first.said, first.end) == (b"", "")
    assert second.said.startswith(b"HTTP/1.1 503")
    assert second.end == "closed"
