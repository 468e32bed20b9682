"""The page when things come in turns: photos, networks and cameras asked for before the last one was there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from serve.conftest import painted

pytestmark = pytest.mark.browser

# The worker takes its time for a photo, so that something else can be asked for meanwhile.
SLOW_PHOTOS = """
  const Plain = Worker;
  window.Worker = class extends Plain {
    postMessage(message, moved) {
      const send = () => super.postMessage(message, moved);
      if (message.ask === "open") setTimeout(send, 800);
      else send();
    }
  };
"""
# A camera that is allowed a while after it was asked for; its streams are kept to be looked at.
SLOW_CAMERA = """
  window.streams = [];
  navigator.mediaDevices.getUserMedia = async () => {
    await new Promise((resolve) => setTimeout(resolve, 800));
    const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 48 });
    const context = canvas.getContext("2d");
    let frame = 0;
    setInterval(() => context.fillRect(frame++ % 64, 0, 1, 48), 50); // a stream is silent while nothing is drawn
    streams.push(canvas.captureStream(10));
    return streams.at(-1);
  };
"""
NO_STORAGE = """
  Object.defineProperty(window, "localStorage", {
    get() { throw new DOMException("Access is denied for this document.", "SecurityError"); },
  });
"""


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder: two photos of red hair, of different sizes, one cut off in the middle, and a text."""
    folder = tmp_path_factory.mktemp("photos")
    for name, side in (("first", 96), ("second", 128)):
        picture = np.full((side, side, 3), 80, np.uint8)
        picture[20:60, 20:60] = 200, 40, 40
        Image.fromarray(picture).save(folder / f"{name}.png")
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    Image.fromarray(noise).save(folder / "whole.png")
    (folder / "half.png").write_bytes((folder / "whole.png").read_bytes()[:60_000])
    (folder / "notes.txt").write_text("no photo at all")
    return folder


@pytest.fixture
def opened(chromium: Any, site: str) -> Iterator[Callable[..., Any]]:
    """Opens the page in a browser of its own, with scripts that run first and routes that answer for the server."""
    contexts = []

    def open_page(
        *scripts: str, routes: dict[str, Callable[[Any], None]] | None = None, query: str = ""
    ) -> Any:
        context = chromium.new_context(locale="en-GB")
        contexts.append(context)
        for script in scripts:
            context.add_init_script(script)
        for pattern, answer in (routes or {}).items():
            context.route(pattern, answer)
        page = context.new_page()
        # The samples' small pictures are asked for by a script, before or after the page's "load": where a route holds
        # one back, "load" may never come.
        page.goto(site + query, wait_until="domcontentloaded")
        return page

    yield open_page
    for context in contexts:
        context.close()


def _picture(page: Any, name: str) -> None:
    page.get_by_role("img", name=f": {name}").wait_for()
    painted(page)


def _says(page: Any, what: str) -> None:
    page.get_by_role("alert").filter(has_text=what).wait_for()


def _state(page: Any) -> tuple[str, int, int, str]:
    """The stage's picture, the widths of both its sides, and whether it is busy."""
    return tuple(
        page.evaluate(
            """() => {
              const [before, after] = ["before", "after"].map((id) => document.getElementById(id));
              const busy = document.getElementById("stage").getAttribute("aria-busy");
              return [after.getAttribute("aria-label"), before.width, after.width, busy];
            }"""
        )
    )


@pytest.mark.parametrize("bad", ["notes.txt", "half.png"])
def test_a_bad_file_leaves_the_photo_in_work(opened: Callable[..., Any], photos: Path, bad: str) -> None:
    page = opened(SLOW_PHOTOS)
    painted(page)
    page.set_input_files("#file", photos / "first.png")
    page.get_by_role("status").filter(has_text="Looking for hair in first.png").wait_for()
    page.set_input_files("#file", photos / bad)
    _says(page, f"{bad} is not a picture")
    _picture(page, "first.png")
    assert _state(page)[1:] == (96, 96, "false")
    page.locator("[name=swatch][value=teal]").dispatch_event("click")
    page.wait_for_timeout(300)
    assert _state(page)[1:] == (96, 96, "false")
    assert page.locator("#download").is_enabled()


def test_a_bad_file_leaves_the_photo_that_is_there(opened: Callable[..., Any], photos: Path) -> None:
    page = opened()
    painted(page)
    page.set_input_files("#file", photos / "first.png")
    _picture(page, "first.png")
    page.set_input_files("#file", photos / "half.png")
    _says(page, "half.png is not a picture")
    painted(page)  # it can be downloaded still
    assert "hair" in page.get_by_role("status").text_content()


def test_the_last_of_two_photos_stays(opened: Callable[..., Any], photos: Path) -> None:
    page = opened(SLOW_PHOTOS)
    painted(page)
    page.set_input_files("#file", photos / "first.png")
    page.set_input_files("#file", photos / "second.png")
    _picture(page, "second.png")
    assert _state(page)[1:] == (128, 128, "false")


def test_a_slow_sample_does_not_replace_a_photo(opened: Callable[..., Any], photos: Path) -> None:
    waiting: list[Any] = []
    page = opened(routes={"**/samples/astronaut.jpg": lambda route: waiting.append(route)})
    page.locator("#facts").filter(has_text="MB").wait_for()
    page.set_input_files("#file", photos / "first.png")
    _picture(page, "first.png")
    for route in waiting:  # the page's own request among them, and its small picture on a button
        route.continue_()
    page.wait_for_timeout(1500)
    painted(page)
    assert _state(page)[0].startswith("Recolour: first.png")


def test_a_sample_that_is_not_there_is_named(opened: Callable[..., Any]) -> None:
    page = opened(routes={"**/samples/cat.jpg": lambda route: route.fulfill(status=404)})
    painted(page)
    page.get_by_role("button", name="A cat").click()
    _says(page, "samples/cat.jpg: 404")
    painted(page)


def test_without_a_camera_the_photo_in_work_comes(opened: Callable[..., Any], photos: Path) -> None:
    page = opened(SLOW_PHOTOS)
    painted(page)
    page.set_input_files("#file", photos / "first.png")
    page.get_by_role("status").filter(has_text="Looking for hair in first.png").wait_for()
    page.click("#camera")
    _says(page, "No camera could be opened")
    _picture(page, "first.png")
    assert _state(page)[3] == "false"


def _tracks(page: Any) -> list[str]:
    states: list[str] = page.evaluate(
        "streams.flatMap((s) => s.getTracks()).map((track) => track.readyState)"
    )
    return states


def test_a_camera_that_is_stopped_before_it_starts_stays_off(opened: Callable[..., Any]) -> None:
    page = opened(SLOW_CAMERA)
    painted(page)
    page.dblclick("#camera")  # on and off, before there is a stream
    page.wait_for_timeout(1500)  # longer than the camera needs
    assert _tracks(page) == ["ended"]
    assert page.locator("#camera").get_attribute("aria-pressed") == "false"
    painted(page)
    page.click("#camera")
    page.locator("#rate").filter(has_text="frames a second").wait_for()
    page.click("#camera")
    page.wait_for_timeout(300)
    assert set(_tracks(page)) == {"ended"}
    _picture(page, "astronaut.jpg")


def test_a_photo_chosen_while_the_camera_starts_turns_it_off(
    opened: Callable[..., Any], photos: Path
) -> None:
    page = opened(SLOW_CAMERA)
    painted(page)
    page.click("#camera")
    page.get_by_role("button", name="Stop camera").wait_for()
    page.set_input_files("#file", photos / "first.png")
    _picture(page, "first.png")
    page.wait_for_timeout(1500)  # longer than the camera needs
    assert _tracks(page) == ["ended"]
    assert _state(page)[0].startswith("Recolour: first.png")


@pytest.fixture
def two_networks(opened: Callable[..., Any], site: str) -> Callable[..., Any]:
    """The page with a second network: the first one's file, that finds no hair anywhere.

    ``other`` answers for it, ``first`` for the first one, which has come else.
    """

    def with_two(
        *scripts: str, other: Callable[[Any], None], first: Callable[[Any], None] | None = None
    ) -> Any:
        def listed(route: Any) -> None:
            answer = route.fetch().json()
            usual = answer["models"][0]
            second = {
                **usual,
                "name": "blind",
                "threshold": 2,
                "color_share": 0,
                "url": usual["url"] + "?blind",
            }
            route.fulfill(body=json.dumps({**answer, "models": [usual, second]}))

        held = {"**/*.onnx": first} if first else {}
        page = opened(*scripts, routes={**held, "**/page.json": listed, "**/*.onnx?blind": other})
        if not first:
            painted(page)
        return page

    return with_two


def test_another_network_takes_the_newest_photo(two_networks: Callable[..., Any], photos: Path) -> None:
    page = two_networks(SLOW_PHOTOS, other=lambda route: route.continue_())
    page.set_input_files("#file", photos / "first.png")
    page.get_by_role("status").filter(has_text="Looking for hair in first.png").wait_for()
    page.select_option("#model", "blind")
    page.get_by_role("status").filter(has_text="No hair found in first.png").wait_for()
    _picture(page, "first.png")


def test_the_network_of_the_menu_is_the_one_that_is_used(
    two_networks: Callable[..., Any], photos: Path
) -> None:
    waiting: list[Any] = []
    page = two_networks(other=lambda route: waiting.append(route))
    first = page.input_value("#model")
    page.select_option("#model", "blind")
    page.wait_for_timeout(200)
    page.select_option("#model", first)
    painted(page)
    for route in waiting:
        route.continue_()
    page.wait_for_timeout(1500)  # the slower one has come, and is not asked for any more
    assert page.text_content("#facts").startswith(first)
    page.set_input_files("#file", photos / "first.png")
    _picture(page, "first.png")
    assert "%" in page.get_by_role("status").text_content()


def test_a_network_that_does_not_come_leaves_the_one_before(
    two_networks: Callable[..., Any], photos: Path
) -> None:
    page = two_networks(other=lambda route: route.abort())
    first = page.input_value("#model")
    page.select_option("#model", "blind")
    _says(page, "The network could not be loaded")
    assert page.input_value("#model") == first
    page.set_input_files("#file", photos / "first.png")
    _picture(page, "first.png")
    assert page.text_content("#problem") == ""


def test_a_network_that_does_not_come_leaves_the_one_that_is_on_its_way(
    two_networks: Callable[..., Any], photos: Path
) -> None:
    waiting: list[Any] = []
    page = two_networks(other=lambda route: route.abort(), first=lambda route: waiting.append(route))
    page.wait_for_function("document.getElementById('model').options.length === 2")
    first = page.input_value("#model")
    page.select_option("#model", "blind")
    _says(page, "The network could not be loaded")
    assert page.input_value("#model") == first
    page.set_input_files("#file", photos / "first.png")
    for route in waiting:
        route.continue_()
    _picture(page, "first.png")
    assert page.text_content("#facts").startswith(first)


def test_a_browser_that_keeps_nothing(opened: Callable[..., Any]) -> None:
    page = opened(NO_STORAGE)
    painted(page)
    page.get_by_role("button", name="한국어").click()
    assert page.evaluate("document.documentElement.lang") == "ko"


@pytest.mark.parametrize("query", ["?way=foo", "?frame=-5", "?frame=1e9"])
def test_an_address_with_nonsense_opens_the_page(opened: Callable[..., Any], query: str) -> None:
    page = opened(SLOW_CAMERA, query=query)
    painted(page)
    page.click("#camera")
    page.locator("#rate").filter(has_text="frames a second").wait_for()
    assert page.text_content("#problem") == ""
