"""The page looks closer at what Python looks closer at, and sees the same."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import astuple
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hairseg.closer import parts_to_look_at, with_closer_look
from hairseg.fit import Fit, fit

pytestmark = pytest.mark.browser

FITS = [Fit("area", 96, 32), Fit("square", 64, 8), Fit("area", 160, 32, 0.5)]

_ASK = """async ({ photo, how }) => {
  const { fit } = await import("/fit.js");
  const { partsToLookAt, withCloserLook } = await import("/closer.js");
  photo.data = Uint8ClampedArray.from(atob(photo.data), (letter) => letter.charCodeAt(0));
  const look = async (part) => {
    const { data, width, height } = fit(part, how);
    return { data: Float32Array.from({ length: width * height }, (_, i) => data[4 * i] / 255), width, height };
  };
  const map = await look(photo);
  const whole = await withCloserLook(look, photo, map, how);
  const parts = partsToLookAt(map, photo.height, photo.width, how);
  return {
    parts: parts.map(({ top, bottom, left, right }) => [top, bottom, left, right]),
    once: whole === map,
    shape: [whole.height, whole.width],
    data: [...whole.data],
  };
}"""


@pytest.fixture(scope="module")
def modules(chromium: Any, site: str) -> Iterator[Any]:
    with chromium.new_page() as page:
        page.goto(f"{site}/health")
        yield page


def _scene(seed: int) -> NDArray[np.uint8]:
    """Red ellipses of many sizes on a photo of a random size."""
    draws = np.random.default_rng(seed)
    height, width = draws.integers(150, 500, size=2)
    photo = draws.integers(0, 60, size=(height, width, 3)).astype(np.uint8)
    rows, columns = np.mgrid[:height, :width]
    for _ in range(draws.integers(1, 7)):
        y, x = draws.uniform(0, height), draws.uniform(0, width)
        tall, wide = draws.uniform(6, 40, size=2)
        photo[((rows - y) / tall) ** 2 + ((columns - x) / wide) ** 2 < 1, 0] = 255
    return photo


def _asked(modules: Any, photo: NDArray[np.uint8], how: Fit) -> dict[str, Any]:
    opaque = np.concatenate([photo, np.full((*photo.shape[:2], 1), 255, np.uint8)], 2)
    data = base64.b64encode(opaque.tobytes()).decode()
    sized = {"height": photo.shape[0], "width": photo.shape[1], "data": data}
    answer: dict[str, Any] = modules.evaluate(_ASK, {"photo": sized, "how": how.described()})
    return answer


@pytest.mark.parametrize("how", FITS, ids=lambda how: "-".join(map(str, astuple(how))))
def test_the_same_parts_and_the_same_map(modules: Any, how: Fit) -> None:
    def look(part: NDArray[np.uint8]) -> NDArray[np.float32]:
        return fit(part, how)[..., 0].astype(np.float32) / np.float32(255)

    seen = 0
    for seed in range(12):
        photo = _scene(seed)
        found = look(photo)
        parts = parts_to_look_at(found, *photo.shape[:2], how)
        expected = with_closer_look(look, photo, found, how)
        answer = _asked(modules, photo, how)
        assert answer["parts"] == [list(part) for part in parts]
        assert answer["once"] == (expected is found)
        assert tuple(answer["shape"]) == expected.shape
        # Their canvases are the same to the bit.
        assert np.abs(np.reshape(answer["data"], expected.shape) - expected).max() < 1e-5
        seen += len(parts)
    assert seen >= 6
