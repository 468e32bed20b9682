"""The camera, through Chromium's fake device."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from hairseg.photo import read_photo
from serve.clip import real_frames, write_y4m
from serve.conftest import painted

pytestmark = pytest.mark.browser

ASTRONAUT = Path(__file__).parents[2] / "samples" / "astronaut.jpg"
# Counts frames on their way to the worker and back.
_COUNTING = """
  window.flight = { now: 0, most: 0, done: 0 };
  const Plain = Worker;
  window.Worker = class extends Plain {
    constructor(...given) {
      super(...given);
      this.addEventListener("message", ({ data }) => {
        if (data.answer?.canvas) { flight.now--; flight.done++; }
      });
    }
    postMessage(message, moved) {
      if (message.ask === "frame") flight.most = Math.max(flight.most, ++flight.now);
      super.postMessage(message, moved);
    }
  };
"""


def _panning() -> list[NDArray[np.uint8]]:
    """A portrait that moves sideways, where there is no real clip."""
    portrait = read_photo(ASTRONAUT).pixels
    return [np.ascontiguousarray(portrait[60:300, shift : shift + 320]) for shift in range(0, 190, 10)]


@pytest.fixture(scope="module", params=["panning", "real"])
def clip(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    frames = _panning() if request.param == "panning" else real_frames()
    return write_y4m(tmp_path_factory.mktemp("clip") / "clip.y4m", frames)


@pytest.fixture
def page(launch: Callable[..., Any], site: str, clip: Path) -> Iterator[Any]:
    browser = launch(
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={clip}",
    )
    context = browser.new_context(locale="en-GB", permissions=["camera"])
    context.add_init_script(_COUNTING)
    page = context.new_page()
    page.goto(site)
    painted(page)
    yield page
    browser.close()


def test_frames_are_painted_live_one_at_a_time(page: Any, tmp_path: Path) -> None:
    page.get_by_role("button", name="Camera").click()
    rate = page.locator("#rate").filter(has_text=re.compile(r"[1-9]\d* frames a second at \d+ x \d+"))
    rate.wait_for(timeout=60_000)
    width, height = map(int, re.findall(r"at (\d+) x (\d+)", rate.text_content())[0])
    assert width * height == pytest.approx(256 * 256, rel=0.25)
    shown = set()
    for _ in range(60):  # the picture moves
        shown.add(page.evaluate("document.getElementById('after').toDataURL('image/png').length"))
        if len(shown) > 2 and page.evaluate("flight.done") >= 8:
            break
        page.wait_for_timeout(250)
    flight = page.evaluate("flight")
    assert flight["done"] >= 8
    assert flight["most"] == 1
    assert len(shown) > 2

    page.get_by_role("button", name="Take picture").click()
    page.get_by_role("img", name="Recolour: camera.png").wait_for()
    painted(page)
    with page.expect_download() as waiting:
        page.click("#download")
    assert waiting.value.suggested_filename == "camera.recolor.png"
    with Image.open(waiting.value.path()) as picture:
        assert picture.width >= 160
    assert page.evaluate("document.getElementById('video').srcObject") is None  # the camera is off
    done = page.evaluate("flight.done")
    page.wait_for_timeout(500)
    assert page.evaluate("flight.done") == done


def test_without_a_camera(chromium: Any, site: str) -> None:
    with chromium.new_context(locale="en-GB") as context:
        page = context.new_page()
        page.goto(site)
        painted(page)
        page.get_by_role("button", name="Camera").click()
        alert = page.get_by_role("alert").filter(has_text="No camera could be opened")
        alert.wait_for()
        assert page.get_by_role("button", name="Camera").get_attribute("aria-pressed") == "false"
