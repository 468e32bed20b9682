"""The exported folder on a host that knows nothing of the two headers: everything works, with one thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from hairseg.errors import ModelError
from hairseg.models import read_info
from hairseg.serve.export import export_page
from serve.conftest import painted

pytestmark = pytest.mark.browser


class _Host(SimpleHTTPRequestHandler):
    """A plain static host."""

    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript"}  # noqa: RUF012

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def host(served_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a page below a folder of a static host."""
    root = tmp_path_factory.mktemp("host")
    try:
        export_page(root / "some" / "hair", [read_info(served_model)])
    except ModelError as error:
        pytest.skip(str(error))
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Host, directory=str(root))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/some/hair/"
        server.shutdown()


def test_it_falls_back_to_one_thread(chromium: Any, host: str) -> None:
    with chromium.new_context(locale="en-GB") as context:
        page = context.new_page()
        asked: list[str] = []
        context.on("request", lambda request: asked.append(request.url))
        page.goto(host)
        painted(page)
        assert page.evaluate("crossOriginIsolated") is False
        assert "WebAssembly, one thread" in page.text_content("#facts")
        assert "of the picture" in page.text_content("#status")
        assert all(url.startswith((host, f"blob:{host[:20]}")) for url in asked)
