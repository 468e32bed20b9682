"""HTTP of uvicorn, over connections that do not wait for ever.

uvicorn itself ends an idle connection only after it has answered on it: one that sends its request a letter at a time,
or does not take its answer, would stay, and with it its memory.
"""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

# A browser sends its headers at once.
HEAD_SECONDS = 10.0
_HEAD = b"HTTP/1.1 %d %b\r\nConnection: close\r\nContent-Type: application/problem+json\r\n"


class Wire(H11Protocol):
    """One connection; :func:`wire` makes the class with its limits.

    A request's head must be whole after ``head`` seconds, its answer must be on its way after ``2 * seconds`` (reading
    and work have ``seconds`` each, and say so themselves), and be taken ``seconds`` later.
    """

    seconds = 30.0
    head = HEAD_SECONDS
    most = 512

    _timer: asyncio.TimerHandle | None = None
    _seen: object = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has come."""
        super().connection_made(transport)
        self._give(self.head)
        if len(self.connections) > self.most:
            self._refuse(503, f"{self.most} connections are open already: try again")

    def connection_lost(self, exc: Exception | None) -> None:
        """It has gone."""
        self._stop()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes of a request, or of several."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        self._begun()

    def on_response_complete(self) -> None:
        """An answer is written, though maybe not taken yet."""
        super().on_response_complete()
        self._give(self.seconds if self.transport.get_write_buffer_size() else self.head)
        self._begun()  # a request that came with the one before

    def _begun(self) -> None:
        """Another measure of time from the moment on at which a request's head is whole."""
        if self.cycle is not None and self.cycle is not self._seen and not self.cycle.response_complete:
            self._seen = self.cycle
            self._give(2 * self.seconds + self.head)

    def _give(self, seconds: float) -> None:
        self._stop()
        self._timer = self.loop.call_later(seconds, self._late)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _late(self) -> None:
        """The time is over."""
        answering = self.cycle is not None and not self.cycle.response_complete
        if answering or self.transport.get_write_buffer_size() or self.transport.is_closing():
            self.transport.abort()
        elif self.conn.their_state is h11.IDLE and self.conn.trailing_data[0]:
            self._refuse(408, f"the head of the request did not arrive within {self.head:g} seconds")
        else:
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """What has come is no HTTP; uvicorn calls this, and would answer in plain text."""
        self._refuse(400, f"{msg.rstrip('.').lower()}: send HTTP/1.1 with a head of at most 64 KiB")

    def _refuse(self, status: int, detail: str) -> None:
        """Answer without a request, and close."""
        from hairseg.serve.problem import problem

        response = problem(status, detail)
        phrase = {400: b"Bad Request", 408: b"Request Timeout", 503: b"Service Unavailable"}[status]
        body = bytes(response.body)
        self.transport.write(_HEAD % (status, phrase) + b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        self.transport.close()
        self._give(self.head)  # to take it


def wire(seconds: float, most: int) -> type[Wire]:
    """The connections of one service.

    Args:
        seconds: until a request is given up.
        most: connections at a time.
    """
    limits: dict[str, Any] = {"seconds": seconds, "head": min(HEAD_SECONDS, seconds), "most": most}
    return type("LimitedWire", (Wire,), limits)
