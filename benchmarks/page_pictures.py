"""Pictures of the running page for the README and the guide, from a photo in the public domain.

    python benchmarks/page_pictures.py [docs/images]

Writes page-desktop.jpg (light, recoloured, the border between before and after), page-ends.jpg (dark, another
colour at the ends), page-phone.jpg (a phone, dark, in Korean, and the cutout beside it). Needs Debian's chromium,
playwright and the `serve` extra.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from page_speed import opened, serving

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from serve.conftest import CHROMIUM, QUIET

LARGEST = 150_000  # bytes of one picture


def shot(page: Page) -> Image.Image:
    """What is seen, once the last colour is painted."""
    page.wait_for_load_state("networkidle")
    page.evaluate("document.activeElement.blur()")
    # How long it took belongs to one machine, not into a picture of the page.
    page.evaluate("document.getElementById('status').style.visibility = 'hidden'")
    # A painted picture gets its name; the strength that is asked for is painted last.
    page.wait_for_timeout(3000)
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


def dyed(page: Page, roots: str, ends: str | None = None, split: int = 42) -> None:
    """Choose colours by their place among the swatches, and the border."""
    page.check("[name=part][value=color]")
    page.check(f"[name=swatch][value='{roots}']")
    if ends:
        page.check("[name=part][value=tips]")
        page.check(f"[name=swatch][value='{ends}']")
    page.fill("#split", str(split))


def desktop(browser: Browser, address: str, scheme: Any, roots: str, ends: str | None) -> Image.Image:
    with browser.new_context(
        locale="en-GB", color_scheme=scheme, viewport={"width": 1240, "height": 900}
    ) as context:
        page = context.new_page()
        opened(page, address)
        dyed(page, roots, ends)
        return shot(page)


def phone(browser: Browser, address: str, what: str, roots: str) -> Image.Image:
    with browser.new_context(
        locale="ko-KR", color_scheme="dark", viewport={"width": 390, "height": 844}
    ) as context:
        page = context.new_page()
        opened(page, address)
        dyed(page, roots, split=40)
        page.check(f"[name=what][value={what}]")
        return shot(page)


def side_by_side(pictures: list[Image.Image], gap: int = 24) -> Image.Image:
    width = sum(picture.width for picture in pictures) + gap * (len(pictures) - 1)
    sheet = Image.new("RGB", (width, pictures[0].height), "white")
    left = 0
    for picture in pictures:
        sheet.paste(picture, (left, 0))
        left += picture.width + gap
    return sheet


def save(picture: Image.Image, path: Path) -> None:
    """As good as fits into the limit."""
    for quality in range(90, 40, -5):
        picture.save(path, quality=quality, optimize=True, progressive=True)
        if path.stat().st_size < LARGEST:
            break
    print(f"{path}: {picture.width} x {picture.height}, {path.stat().st_size // 1000} kB")


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images")
    with serving() as address, sync_playwright() as own:
        browser = own.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        save(desktop(browser, address, "light", "copper", None), folder / "page-desktop.jpg")
        save(desktop(browser, address, "dark", "chestnut", "platinum"), folder / "page-ends.jpg")
        pair = [phone(browser, address, what, "teal") for what in ("recolor", "cutout")]
        save(side_by_side(pair), folder / "page-phone.jpg")
        browser.close()


if __name__ == "__main__":
    main()
