"""The page's speed in Chromium: seconds from opening it to the first mask, and the camera's frames a second.

    python benchmarks/page_speed.py [--opens 5] [--seconds 10] [--frame 256] [--model NAME|FILE] [--clip FILE.y4m]

Served from loopback, WebAssembly, as many threads as cores (at most 4); needs Debian's chromium, playwright and
the `serve` extra. The camera plays a portrait that moves sideways, or a clip of your own.
"""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, expect, sync_playwright

from hairseg.photo import read_photo

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from serve.clip import write_y4m
from serve.conftest import CHROMIUM, QUIET

ASTRONAUT = Path(__file__).parents[1] / "samples" / "astronaut.jpg"


@contextmanager
def serving(model: str | None) -> Iterator[str]:
    """``hairseg serve`` on a free port."""
    command = [sys.executable, "-m", "hairseg", "serve", "--port", "0", *(["-m", model] if model else [])]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        found = re.search(r"http://\S+/", process.stderr.readline())
        assert found, process.stderr.read()
        try:
            yield found.group()
        finally:
            process.kill()


def first_masks(browser: Browser, address: str, opens: int) -> list[float]:
    """Seconds from opening the page to the first painted picture, each in a fresh browser profile."""
    seconds = []
    for _ in range(opens):
        with browser.new_context() as context:
            page = context.new_page()
            start = time.perf_counter()
            page.goto(address, wait_until="commit")
            expect(page.locator("#download")).to_be_enabled(timeout=120_000)
            seconds.append(time.perf_counter() - start)
    return seconds


def camera_rates(browser: Browser, address: str, seconds: int) -> list[float]:
    """Frames a second that the page shows, read once a second after a warm-up."""
    with browser.new_context(permissions=["camera"]) as context:
        page = context.new_page()
        page.goto(address)
        expect(page.locator("#download")).to_be_enabled(timeout=120_000)
        page.click("#camera")
        expect(page.locator("#rate")).to_have_text(re.compile("frames"), timeout=120_000)
        page.wait_for_timeout(3000)
        rates = []
        for _ in range(seconds):
            page.wait_for_timeout(1000)
            shown = page.text_content("#rate") or ""
            rates.append(float(shown.split()[0]))
        print(f"the page says: {shown}")
        return rates


def moving_portrait(folder: Path) -> Path:
    """A clip of 640 x 480 in which a portrait moves sideways."""
    portrait = read_photo(ASTRONAUT).pixels
    wide = np.repeat(np.repeat(portrait, 2, axis=0), 2, axis=1)
    frames = [np.ascontiguousarray(wide[20:500, shift : shift + 640]) for shift in range(0, 380, 6)]
    return write_y4m(folder / "moving.y4m", frames + frames[::-1])


def main() -> None:
    arguments = parse()
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(arguments.model) as address,
        sync_playwright() as own,
    ):
        clip = arguments.clip or moving_portrait(Path(folder))
        fake = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
        options: dict[str, Any] = {"executable_path": CHROMIUM}
        browser = own.chromium.launch(
            args=[*QUIET, *fake, f"--use-file-for-fake-video-capture={clip}"], **options
        )
        print(f"Chromium {browser.version}, model {arguments.model or 'hairseg'}")
        seconds = first_masks(browser, f"{address}?way=wasm", arguments.opens)
        print(
            f"first mask: median {statistics.median(seconds):.2f} s, {min(seconds):.2f} to {max(seconds):.2f}"
        )
        rates = camera_rates(browser, f"{address}?way=wasm&frame={arguments.frame}", arguments.seconds)
        print(
            f"camera at {arguments.frame} px: median {statistics.median(rates):.0f} frames a second, "
            f"{min(rates):.0f} to {max(rates):.0f}"
        )
        browser.close()


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--opens", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--frame", type=int, default=256)
    parser.add_argument("--model")
    parser.add_argument("--clip", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
