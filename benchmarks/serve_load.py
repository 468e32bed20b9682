"""The HTTP service under load: 64 clients for a minute, beside the plain loop over the same photo.

    python benchmarks/serve_load.py samples/astronaut.jpg [--clients 64] [--seconds 60] [--model NAME|FILE]

The loop decodes, segments and encodes as the service does, with as many threads (`Segmenter.stream`), but
without HTTP. Both run on this machine, over loopback; clients wait as long as Retry-After says. Prints throughput
of both and their ratio, p50 and p99 of the answered requests, answers by status, and the memory of the service
from the first quarter to the end. Ends with 1 if any answer was neither 200 nor 503.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import repeat, takewhile
from pathlib import Path

import httpx

from hairseg.save import encode
from hairseg.segmenter import Segmenter


@dataclass
class Load:
    """What the clients saw.

    Attributes:
        seconds: of each answered request, from sending it to its picture.
        statuses: how often each was answered.
        memory: megabytes of the service, once a second.
    """

    seconds: list[float] = field(default_factory=list)
    statuses: collections.Counter[int] = field(default_factory=collections.Counter)
    memory: list[float] = field(default_factory=list)


@contextmanager
def serving(model: str | None) -> Iterator[str]:
    """``hairseg serve`` on a free port of loopback."""
    command = [sys.executable, "-m", "hairseg", "serve", "--no-page", "--port", "0"]
    command += ["-m", model] if model else []
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        found = re.search(r"http://127\.0\.0\.1:\d+", process.stderr.readline())
        assert found, process.stderr.read()
        try:
            yield found.group()
        finally:
            process.kill()


def plain_loop(photo: bytes, model: str | None, seconds: float) -> float:
    """Masks a second without HTTP."""
    segmenter = Segmenter(model)
    for hair in segmenter.stream([photo] * 4):  # warm-up
        encode(hair.mask_image())
    count, start = 0, time.perf_counter()
    photos = takewhile(lambda _: time.perf_counter() - start < seconds, repeat(photo))
    for hair in segmenter.stream(photos):
        encode(hair.mask_image())
        count += 1
    return count / (time.perf_counter() - start)


async def one_client(address: str, photo: bytes, until: float, load: Load) -> None:
    """Asks again and again, and waits where it is told to; plain sockets, since clients share the cores."""
    host, port = address.removeprefix("http://").split(":")
    request = f"POST /mask HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: {len(photo)}\r\n\r\n".encode()
    reader, writer = await asyncio.open_connection(host, int(port))
    while time.perf_counter() < until:
        start = time.perf_counter()
        writer.write(request + photo)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        await reader.readexactly(int(_field(head, "content-length", 0)))
        status = int(head.split(" ", 2)[1])
        load.statuses[status] += 1
        if status == 200:
            load.seconds.append(time.perf_counter() - start)
        else:
            wait = _field(head, "retry-after", 1)
            await asyncio.sleep(min(wait, max(until - time.perf_counter(), 0)))
        if "\r\nconnection: close" in head:  # a photo that is refused is not read to its end
            writer.close()
            reader, writer = await asyncio.open_connection(host, int(port))
    writer.close()
    await writer.wait_closed()


def _field(head: str, name: str, otherwise: float) -> float:
    """A number among the headers of an answer, in lower case."""
    found = re.search(rf"^{name}: (\S+)", head, re.MULTILINE)
    return float(found.group(1)) if found else otherwise


async def watch(address: str, until: float, load: Load) -> None:
    """The service's memory, once a second."""
    async with httpx.AsyncClient(base_url=address, timeout=60) as client:
        while time.perf_counter() < until:
            text = (await client.get("/metrics")).text
            found = re.search(r"^process_resident_memory_bytes (\S+)", text, re.MULTILINE)
            assert found
            load.memory.append(float(found.group(1)) / 1e6)
            await asyncio.sleep(1)


async def attack(address: str, photo: bytes, clients: int, seconds: float) -> Load:
    """All clients at once."""
    load = Load()
    until = time.perf_counter() + seconds
    asking = [one_client(address, photo, until, load) for _ in range(clients)]
    await asyncio.gather(watch(address, until, load), *asking)
    return load


def main() -> int:
    arguments = parse()
    photo = arguments.photo.read_bytes()
    plain = plain_loop(photo, arguments.model, min(arguments.seconds, 20))
    print(f"plain loop: {plain:.1f} masks a second")
    with serving(arguments.model) as address:
        httpx.post(f"{address}/mask", content=photo)  # warm-up
        start = time.perf_counter()
        load = asyncio.run(attack(address, photo, arguments.clients, arguments.seconds))
        rate = len(load.seconds) / (time.perf_counter() - start)
    cuts = statistics.quantiles(load.seconds, n=100)
    settled = load.memory[len(load.memory) // 4 :]
    print(
        f"service:    {rate:.1f} masks a second, {rate / plain:.0%} of the loop, {arguments.clients} clients"
    )
    print(f"answered within: p50 {cuts[49]:.3f} s, p99 {cuts[98]:.3f} s")
    print(f"answers by status: {dict(sorted(load.statuses.items()))}")
    print(f"memory: {settled[0]:.0f} MB after a quarter of the time, {settled[-1]:.0f} MB at the end")
    return int(not set(load.statuses) <= {200, 503})


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photo", type=Path)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--model")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
