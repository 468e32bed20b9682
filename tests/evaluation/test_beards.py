from pathlib import Path

import numpy as np
import pytest

from hairseg.data import Item, open_data, read_item
from hairseg.evaluation.beards import beard_pixels, has_beard, marked_beards


def item(stem):
    return Item(Path(f"/photos/{stem}.jpg"), None, f"test/images/{stem}.jpg")


def test_polygons_are_inside_the_photo():
    photos = marked_beards()
    assert len(photos) == 42
    for name, polygons in photos.items():
        assert name.startswith("Frame")
        assert polygons
        for polygon in polygons:
            assert len(polygon) >= 5
            assert 0 <= np.min(polygon) <= np.max(polygon) <= 1


def test_pixels_follow_the_polygon_at_any_size():
    small = beard_pixels(item("Frame00971-org"), np.zeros((100, 70), np.uint8))
    large = beard_pixels(item("Frame00971-org"), np.zeros((1000, 700), np.uint8))
    assert small.mean() == pytest.approx(large.mean(), rel=0.15)
    rows, columns = np.nonzero(large)
    assert 660 <= rows.min() <= rows.max() <= 800
    assert 430 <= columns.min() <= columns.max() <= 590


def test_true_hair_and_ignored_pixels_are_no_beard():
    truth = np.zeros((1000, 700), np.uint8)
    whole = beard_pixels(item("Frame00971-org"), truth)
    truth[:, :500], truth[720:] = 1, 255
    assert np.array_equal(beard_pixels(item("Frame00971-org"), truth), whole & (truth == 0))
    assert 0 < (whole & (truth == 0)).sum() < whole.sum()


def test_a_photo_that_is_not_marked_has_no_beard():
    assert not has_beard(item("Frame00001-org"))
    assert not beard_pixels(item("Frame00001-org"), np.zeros((9, 9), np.uint8)).any()


@pytest.mark.data
@pytest.mark.parametrize(
    ("split", "photos", "short_men"), [("test", 18, 8), ("val84", 5, 3), ("train756", 19, 19)]
)
def test_marked_photos_are_there_and_their_beards_are_not_true_hair(real_figaro, split, photos, short_men):
    marked = [one for one in open_data(f"figaro1k:{real_figaro}", split).items if has_beard(one)]
    assert len(marked) == photos
    assert sum(one.style == "short-men" for one in marked) == short_men
    for one in marked:
        _, truth = read_item(one)
        kept = beard_pixels(one, truth).sum()
        assert kept > 500
        assert kept >= 0.98 * beard_pixels(one, np.zeros_like(truth)).sum()
