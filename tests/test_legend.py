from __future__ import annotations

import io

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from hairseg.classes import make_classes, unnamed
from hairseg.legend import label_image, legend, painted, with_legend

THREE = make_classes(["ground", "red", "blue"], ["black", "red", "blue"])
LABELS = np.array([[0, 1, 2], [255, 1, 0]], np.uint8)


def test_a_label_picture_holds_indices_and_shows_colours() -> None:
    buffer = io.BytesIO()
    label_image(LABELS, THREE).save(buffer, "PNG")
    with Image.open(buffer) as image:
        assert image.mode == "P"
        assert np.array_equal(np.asarray(image), LABELS)
        shown = np.asarray(image.convert("RGB"))
    assert shown[0].tolist() == [[0, 0, 0], [255, 0, 0], [0, 0, 255]]
    assert shown[1, 0].tolist() == [255, 255, 255]


@given(st.floats(0, 1))
@example(0.785)  # 21.5 in two channels: either neighbour is right
def test_a_photo_in_colours(strength: float) -> None:
    photo = np.full((2, 3, 3), 100, np.uint8)
    out = painted(photo, LABELS, THREE, strength)
    exact = np.array([100 + 155 * strength, 100 - 100 * strength, 100 - 100 * strength])
    assert np.abs(out[0, 1] - exact).max() <= 0.5 + 1e-4  # the nearest level, in float32
    assert out[1, 0].tolist() == [100, 100, 100]  # ignored


def test_a_legend_shows_every_colour_and_keeps_its_width() -> None:
    for count in (1, 6, 150):
        classes = unnamed(count)
        picture = legend(classes, 480)
        assert picture.width == 480
        colors = {color for _, color in picture.getcolors(1 << 20) or ()}
        assert {one.color for one in classes} <= colors


def test_below_a_picture_stand_the_classes_on_it_only() -> None:
    picture = Image.new("RGB", (300, 40), (9, 9, 9))
    with_all = with_legend(picture, THREE, LABELS)
    with_two = with_legend(picture, THREE, np.array([[0, 1]], np.uint8))
    assert with_all.size[0] == with_two.size[0] == 300
    blue = (0, 0, 255)
    assert blue in {color for _, color in with_all.getcolors(1 << 20) or ()}
    assert blue not in {color for _, color in with_two.getcolors(1 << 20) or ()}
    assert with_all.crop((0, 0, 300, 40)).tobytes() == picture.tobytes()
