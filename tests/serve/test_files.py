from __future__ import annotations

from pathlib import Path

import pytest
from starlette.responses import FileResponse

from hairseg.serve.files import page_response


@pytest.fixture
def page(tmp_path: Path) -> dict[str, Path | bytes]:
    script = tmp_path / "app.js"
    script.write_text("export default 1;")
    return {"app.js": script, "page.json": b"{}"}


@pytest.mark.parametrize(
    ("address", "kind"), [("app.js", "text/javascript; charset=utf-8"), ("page.json", "application/json")]
)
def test_a_file_is_sent_once(page: dict[str, Path | bytes], address: str, kind: str) -> None:
    first = page_response(page, address, None)
    assert first.status_code == 200
    assert first.headers["content-type"] == kind
    again = page_response(page, address, f'W/"other", {first.headers["etag"]}')
    assert again.status_code == 304
    assert again.body == b""


def test_a_changed_file_is_sent_again(page: dict[str, Path | bytes]) -> None:
    tag = page_response(page, "app.js", None).headers["etag"]
    script = page["app.js"]
    assert isinstance(script, Path)
    script.write_text("export default 22;")
    assert isinstance(page_response(page, "app.js", tag), FileResponse)
    page["page.json"] = b"[]"
    assert page_response(page, "page.json", None).body == b"[]"


@pytest.mark.parametrize("address", ["other.js", "../app.js", "app.js/", "/etc/passwd", ""])
def test_nothing_else_exists(page: dict[str, Path | bytes], address: str) -> None:
    assert page_response(page, address, None).status_code == 404
