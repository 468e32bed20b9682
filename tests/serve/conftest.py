"""A real server on loopback, and a real Chromium."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from hairseg.errors import ModelError
from hairseg.serve.vendor import vendored
from toys import write_toy_model

CHROMIUM = "/usr/bin/chromium"
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Whatever is not this machine does not exist.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


@contextmanager
def serving(*options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """``hairseg serve`` with these options, on a free port: its address and process."""
    command = [sys.executable, "-m", "hairseg", "serve", "--port", "0", *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        said = process.stderr.readline()
        found = re.search(r"http://\S+?:\d+", said)
        assert found, said + process.stderr.read()
        yield found.group(), process
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


@pytest.fixture(scope="session")
def served_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy model, which takes red for hair, on a larger canvas, with a threshold and a share of colours of its own."""
    path = tmp_path_factory.mktemp("served") / "toy.onnx"
    return write_toy_model(
        path, fit={"mode": "area", "size": 256, "multiple": 32}, threshold=0.6, color_share=0.5
    )


@pytest.fixture(scope="session")
def service(served_model: Path) -> Iterator[str]:
    """Address of the running service, without the page."""
    with serving("-m", str(served_model), "--no-page", "--max-megapixels", "2") as (address, _):
        yield address


@pytest.fixture
def client(service: str) -> Iterator[httpx.Client]:
    """A client of the service."""
    with httpx.Client(base_url=service, timeout=60) as client:
        yield client


@pytest.fixture(scope="session")
def site(served_model: Path) -> Iterator[str]:
    """Address of the running service with its page."""
    try:
        vendored()
    except ModelError as error:
        pytest.skip(str(error))
    with serving("-m", str(served_model)) as (address, _):
        yield address


@pytest.fixture(scope="module")
def launch() -> Iterator[Callable[..., Any]]:
    """Starts Chromium with further options; all are closed with the module.

    An open playwright holds an event loop in this thread, in which other modules' ``asyncio.run`` would fail.
    """
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs Chromium and playwright")
    if not shutil.which(CHROMIUM):
        pytest.skip("needs Chromium and playwright")
    with sync_api.sync_playwright() as playwright:
        browsers = []

        def start(*more: str) -> Any:
            browsers.append(playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, *more]))
            return browsers[-1]

        yield start
        for browser in browsers:
            browser.close()


@pytest.fixture(scope="module")
def chromium(launch: Callable[..., Any]) -> Any:
    """One Chromium for a module's tests."""
    return launch()


@pytest.fixture(scope="module")
def page(chromium: Any, site: str) -> Iterator[Any]:
    """The page, its sample painted; whatever it asked for or complained of is checked at the end."""
    context = chromium.new_context(locale="en-GB", viewport={"width": 1280, "height": 900})
    asked: list[str] = []
    broken: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    context.on("weberror", lambda error: broken.append(str(error.error)))
    context.on("console", lambda message: broken.append(message.text) if message.type == "error" else None)
    page = context.new_page()
    page.goto(site)
    painted(page)
    yield page
    context.close()
    assert not broken
    assert any(url.endswith(".onnx") for url in asked)  # requests of the worker are seen, too
    foreign = [url for url in asked if not url.startswith((site, f"blob:{site}"))]
    assert not foreign


def painted(page: Any) -> None:
    """Wait until a photo is painted."""
    from playwright.sync_api import expect

    expect(page.locator("#download")).to_be_enabled(timeout=90_000)
