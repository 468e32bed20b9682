from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from hairseg.errors import UsageError
from hairseg.mask import to_mask, with_filled_holes, without_specks

Mask = NDArray[np.bool_]


def drawn(*rows: str) -> Mask:
    return np.array([[letter == "#" for letter in row] for row in rows])


def pieces(mask: Mask, corners: bool) -> list[set[tuple[int, int]]]:
    """Connected pieces by flood fill, one pixel at a time."""
    left = {(int(y), int(x)) for y, x in np.argwhere(mask)}
    found = []
    while left:
        piece, front = set(), [left.pop()]
        while front:
            y, x = front.pop()
            piece.add((y, x))
            for dy, dx in np.ndindex(3, 3):
                near = (y + dy - 1, x + dx - 1)
                if near in left and (corners or 1 in (dy, dx)):
                    left.remove(near)
                    front.append(near)
        found.append(piece)
    return found


masks = arrays.arrays(bool, arrays.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12))


@pytest.mark.parametrize(
    ("threshold", "expected"),
    [(0.0, "####"), (0.25, ".###"), (0.5, "..##"), (0.51, "...#"), (1.0, "...#")],
)
def test_a_probability_from_the_threshold_on_is_hair(threshold: float, expected: str) -> None:
    probability = np.array([[0.0, 0.25, 0.5, 1.0]], np.float32)
    np.testing.assert_array_equal(to_mask(probability, threshold), drawn(expected))


@pytest.mark.parametrize("options", [{"threshold": -0.1}, {"threshold": 1.1}, {"min_area": 2.0}])
def test_numbers_out_of_range_are_named(options: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=f"{next(iter(options))} .* is out of range"):
        to_mask(np.zeros((2, 2), np.float32), **options)


@pytest.mark.parametrize(
    ("smallest", "expected"),
    [
        (1, ("##..#", "#....", "...#.", "..#..")),
        (2, ("##...", "#....", "...#.", "..#..")),
        (3, ("##...", "#....", ".....", ".....")),
        (4, (".....", ".....", ".....", ".....")),
    ],
)
def test_specks_are_dropped_and_corners_connect(smallest: int, expected: tuple[str, ...]) -> None:
    mask = drawn("##..#", "#....", "...#.", "..#..")
    np.testing.assert_array_equal(without_specks(mask, smallest), drawn(*expected))


def test_a_spiral_is_one_piece() -> None:
    spiral = drawn("#######", "......#", "#####.#", "#...#.#", "#.###.#", "#.....#", "#######")
    np.testing.assert_array_equal(without_specks(spiral, np.count_nonzero(spiral)), spiral)


def test_holes_are_filled_but_not_bays() -> None:
    mask = drawn("#####.###", "#...#.#.#", "#.#.#.#.#", "#...#.#.#", "#####....")
    expected = drawn("#####.###", "#####.#.#", "#####.#.#", "#####.#.#", "#####....")
    np.testing.assert_array_equal(with_filled_holes(mask), expected)


def test_hair_that_touches_by_a_corner_encloses() -> None:
    np.testing.assert_array_equal(with_filled_holes(drawn(".#.", "#.#", ".#.")), drawn(".#.", "###", ".#."))


def test_both_at_once() -> None:
    probability = np.where(drawn("###..#", "#.#...", "###..."), 0.9, 0.1).astype(np.float32)
    cleaned = to_mask(probability, min_area=0.2, fill_holes=True)
    np.testing.assert_array_equal(cleaned, drawn("###...", "###...", "###..."))


@given(masks, st.integers(1, 20))
def test_specks_agree_with_flood_fill(mask: Mask, smallest: int) -> None:
    kept = [piece for piece in pieces(mask, corners=True) if len(piece) >= smallest]
    found = {(int(y), int(x)) for y, x in np.argwhere(without_specks(mask, smallest))}
    assert found == set().union(*kept)


@given(masks)
def test_holes_agree_with_flood_fill(mask: Mask) -> None:
    height, width = mask.shape
    expected = mask.copy()
    for piece in pieces(~mask, corners=False):
        if not any(y in (0, height - 1) or x in (0, width - 1) for y, x in piece):
            expected[tuple(zip(*piece, strict=True))] = True
    np.testing.assert_array_equal(with_filled_holes(mask), expected)


@given(masks)
def test_without_wishes_nothing_changes(mask: Mask) -> None:
    np.testing.assert_array_equal(to_mask(mask.astype(np.float32)), mask)
