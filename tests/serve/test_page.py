"""The page in Chromium: photo in, picture out, mistakes explained, nothing sent anywhere."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from hairseg.hair import Hair
from hairseg.segmenter import Segmenter
from serve.conftest import painted

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def pixels() -> NDArray[np.uint8]:
    """A red head of hair with lights and a soft border, on green with noise."""
    noise = np.random.default_rng(1).integers(0, 40, (150, 200, 3))
    down, across = np.mgrid[0:150, 0:200]
    inside = np.clip(45 - np.hypot(down - 70, across - 100), 0, 6)[..., None] / 6
    hair = np.array([190, 60, 40]) - 50 * (across[..., None] % 7 < 3)
    return (inside * hair + (1 - inside) * np.array([60, 190, 80]) + noise).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def photo(pixels: NDArray[np.uint8], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photos") / "my portrait.png"
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture(scope="module")
def hair(pixels: NDArray[np.uint8], served_model: Path) -> Hair:
    return Segmenter(served_model, threads=1)(pixels)


def _choose(page: Any, path: Path, what: str = "recolor") -> None:
    """Choose a file and wait for its picture."""
    page.check(f"[value={what}]")
    page.set_input_files("#file", path)
    page.get_by_role("img", name=path.name).wait_for()
    painted(page)


def _downloaded(page: Any) -> tuple[str, NDArray[np.uint8]]:
    with page.expect_download() as waiting:
        page.click("#download")
    return waiting.value.suggested_filename, np.asarray(Image.open(waiting.value.path()))


def _close(found: NDArray[np.uint8], expected: NDArray[np.uint8]) -> None:
    assert found.shape == expected.shape
    assert np.abs(found.astype(np.int16) - expected).max() <= 2


def test_upload_to_mask(page: Any, photo: Path, hair: Hair) -> None:
    _choose(page, photo, "mask")
    assert f"{100 * hair.fraction:.0f} % of the picture" in page.text_content("#status")
    name, found = _downloaded(page)
    assert name == "my portrait.hair.png"
    expected = np.asarray(hair.mask_image())
    assert set(np.unique(found)) == {0, 255}
    union, both = (found > 0) | (expected > 0), (found > 0) & (expected > 0)
    assert both.sum() / union.sum() >= 0.995


def test_recolour_and_download(page: Any, photo: Path, hair: Hair) -> None:
    _choose(page, photo)
    page.get_by_role("radio", name="Roots").check()
    page.get_by_role("radio", name="Platinum").check()
    page.fill("#strength", "80")
    name, found = _downloaded(page)
    assert name == "my portrait.recolor.png"
    _close(found, np.asarray(hair.recolor("platinum", 0.8)))


def test_another_colour_at_the_ends(page: Any, photo: Path, hair: Hair) -> None:
    _choose(page, photo)
    page.get_by_role("radio", name="Roots").check()
    page.get_by_role("radio", name="Black").check()
    page.get_by_role("radio", name="Ends").check()
    page.fill("#picker", "#2c57ae")
    page.fill("#strength", "100")
    _close(_downloaded(page)[1], np.asarray(hair.recolor("black", tips="#2c57ae")))
    page.focus("#same")
    page.keyboard.press("Enter")
    # The button is gone; who pressed it by keyboard is not lost with it.
    assert page.evaluate("document.activeElement.name") == "part"
    _close(_downloaded(page)[1], np.asarray(hair.recolor("black")))


def test_cutout_and_overlay_and_what_is_shown(page: Any, photo: Path, hair: Hair) -> None:
    _choose(page, photo, "cutout")
    name, found = _downloaded(page)
    assert name == "my portrait.cutout.png"
    _close(found, np.asarray(hair.cutout()))
    assert page.locator("#colours").is_hidden()
    page.check("[value=overlay]")
    page.get_by_role("radio", name="Teal").check()
    page.fill("#strength", "50")
    _, found = _downloaded(page)
    _close(found, np.asarray(hair.overlay("teal", 0.5)))
    page.get_by_role("img", name="Overlay: my portrait.png").wait_for()
    shown = page.locator("#after").screenshot()
    painted_on = np.asarray(Image.open(io.BytesIO(shown)).convert("RGB").resize((200, 150)))
    assert np.abs(painted_on[60:80, 120:130].astype(int) - found[60:80, 120:130, :3]).mean() < 25


def test_before_and_after_by_keyboard(page: Any, photo: Path) -> None:
    _choose(page, photo)
    border = page.get_by_role("slider", name="Border between before and after")
    border.focus()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    assert border.input_value() == "47"
    split = "getComputedStyle(document.getElementById('after')).clipPath"
    assert page.evaluate(split) == "inset(0px 0px 0px 47%)"


def test_dropped_and_pasted(page: Any, photo: Path) -> None:
    data = list(photo.read_bytes())
    for kind, name in (("drop", "dropped.png"), ("paste", "pasted.png")):
        page.evaluate(
            """([kind, name, data]) => {
                const carried = new DataTransfer();
                carried.items.add(new File([Uint8Array.from(data)], name, { type: "image/png" }));
                const event = kind === "drop"
                    ? new DragEvent("drop", { dataTransfer: carried, cancelable: true })
                    : new ClipboardEvent("paste", { clipboardData: carried });
                document.dispatchEvent(event);
            }""",
            [kind, name, data],
        )
        page.get_by_role("img", name=f"Recolour: {name}").wait_for()


def _problem(page: Any) -> str:
    alert = page.get_by_role("alert").filter(has_text=re.compile("."))
    alert.wait_for()
    return str(alert.text_content())


def test_a_text_file_is_explained(page: Any, tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("no photo at all")
    page.set_input_files("#file", notes)
    assert _problem(page).startswith("notes.txt is not a picture that this browser can read: choose")


def test_half_a_photo_is_explained(page: Any, photo: Path, tmp_path: Path) -> None:
    drawing = tmp_path / "drawing.svg"
    drawing.write_text('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
    page.set_input_files("#file", drawing)
    assert "drawing.svg is not a picture" in _problem(page)


def test_a_huge_photo_is_refused_before_it_is_decoded(page: Any, tmp_path: Path) -> None:
    Image.new("1", (16_000, 16_000)).save(tmp_path / "wall.png")
    page.set_input_files("#file", tmp_path / "wall.png")
    assert _problem(page).startswith("wall.png has 256 million pixels, and this page takes 40 million")


def test_after_a_mistake_it_goes_on(page: Any, photo: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no photo")
    page.set_input_files("#file", tmp_path / "notes.txt")
    _problem(page)
    _choose(page, photo)
    assert page.text_content("#problem") == ""


def test_no_hair_is_said(page: Any, tmp_path: Path) -> None:
    Image.new("RGB", (80, 60), "green").save(tmp_path / "meadow.png")
    _choose(page, tmp_path / "meadow.png")
    assert page.text_content("#status") == "No hair found in meadow.png"


def test_korean(page: Any, photo: Path) -> None:
    page.click("#language")
    assert page.get_attribute("html", "lang") == "ko"
    page.check("[value=recolor]")
    page.set_input_files("#file", photo)
    page.get_by_role("img", name="염색: my portrait.png").wait_for()
    page.get_by_text("찾음").first.wait_for()  # the photo before may have had the same name
    assert "찾음" in page.text_content("#status")
    page.get_by_role("radio", name="백금발").check()
    assert page.get_by_role("button", name="PNG 내려받기").is_enabled()
    page.reload()
    painted(page)
    assert page.get_attribute("html", "lang") == "ko"  # remembered
    page.get_by_role("button", name="English").click()
    assert page.text_content("h1").strip() == "hairseg"
    page.set_input_files("#file", photo)
    page.get_by_role("img", name="Recolour: my portrait.png").wait_for()
    page.click("#language")  # the picture is named anew, too
    page.get_by_role("img", name="염색: my portrait.png").wait_for()
    page.click("#language")


def test_samples(page: Any) -> None:
    page.get_by_role("button", name="A cat").click()
    page.get_by_role("img", name="Recolour: cat.jpg").wait_for()


def test_a_missing_model_is_explained(chromium: Any, site: str) -> None:
    with chromium.new_context(locale="en-GB") as context:
        page = context.new_page()
        page.route("**/*.onnx", lambda route: route.fulfill(status=404))
        page.goto(site)
        assert "The network could not be loaded" in _problem(page)
        assert "404" in _problem(page)


# What a browser has whose driver breaks at the first use: an adapter that gives no device.
BROKEN_CARD = """
Object.defineProperty(navigator, "gpu", {
  value: {
    requestAdapter: async () => ({
      info: { isFallbackAdapter: false },
      limits: {},
      features: new Set(),
      requestDevice: async () => {
        throw new Error("the device is lost");
      },
    }),
  },
});
"""


def _with_card(route: Any) -> None:
    """The worker as it is served, in a browser with such an adapter."""
    response = route.fetch()
    route.fulfill(response=response, body=BROKEN_CARD + response.text())


def test_a_graphics_card_that_fails_is_left_for_the_processor(chromium: Any, site: str) -> None:
    with chromium.new_context(locale="en-GB") as context:
        context.route("**/worker.js", _with_card)
        asked: list[str] = []
        warned: list[str] = []
        context.on("request", lambda request: asked.append(request.url))
        context.on("console", lambda message: warned.append(message.text))
        page = context.new_page()
        page.goto(site)
        painted(page)
        assert "WebAssembly" in page.text_content("#facts")
        assert any("ort.webgpu" in url for url in asked)
        assert any("webgpu does not run this model" in text for text in warned)


def test_a_host_without_the_file_for_graphics_cards_serves_the_processor(chromium: Any, site: str) -> None:
    with chromium.new_context(locale="en-GB") as context:
        context.route("**/worker.js", _with_card)
        context.route("**/*.asyncify.wasm", lambda route: route.fulfill(status=404))
        page = context.new_page()
        page.goto(site)
        painted(page)
        assert "WebAssembly" in page.text_content("#facts")
