from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hairseg.fit import Fit, fit
from hairseg.segmenter import Segmenter
from hairseg.small_heads import _centred, _tiles, with_small_heads

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]

HOW = Fit("area", 64, 32)  # canvases and tiles of 64 x 64 for a square photo


def blind_to_small(canvas: Pixels) -> Floats:
    """A network that takes red for hair, but only heads of at least 8 pixels."""
    red = canvas[..., 0] > 127
    return red.astype(np.float32) * np.float32(np.count_nonzero(red.any(axis=0)) >= 8)


def photo_with(*boxes: tuple[int, int, int, int]) -> Pixels:
    """(256, 256, 3) with red boxes (top, bottom, left, right)."""
    photo = np.zeros((256, 256, 3), np.uint8)
    for top, bottom, left, right in boxes:
        photo[top:bottom, left:right, 0] = 255
    return photo


def found_in(photo: Pixels) -> Floats:
    return with_small_heads(blind_to_small, photo, blind_to_small(fit(photo, HOW)), HOW)


def differing(found: Floats, photo: Pixels) -> int:
    """Pixels that are hair in one and not in the other."""
    return int(np.count_nonzero((found > 0.5) != (photo[..., 0] > 127)))


def test_tiles_overlap_by_half_and_cover_all() -> None:
    tiles = list(_tiles(2, 64, 32))
    assert len(tiles) == 9
    assert tiles[0] == (slice(0, 64), slice(0, 32))
    assert tiles[4] == (slice(32, 96), slice(16, 48))
    assert tiles[8] == (slice(64, 128), slice(32, 64))


@pytest.mark.parametrize(("top", "left"), [(20, 30), (120, 120), (0, 100), (231, 231)])
def test_a_small_head_is_added(top: int, left: int) -> None:
    photo = photo_with((top, top + 25, left, left + 25))
    assert not blind_to_small(fit(photo, HOW)).any()
    found = found_in(photo)
    assert found.shape == (256, 256)
    assert differing(found, photo) <= 100  # the border by a pixel: it was seen at half the size too


def test_several_heads() -> None:
    photo = photo_with((20, 45, 20, 45), (30, 55, 190, 215), (200, 225, 100, 125))
    assert differing(found_in(photo), photo) <= 300


def test_nothing_that_was_found_is_lost() -> None:
    photo = photo_with((60, 190, 60, 190))
    whole = blind_to_small(fit(photo, HOW))
    found = found_in(photo)
    assert (found > 0.5).sum() >= 0.9 * (photo[..., 0] > 127).sum()
    assert found[128, 128] == 1
    assert whole.any()


def test_what_a_tile_sees_cut_off_is_not_added() -> None:
    # Wider and taller than half the photo: every tile sees a part of it, and the whole photo says no.
    photo = photo_with((70, 190, 0, 256), (0, 256, 70, 190))
    never = np.zeros((64, 64), np.float32)
    assert not with_small_heads(blind_to_small, photo, never, HOW).any()


def test_what_a_tile_is_not_sure_of_is_not_added() -> None:
    photo = photo_with((100, 125, 100, 125))

    def unsure(canvas: Pixels) -> Floats:
        return blind_to_small(canvas) * np.float32(0.6)

    assert not with_small_heads(unsure, photo, np.zeros((64, 64), np.float32), HOW).any()


def test_what_other_tiles_deny_is_not_added() -> None:
    photo = photo_with(
        (100, 125, 100, 125)
    )  # whole in four tiles, and no more central in one than in another

    def only_from_one_side(canvas: Pixels) -> Floats:
        rows, columns = np.nonzero(canvas[..., 0] > 127)
        return blind_to_small(canvas) * np.float32(len(rows) > 0 and rows.mean() < 32 and columns.mean() < 32)

    assert blind_to_small(photo).any()
    assert not with_small_heads(only_from_one_side, photo, np.zeros((64, 64), np.float32), HOW).any()


def test_specks_are_not_added() -> None:
    def sees_all(canvas: Pixels) -> Floats:
        return (canvas[..., 0] > 60).astype(np.float32)

    photo = photo_with((100, 103, 100, 103))
    assert not with_small_heads(sees_all, photo, np.zeros((64, 64), np.float32), HOW).any()


def test_a_tile_counts_most_where_it_is_central() -> None:
    weight = _centred((4, 4), (True, True, False, True))
    np.testing.assert_allclose(weight[1], [0.75, 0.75, 0.75, 0.25])
    np.testing.assert_allclose(weight[:, 0], [0.25, 0.75, 0.75, 0.25])
    np.testing.assert_array_equal(_centred((3, 3), (False,) * 4), np.ones((3, 3)))


def test_a_small_photo_has_no_finer_tiles() -> None:
    photo = photo_with((100, 125, 100, 125))[::10, ::10]
    found = np.zeros((64, 64), np.float32)
    assert with_small_heads(blind_to_small, photo, found, HOW) is found


def test_segmenter_with_tiles(toy_model: Path) -> None:
    photo = photo_with((100, 125, 100, 125))
    segmenter = Segmenter(toy_model, 1, tiles=True)
    assert segmenter(photo).mask.shape == (256, 256)
    assert segmenter(photo).probability.min() >= 0
    assert segmenter(photo).mask[112, 112]
