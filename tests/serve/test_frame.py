"""A frame of the camera, painted the short way in Chromium, is what the long way gives in Python."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hairseg.fit import Fit, fit, unfit
from hairseg.paint import overlay, recolor
from hairseg.photo import read_photo

pytestmark = pytest.mark.browser

ASTRONAUT = Path(__file__).parents[2] / "samples" / "astronaut.jpg"
OPTIONS: dict[str, Any] = {"color": "#6e3aa7", "strength": 0.8}
# Ways to paint, each twice: what one frame leaves behind must not show in the next.
_PAINT = """async ({ photo, canvas, maps, threshold, options }) => {
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const text = (data) => {
    let letters = "";
    for (let i = 0; i < data.length; i += 8192) letters += String.fromCharCode(...data.subarray(i, i + 8192));
    return btoa(letters);
  };
  const { paintFrame } = await import("/frame.js");
  for (const picture of [photo, canvas]) picture.data = new Uint8ClampedArray(bytes(picture.data).buffer);
  const answers = {};
  for (const map of maps) {
    map.data = new Float32Array(bytes(map.data).buffer);
    for (const what of ["mask", "overlay", "cutout", "recolor"]) {
      const painted = paintFrame(photo, canvas, { ...map, data: map.data.slice() }, threshold, what, options);
      (answers[what] ??= []).push(text(painted));
    }
  }
  return answers;
}"""


def _sized(array: NDArray[Any]) -> dict[str, Any]:
    data = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
    return {"height": array.shape[0], "width": array.shape[1], "data": data}


def _rgba(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.concatenate([pixels, np.full((*pixels.shape[:2], 1), 255, np.uint8)], 2)


def _share(probability: NDArray[np.float32], threshold: float) -> NDArray[np.float32]:
    """The edge that the page gives a frame: a smooth step around the threshold."""
    reach = min(threshold, 1 - threshold, 0.3)
    rising = np.clip((probability - (threshold - reach)) / (2 * reach), 0, 1)
    return (rising * rising * (3 - 2 * rising)).astype(np.float32)


def _blob(height: int, width: int, at: tuple[float, float], reach: float) -> NDArray[np.float32]:
    """A soft disc; near a border it is cut off."""
    rows, columns = np.mgrid[:height, :width]
    distance = np.hypot((rows + 0.5) / height - at[0], (columns + 0.5) / width - at[1])
    return (1 / (1 + np.exp((distance - reach) * 40))).astype(np.float32)


@pytest.fixture(scope="module")
def modules(chromium: Any, site: str) -> Iterator[Any]:
    """The modules alone: any address of the site can import them, without waiting for a network."""
    with chromium.new_page() as page:
        page.goto(f"{site}/health")
        yield page


@pytest.mark.parametrize("threshold", [0.5, 0.35])
@pytest.mark.parametrize("size", [(240, 320), (97, 131), (40, 50)], ids=["larger", "odd", "smaller"])
def test_a_frame_is_painted_as_the_long_way_does(
    modules: Any, size: tuple[int, int], threshold: float
) -> None:
    astronaut = read_photo(ASTRONAUT).pixels[: 3 * 97, : 3 * 131]
    photo = fit(astronaut, Fit("square", 512, 1))
    photo = np.ascontiguousarray(photo[: size[0], : size[1]])
    canvas = fit(photo, Fit("area", 96, 32))
    height, width = canvas.shape[:2]
    maps = [
        _blob(height, width, (0.4, 0.5), 0.2),
        _blob(height, width, (1.0, 0.0), 0.3),
        np.zeros((height, width), np.float32),
        np.ones((height, width), np.float32),
    ]
    question = {
        "photo": _sized(_rgba(photo)),
        "canvas": _sized(_rgba(canvas)),
        "maps": [_sized(one) for one in maps],
        "threshold": threshold,
        "options": OPTIONS,
    }
    answers = modules.evaluate(_PAINT, question)
    for number, small in enumerate(maps):
        found = {
            what: np.frombuffer(base64.b64decode(answers[what][number]), np.uint8)
            .reshape(*size, 4)
            .astype(int)
            for what in answers
        }
        share = _share(unfit(small, *size), threshold)
        assert np.abs(found["mask"][..., 0] - share * 255).max() <= 1
        assert np.abs(found["overlay"][..., :3] - overlay(photo, share, **OPTIONS)).max() <= 1
        opacity = found["cutout"][..., 3]
        assert np.abs(opacity - share * 255).max() <= 1
        assert np.array_equal(found["cutout"][opacity > 0][:, :3], photo[opacity > 0])
        assert not found["cutout"][opacity == 0].any()
        dyed = recolor(photo, share, **OPTIONS).astype(int)
        difference = np.abs(found["recolor"][..., :3] - dyed)
        assert not difference[share == 0].any()
        # How the hair looks is read off the canvas here, off the photo there.
        if (share > 0.9).any():
            assert difference[share > 0].mean() < 6
