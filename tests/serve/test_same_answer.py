"""The page's arithmetic, in Chromium, gives what Python gives."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hairseg.color import hair_color, parse_color, to_oklab
from hairseg.dye import Look, Tone
from hairseg.edge import soft_edge, with_colors
from hairseg.fit import Fit, fit, unfit
from hairseg.foreground import foreground
from hairseg.heads import heads
from hairseg.mask import to_mask
from hairseg.paint import cutout, overlay, recolor
from hairseg.photo import read_photo

pytestmark = pytest.mark.browser

ASTRONAUT = Path(__file__).parents[2] / "samples" / "astronaut.jpg"
FITS = [Fit("area", 256, 32), Fit("area", 416, 32), Fit("square", 160, 8), Fit("area", 640, 32, 0.5)]
DYES: list[dict[str, Any]] = [
    {"color": "#e6d9bd", "strength": 0.9},
    {"color": "#171213", "strength": 1.0},
    {"color": "#b2572a", "tips": "#2c57ae", "strength": 1.0},
    {"color": "#6e3aa7", "strength": 0.4, "lift": 0.3},
    {"color": "#6e3aa7", "strength": 0.0},
]
# What is neither red nor green lies below it: doubt, here and there without any hair in reach.
THRESHOLD = 0.6
TINT: dict[str, Any] = {"color": "#e5484d", "strength": 0.5}

# Every step gets what Python's step before it made, so that differences do not add up.
_STEPS = """async ({ photo, maps, probability, threshold, alpha, fits, dyes, tint }) => {
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const floats = (text) => new Float32Array(bytes(text).buffer);
  const text = ({ buffer }) => {
    const all = new Uint8Array(buffer);
    let letters = "";
    for (let i = 0; i < all.length; i += 8192) letters += String.fromCharCode(...all.subarray(i, i + 8192));
    return btoa(letters);
  };
  const page = {};
  for (const name of ["fit", "mask", "edge", "foreground", "color", "paint"]) {
    Object.assign(page, await import(`/${name}.js`));
  }
  photo = { ...photo, data: new Uint8ClampedArray(bytes(photo.data).buffer) };
  [probability, alpha] = [floats(probability), floats(alpha)];
  const { height, width } = photo;
  return {
    fit: fits.map((how) => page.fit(photo, how)).map((canvas) => ({ ...canvas, data: text(canvas.data) })),
    unfit: maps.map((map) => text(page.unfit({ ...map, data: floats(map.data) }, height, width))),
    mask: text(page.toMask(probability, 0.3)),
    edge: text(page.softEdge(photo, probability, threshold)),
    mixed: text(page.withColors(photo, probability, threshold, 0.5)),
    color: page.hairColor(photo, probability),
    foreground: text(page.foreground(photo, alpha).data),
    dyed: dyes.map((dye) => text(page.recolor(photo, alpha, dye))),
    tinted: text(page.overlay(photo, alpha, tint)),
    cutout: text(page.cutout(photo, alpha)),
  };
}"""


def _text(array: NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def _sized(array: NDArray[Any]) -> dict[str, Any]:
    return {"height": array.shape[0], "width": array.shape[1], "data": _text(array)}


def _bytes(text: str, kind: type[Any] = np.uint8) -> NDArray[Any]:
    return np.frombuffer(base64.b64decode(text), kind)


class Both:
    """One photo, its intermediate results in Python, and what the page makes of them."""

    def __init__(self, page: Any, photo: NDArray[np.uint8], hair: bool = True) -> None:
        self.photo = photo
        self.maps = [_redness(fit(photo, how)) * np.float32(hair) for how in FITS]
        self.probability = unfit(self.maps[0], *photo.shape[:2])
        self.alpha = soft_edge(photo, self.probability, THRESHOLD)
        opaque = np.full((*photo.shape[:2], 1), 255, np.uint8)
        question = {
            "photo": _sized(np.concatenate([photo, opaque], 2)),
            "maps": [_sized(found) for found in self.maps],
            "probability": _text(self.probability),
            "threshold": THRESHOLD,
            "alpha": _text(self.alpha),
            "fits": [how.described() for how in FITS],
            "dyes": DYES,
            "tint": TINT,
        }
        self.answer: dict[str, Any] = page.evaluate(_STEPS, question)

    def pixels(self, text: str) -> NDArray[np.uint8]:
        """RGBA of the photo's size."""
        return _bytes(text).reshape(*self.photo.shape[:2], 4)


def _redness(canvas: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A map with hard and soft borders: what is more red than green."""
    red, green = canvas[..., 0].astype(np.float32), canvas[..., 1].astype(np.float32)
    return (1 / (1 + np.exp((green - red) / 12))).astype(np.float32)


def _close(found: NDArray[np.uint8], expected: NDArray[np.uint8], levels: int = 2) -> None:
    difference = np.abs(found.astype(np.int16)[..., : expected.shape[2]] - expected)
    assert int(difference.max()) <= levels


@pytest.fixture(scope="module")
def modules(chromium: Any, site: str) -> Iterator[Any]:
    """The modules alone: any address of the site can import them, without waiting for a network."""
    with chromium.new_page() as page:
        page.goto(f"{site}/health")
        yield page


@pytest.fixture(scope="module", params=["whole", "odd", "large", "strip"])
def both(modules: Any, request: pytest.FixtureRequest) -> Both:
    astronaut = read_photo(ASTRONAUT).pixels
    photos = {
        "whole": astronaut,
        "odd": astronaut[11:366, 100:307],
        # Large enough for the reduction by whole boxes before the resize.
        "large": np.repeat(np.repeat(astronaut, 3, axis=0), 2, axis=1)[:1501, :1001],
        "strip": astronaut[:40],
    }
    return Both(modules, np.ascontiguousarray(photos[request.param]))


def test_fit(both: Both) -> None:
    for how, found in zip(FITS, both.answer["fit"], strict=True):
        assert (found["height"], found["width"]) == how.canvas_size(*both.photo.shape[:2])
        pixels = _bytes(found["data"]).reshape(found["height"], found["width"], 4)
        np.testing.assert_array_equal(pixels[..., :3], fit(both.photo, how))


def test_unfit_and_its_mask(both: Both) -> None:
    for small, found in zip(both.maps, both.answer["unfit"], strict=True):
        expected = unfit(small, *both.photo.shape[:2])
        probability = _bytes(found, np.float32).reshape(expected.shape)
        assert np.abs(probability - expected).max() < 1e-5
        a, b = to_mask(probability), to_mask(expected)
        assert (a & b).sum() / (a | b).sum() >= 0.995


def test_mask(both: Both) -> None:
    found = _bytes(both.answer["mask"]).reshape(both.photo.shape[:2])
    assert np.array_equal(found.astype(bool), to_mask(both.probability, 0.3))


def test_edge(both: Both) -> None:
    found = _bytes(both.answer["edge"], np.float32).reshape(both.alpha.shape)
    assert ((both.alpha > 0) & (both.alpha < 1)).any()
    difference = np.abs(found - both.alpha)
    # Where hair and background have one colour the discriminant divides by next to nothing.
    assert difference.mean() < 1e-4
    assert (difference > 1 / 255).mean() < 1e-4


def test_colours_near_the_border(both: Both) -> None:
    found = _bytes(both.answer["mixed"], np.float32).reshape(both.alpha.shape)
    expected = with_colors(both.photo, both.probability, THRESHOLD, 0.5)
    assert (expected != both.probability).any()
    difference = np.abs(found - expected)
    assert difference.mean() < 1e-4
    assert (difference > 1 / 255).mean() < 1e-4


def test_hair_color(both: Both) -> None:
    expected, found = hair_color(both.photo, both.probability), both.answer["color"]
    assert expected is not None
    assert found["name"] == expected.name
    assert np.abs(np.subtract(parse_color(found["hex"]), parse_color(expected.hex))).max() <= 2


def test_foreground(both: Both) -> None:
    _close(both.pixels(both.answer["foreground"]), foreground(both.photo, both.alpha))


@pytest.mark.parametrize("which", range(len(DYES)))
def test_recolor(both: Both, which: int) -> None:
    expected = recolor(both.photo, both.alpha, **DYES[which])
    _close(both.pixels(both.answer["dyed"][which]), expected)


@pytest.mark.parametrize("lightness", [0.0, 1.0])
def test_the_tone_of_hair_that_is_black_or_burnt_out(modules: Any, lightness: float) -> None:
    """A tone's curve, where light has no contrast that could be compared with what is usual."""
    look = Look(np.full(6, lightness), lightness, 0.0, 0.0)
    target = to_oklab(np.array(parse_color("red"), np.uint8))
    ask = """async ({ lab, lightness }) => {
      const { toneOf } = await import("/dye.js");
      const look = { quantiles: Array(6).fill(lightness), lightness, a: 0, b: 0 };
      return [...toneOf(lab, look, 1).curve];
    }"""
    found = modules.evaluate(ask, {"lab": [float(value) for value in target], "lightness": lightness})
    np.testing.assert_allclose(found, Tone.of(target, look, 1.0).curve, atol=1e-6)


def test_overlay_and_cutout(both: Both) -> None:
    _close(both.pixels(both.answer["tinted"]), overlay(both.photo, both.alpha, **TINT), 1)
    _close(both.pixels(both.answer["cutout"]), cutout(both.photo, both.alpha))


def test_heads_of_a_group(modules: Any) -> None:
    rng = np.random.default_rng(5)
    alpha = np.zeros((1203, 1701), np.float32)
    for side in rng.integers(10, 300, 25):
        top, left = rng.integers(0, alpha.shape)
        piece = alpha[top : top + side, left : left + side]
        piece[:] = rng.random(piece.shape) * rng.random()
    ask = """async ({ height, width, data }) => {
      const { headsOf, heightIn } = await import("/heads.js");
      const heads = headsOf(new Float32Array(Uint8Array.from(atob(data), (c) => c.charCodeAt(0)).buffer), width, height);
      const found = [];
      for (let y = 0; y < height; y += 7) for (let x = 0; x < width; x += 7) found.push(heightIn(heads, y, x));
      return found;
    }"""
    known = heads(alpha)
    assert len(known.top) > 3
    expected = known.height(*np.mgrid[: alpha.shape[0] : 7, : alpha.shape[1] : 7])
    np.testing.assert_allclose(modules.evaluate(ask, _sized(alpha)), expected.ravel(), atol=1e-6)


def test_no_hair_at_all(modules: Any) -> None:
    photo = np.ascontiguousarray(read_photo(ASTRONAUT).pixels[100:200, 50:250])
    none = Both(modules, photo, hair=False)
    assert none.answer["color"] is None
    assert not _bytes(none.answer["edge"], np.float32).any()
    assert not _bytes(none.answer["cutout"]).any()
    assert np.array_equal(none.pixels(none.answer["dyed"][0])[..., :3], photo)
