"""The page with axe-core, in both languages, light and dark, wide and narrow."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from serve.conftest import painted

pytestmark = pytest.mark.browser

AXE = "axe-core@4.14.1"


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The script of axe-core, from npm."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("needs npm")
    folder = tmp_path_factory.mktemp("axe")
    command = [npm, "install", "--no-save", "--ignore-scripts", "--silent", "--prefix", str(folder), AXE]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("npm cannot fetch axe-core")
    return (Path(folder) / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("language", "scheme", "width"),
    [("en-GB", "light", 1280), ("ko-KR", "dark", 390)],
)
def test_axe_finds_nothing(
    chromium: Any, site: str, axe: str, language: str, scheme: str, width: int
) -> None:
    with chromium.new_context(
        locale=language, color_scheme=scheme, viewport={"width": width, "height": 800}
    ) as context:
        page = context.new_page()
        page.goto(site)
        painted(page)
        page.evaluate(axe)
        _clean(page, width)
        for what in ("cutout", "overlay", "mask", "recolor"):
            page.check(f"[name=what][value={what}]")
            _clean(page, width)
        page.check("[name=part][value=tips]")
        page.locator("[name=swatch]").nth(3).check()
        _clean(page, width)
        page.set_input_files("#file", {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no photo"})
        page.locator("#problem:not(:empty)").wait_for()
        _clean(page, width)


def test_axe_finds_nothing_while_the_camera_runs(launch: Callable[..., Any], site: str, axe: str) -> None:
    browser = launch("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
    with browser.new_context(locale="en-GB", permissions=["camera"]) as context:
        page = context.new_page()
        page.goto(site)
        painted(page)
        page.evaluate(axe)
        page.click("#camera")
        page.locator("#rate").filter(has_text="frames a second").wait_for(timeout=60_000)
        _clean(page, 1280)


def test_axe_finds_nothing_while_the_network_loads(chromium: Any, site: str, axe: str) -> None:
    with chromium.new_context(locale="en-GB") as context:
        page = context.new_page()
        page.route("**/*.onnx", lambda route: None)  # never answered
        page.goto(site)
        page.get_by_role("progressbar", name="Loading the network").wait_for()
        page.evaluate(axe)
        _clean(page, 1280)


def _clean(page: Any, width: int) -> None:
    """What axe-core finds on the page as it stands: nothing; and nothing is wider than the screen."""
    found = page.evaluate("axe.run()")
    assert [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]] == []
    assert len(found["passes"]) > 20
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_everything_can_be_reached_by_keyboard(chromium: Any, site: str) -> None:
    with chromium.new_context(locale="en-GB") as context:
        page = context.new_page()
        page.goto(site)
        painted(page)
        reached = []
        for _ in range(20):
            page.keyboard.press("Tab")
            reached.append(page.evaluate("document.activeElement.id || document.activeElement.name"))
    for wanted in (
        "language",
        "split",
        "file",
        "camera",
        "what",
        "part",
        "swatch",
        "picker",
        "strength",
        "download",
    ):
        assert wanted in reached
