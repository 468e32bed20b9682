"""The page's speed in Chromium: seconds to the first mask, the camera's frames a second, and where a frame's time goes.

    python benchmarks/page_speed.py [--opens 5] [--seconds 10] [--sizes 256 320 384]
                                    [--models hairseg-small hairseg] [--clip FILE.y4m]

Served from loopback, WebAssembly, as many threads as cores (at most 4); needs Debian's chromium, playwright and
the `serve` extra. The camera plays a portrait that moves sideways, or a clip of your own. Prints tables in
Markdown. Stages of a frame: read (pixels of the frame and of the canvas), network, paint (the map at the frame's
size, and the dye), move (to the worker and back), show (on the page), wait (for the camera's next frame).
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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page, expect, sync_playwright

from hairseg.photo import read_photo

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from serve.clip import write_y4m
from serve.conftest import CHROMIUM, QUIET

ASTRONAUT = Path(__file__).parents[1] / "samples" / "astronaut.jpg"
STAGES = ("read", "network", "paint", "move", "show")
# When the first picture is there; playwright alone looks only once a second after a while.
PAINTED = """
  new MutationObserver(() => {
    const button = document.querySelector("#download");
    if (button && !button.disabled) window.painted ??= performance.now();
  }).observe(document, { subtree: true, childList: true, attributeFilter: ["disabled"] });
"""
# The page measures every stage for the browser's profiler; this keeps the measures.
LISTENING = """
  window.stages = {};
  new PerformanceObserver((list) => {
    for (const { name, duration } of list.getEntries()) (stages[name] ??= []).push(duration);
  }).observe({ type: "measure" });
"""


@dataclass(frozen=True)
class Rate:
    """The camera with one model at one size.

    Attributes:
        shown: what the page says, such as "14 frames a second at 288 x 224, hairseg-small, ...".
        frames: a second, counted.
        stages: median milliseconds of each stage of a frame.
    """

    shown: str
    frames: float
    stages: dict[str, float]


@contextmanager
def serving() -> Iterator[str]:
    """``hairseg serve`` on a free port."""
    command = [sys.executable, "-m", "hairseg", "serve", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        found = re.search(r"http://\S+/", process.stderr.readline())
        assert found, process.stderr.read()
        try:
            yield found.group()
        finally:
            process.kill()


def opened(page: Page, address: str) -> float:
    """Seconds from opening the page (when the browser begins to fetch it) to its first painted picture."""
    page.add_init_script(PAINTED)
    page.goto(address, wait_until="commit")
    expect(page.locator("#download")).to_be_enabled(timeout=120_000)
    milliseconds: float = page.evaluate("window.painted")
    return milliseconds / 1000


def first_masks(browser: Browser, address: str, opens: int) -> tuple[list[float], list[float]]:
    """Seconds to the first picture in fresh browser profiles, and when the page is opened again."""
    first, again = [], []
    for _ in range(opens):
        with browser.new_context() as context:
            first.append(opened(context.new_page(), address))
            again.append(opened(context.new_page(), address))
    return first, again


def camera_rate(browser: Browser, address: str, model: str, seconds: int) -> Rate:
    """The camera's frames, counted for some seconds after a warm-up."""
    with browser.new_context(permissions=["camera"], locale="en-GB") as context:
        context.add_init_script(LISTENING)
        page = context.new_page()
        opened(page, address)
        page.select_option("#model", model)
        expect(page.locator("#facts")).to_contain_text(f"{model},", timeout=120_000)
        expect(page.locator("#stage")).to_have_attribute("aria-busy", "false", timeout=120_000)
        page.click("#camera")
        expect(page.locator("#rate")).to_have_text(re.compile("frames"), timeout=120_000)
        page.wait_for_timeout(3000)
        page.evaluate("window.stages = {}")
        start = time.perf_counter()
        page.wait_for_timeout(1000 * seconds)
        measured: dict[str, list[float]] = page.evaluate("stages")
        frames = len(measured["frame show"]) / (time.perf_counter() - start)
        stages = {stage: statistics.median(measured[f"frame {stage}"]) for stage in STAGES}
        return Rate(page.text_content("#rate") or "", frames, stages)


def moving_portrait(folder: Path) -> Path:
    """A clip of 640 x 480 in which a portrait moves sideways."""
    portrait = read_photo(ASTRONAUT).pixels
    wide = np.repeat(np.repeat(portrait, 2, axis=0), 2, axis=1)
    frames = [np.ascontiguousarray(wide[20:500, shift : shift + 640]) for shift in range(0, 380, 6)]
    return write_y4m(folder / "moving.y4m", frames + frames[::-1])


def row(model: str, rate: Rate) -> str:
    """One line of the table; a stage in milliseconds and as a share of the time between two frames."""
    between = 1000 / rate.frames
    stages = {**rate.stages, "wait": max(between - sum(rate.stages.values()), 0)}
    cells = [f"{value:.0f} ms, {value / between:.0%}" for value in stages.values()]
    canvas, threads = re.search(r"at (\d+ x \d+)", rate.shown), re.search(r"(\w+) thread", rate.shown)
    assert canvas, rate.shown
    assert threads, rate.shown
    named = f"{canvas.group(1)} | `{model}` | {threads.group(1)}"
    return f"| {named} | {rate.frames:.1f} | {' | '.join(cells)} |"


def measure(browser: Browser, address: str, arguments: argparse.Namespace) -> None:
    print(f"Chromium {browser.version}\n")
    print("| | median | fastest | slowest |\n|---|---|---|---|")
    first, again = first_masks(browser, f"{address}?way=wasm", arguments.opens)
    for name, seconds in (("first mask", first), ("opened again", again)):
        low, middle, high = min(seconds), statistics.median(seconds), max(seconds)
        print(f"| {name} | {middle:.2f} s | {low:.2f} s | {high:.2f} s |")
    print(f"\n| canvas | model | threads | frames a second | {' | '.join((*STAGES, 'wait'))} |")
    print("|---" * (len(STAGES) + 5) + "|")
    for size in arguments.sizes:
        for model in arguments.models:
            rate = camera_rate(browser, f"{address}?way=wasm&frame={size}", model, arguments.seconds)
            print(row(model, rate), flush=True)


def main() -> None:
    arguments = parse()
    with tempfile.TemporaryDirectory() as folder, serving() as address, sync_playwright() as own:
        clip = arguments.clip or moving_portrait(Path(folder))
        fake = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
        options: dict[str, Any] = {"executable_path": CHROMIUM}
        browser = own.chromium.launch(
            args=[*QUIET, *fake, f"--use-file-for-fake-video-capture={clip}"], **options
        )
        measure(browser, address, arguments)
        browser.close()


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--opens", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 320, 384])
    parser.add_argument("--models", nargs="+", default=["hairseg-small", "hairseg"])
    parser.add_argument("--clip", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
