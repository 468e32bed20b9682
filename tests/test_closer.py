from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from hairseg import closer
from hairseg.closer import Box, _peaks, parts_to_look_at, with_closer_look
from hairseg.fit import Fit, fit
from hairseg.mask import Runs
from hairseg.segmenter import Segmenter

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]

HOW = Fit("area", 64, 32)  # canvases of 64 x 64 for a square photo


def red(part: Pixels, how: Fit = HOW) -> Floats:
    """A look that takes red for hair, on the part's canvas."""
    return fit(part, how)[..., 0].astype(np.float32) / 255


class Looks:
    """``red``, and what it was asked about."""

    def __init__(self) -> None:
        self.sizes: list[tuple[int, ...]] = []

    def __call__(self, part: Pixels) -> Floats:
        self.sizes.append(part.shape)
        return red(part)


def photo_with(*boxes: tuple[int, int, int, int], side: int = 512) -> Pixels:
    """(side, side, 3) with red boxes (top, bottom, left, right)."""
    photo = np.zeros((side, side, 3), np.uint8)
    for top, bottom, left, right in boxes:
        photo[top:bottom, left:right, 0] = 255
    return photo


def parts_of(photo: Pixels, how: Fit = HOW) -> list[Box]:
    return parts_to_look_at(red(photo, how), *photo.shape[:2], how)


def wrong(found: Floats, photo: Pixels) -> float:
    """The mean error of what was found, at the photo's own size."""
    return float(np.abs(found - photo[..., 0] / np.float32(255)).mean())


def test_a_small_head_is_looked_at_with_what_is_around_it() -> None:
    # 512 px on a canvas of 64: the box comes in steps of 8 pixels.
    assert parts_of(photo_with((200, 280, 240, 304))) == [Box(160, 320, 192, 352)]
    assert parts_of(photo_with((0, 80, 440, 512))) == [Box(0, 160, 352, 512)]  # moved inside the photo


def test_what_fills_the_photo_is_looked_at_once() -> None:
    photo = photo_with((100, 240, 100, 240))  # its surroundings are more than half as wide as the photo
    looks = Looks()
    found = red(photo)
    assert with_closer_look(looks, photo, found, HOW) is found
    assert not looks.sizes
    assert not parts_of(photo_with())


def test_a_photo_without_more_to_show_is_looked_at_once() -> None:
    small = photo_with((100, 140, 100, 140), side=256)
    # All of its pixels are on the canvas already; enlarged all the way, it is shown finer.
    assert not parts_of(small, Fit("area", 256, 32, enlarge=0.0))
    assert parts_of(small, Fit("area", 256, 32))


def test_a_closer_look_is_finer() -> None:
    photo = photo_with((201, 262, 243, 290))
    looks, found = Looks(), red(photo)
    whole = with_closer_look(looks, photo, found, HOW)
    assert looks.sizes == [(128, 128, 3)]
    assert whole.shape == (512, 512)
    once = np.asarray(Image.fromarray(found).resize((512, 512), Image.Resampling.BILINEAR))
    assert wrong(whole, photo) < 0.4 * wrong(once, photo)


def test_a_part_as_wide_as_a_tall_photo() -> None:
    """Where its sides are those of the photo, there is nothing to fade towards: on either axis, or on both."""
    tall = np.zeros((2000, 80, 3), np.uint8)
    tall[200:260, 10:70, 0] = 255
    for photo in (tall, tall.transpose(1, 0, 2).copy()):
        (part,) = parts_of(photo)
        assert {part.bottom - part.top, part.right - part.left} == {80, 126}
        looks, found = Looks(), red(photo)
        whole = with_closer_look(looks, photo, found, HOW)
        assert sorted(looks.sizes[0]) == [3, 80, 126]
        once = np.asarray(Image.fromarray(found).resize(photo.shape[1::-1], Image.Resampling.BILINEAR))
        assert wrong(whole, photo) < 0.5 * wrong(once, photo)


def test_heads_side_by_side_are_one_part_and_others_their_own() -> None:
    photo = photo_with((40, 80, 40, 80), (40, 80, 88, 128), (400, 440, 400, 432))
    assert parts_of(photo) == [Box(0, 176, 0, 176), Box(380, 460, 376, 456)]


def test_boxes_join_whatever_order_they_come_in() -> None:
    # The first and the last alone are far apart; what lies between them joins all three.
    boxes = [(40, 64, 40, 64), (40, 64, 120, 144), (40, 72, 72, 112)]
    assert len(parts_of(photo_with(*boxes[:2]))) == 2
    first = parts_of(photo_with(*boxes))
    assert len(first) == 1
    assert parts_of(photo_with(*boxes[::-1])) == first


def test_no_more_than_four_parts_the_largest_first() -> None:
    boxes = [
        (y, y + 16 + 8 * n, x, x + 16)
        for n, (y, x) in enumerate((y, x) for y in (40, 240, 440) for x in (40, 340))
    ]
    parts = parts_of(photo_with(*boxes))
    assert [part.bottom - part.top for part in parts] == [112, 96, 80, 64]


def test_specks_are_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    found = np.zeros((64, 64), np.float32)
    found[10, 10] = 1
    assert parts_to_look_at(found, 512, 512, HOW)
    monkeypatch.setattr(closer, "SMALLEST", 2 / found.size)
    assert not parts_to_look_at(found, 512, 512, HOW)


def test_what_is_doubted_everywhere_is_not_looked_at() -> None:
    found = np.zeros((64, 64), np.float32)
    found[10:14, 10:14] = 0.75
    assert not parts_to_look_at(found, 512, 512, HOW)
    found[40:44, 40:44] = 0.75
    found[43, 43] = 0.8
    assert parts_to_look_at(found, 512, 512, HOW) == [Box(304, 368, 304, 368)]


@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 9))
def test_the_peak_of_a_piece_is_its_largest_value(seed: int, height: int, width: int) -> None:
    found = np.random.default_rng(seed).random((height, width), np.float32)
    runs = Runs(found >= 0.5, corners=True)
    expected = np.zeros(len(runs.labels), np.float32)
    for row, start, end, label in zip(runs.row, runs.start, runs.end, runs.labels, strict=True):
        expected[label] = max(expected[label], found[row, start:end].max())
    assert np.array_equal(_peaks(runs, found), expected)


def test_of_very_many_pieces_the_largest_count(monkeypatch: pytest.MonkeyPatch) -> None:
    photo = photo_with((40, 64, 40, 64), (440, 480, 440, 480), (40, 64, 440, 464))
    assert len(parts_of(photo)) == 3
    monkeypatch.setattr(closer, "MOST_PIECES", 1)
    assert parts_of(photo) == [Box(420, 500, 420, 500)]


def test_the_second_answer_fades_into_the_first() -> None:
    photo = photo_with((240, 272, 240, 272))
    found = red(photo)

    def all_hair(part: Pixels) -> Floats:
        return np.ones((64, 64), np.float32)

    whole = with_closer_look(all_hair, photo, found, HOW)
    (part,) = parts_of(photo)
    assert part == Box(224, 288, 224, 288)
    middle = whole[256, part.left : part.right]
    assert middle[8:-8] == pytest.approx(1)  # an eighth of 64 pixels
    # The first answer is not quite 0 there: its canvas is coarse.
    assert middle[:8] == pytest.approx((np.arange(8) + 0.5) / 8, abs=0.02)
    assert whole[256, part.left - 1] == 0


def test_at_the_edge_of_the_photo_nothing_fades() -> None:
    photo = photo_with((0, 32, 0, 32))

    def all_hair(part: Pixels) -> Floats:
        return np.ones((64, 64), np.float32)

    whole = with_closer_look(all_hair, photo, red(photo), HOW)
    assert whole[0, 0] == 1
    assert whole[0, 63] < 0.1


sides = st.integers(1, 300)


@given(
    sides,
    sides,
    st.lists(st.tuples(sides, sides, sides, sides), max_size=4),
    st.sampled_from(["area", "square"]),
)
def test_parts_lie_in_the_photo_and_hold_the_hair_they_are_for(
    height: int, width: int, boxes: list[tuple[int, int, int, int]], mode: str
) -> None:
    how = Fit(mode, 64, 32)  # type: ignore[arg-type]
    found = np.zeros(how.canvas_size(height, width), np.float32)
    for top, tall, left, wide in boxes:
        found[top % found.shape[0] :, left % found.shape[1] :][: 1 + tall // 16, : 1 + wide // 16] = 1
    parts = parts_to_look_at(found, height, width, how)
    for part in parts:
        assert 0 <= part.top < part.bottom <= height
        assert 0 <= part.left < part.right <= width
        rows = slice(part.top * found.shape[0] // height, -(-part.bottom * found.shape[0] // height))
        columns = slice(part.left * found.shape[1] // width, -(-part.right * found.shape[1] // width))
        assert found[rows, columns].any()
    areas = [(part.bottom - part.top) * (part.right - part.left) for part in parts]
    assert areas == sorted(areas, reverse=True)


def test_a_segmenter_looks_closer_unless_it_is_told_not_to(toy_model: Path, portrait: Pixels) -> None:
    scene = np.zeros((1200, 1200, 3), np.uint8)
    scene[..., 1] = 200
    scene[500:620, 300:420] = np.asarray(Image.fromarray(portrait).resize((120, 120)))
    twice, once = Segmenter(toy_model, 2), Segmenter(toy_model, 2, one_look=True)
    how = twice.info.fit
    assert len(parts_to_look_at(once.on_canvas(fit(scene, how)), 1200, 1200, how)) == 1
    hair = scene[..., 0] > scene[..., 1]
    closer_errors, errors = (
        np.count_nonzero((segmenter.probability(scene) > 0.5) != hair) for segmenter in (twice, once)
    )
    assert closer_errors < 0.5 * errors
    assert once.beside_others().one_look
    assert np.array_equal(twice.probability(portrait), once.probability(portrait))
