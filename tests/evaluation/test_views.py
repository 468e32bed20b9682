import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from hairseg.data import open_data
from hairseg.data.dyed import dyed
from hairseg.evaluation.protocol import evaluate
from hairseg.evaluation.report import Report
from hairseg.evaluation.tables import hidden
from hairseg.evaluation.views import (
    TITLES,
    VIEWS,
    blurred,
    crowd,
    dark,
    pink,
    scene,
    sideways,
    thumbnail,
    upside_down,
    white,
)

from .conftest import red_is_hair

PHOTO = np.arange(6 * 3, dtype=np.uint8).reshape(2, 3, 3)
TRUTH = np.array([[0, 1, 255], [1, 0, 0]], np.uint8)


def test_what_was_right_is_up_or_left():
    photo, truth = sideways(PHOTO, TRUTH)
    assert truth.tolist() == [[255, 0], [1, 0], [0, 1]]
    assert photo[0, 0].tolist() == PHOTO[0, 2].tolist()
    photo, truth = upside_down(PHOTO, TRUTH)
    assert truth.tolist() == [[0, 0, 1], [255, 1, 0]]
    assert photo[0, 0].tolist() == PHOTO[1, 2].tolist()


def test_a_crowd_is_nine_times_the_photo():
    ramp = np.arange(12, dtype=np.uint8)[None, :, None].repeat(6, axis=0).repeat(3, axis=2)
    truth = np.zeros((6, 12), np.uint8)
    truth[:, 9:] = 1
    photo, true = crowd(ramp, truth)
    assert true.tolist() == [[0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 1]] * 6
    small = np.asarray(Image.fromarray(ramp).resize((4, 2), Image.Resampling.BILINEAR, reducing_gap=1.1))
    np.testing.assert_array_equal(photo[:2, :4], small)
    np.testing.assert_array_equal(photo[2:4, 4:8], small[:, ::-1])
    np.testing.assert_array_equal(photo[4:, 8:], small)


def test_a_thumbnail_is_the_photo_with_fewer_pixels():
    ramp = np.arange(256, dtype=np.uint8)[None, :, None].repeat(64, axis=0).repeat(3, axis=2)
    truth = np.zeros((64, 256), np.uint8)
    truth[:, 128:], truth[:, 192:] = 1, 255
    photo, true = thumbnail(ramp, truth)  # half as high and as wide: 32 x 128 pixels are 64 x 64
    assert true.tolist() == [[0] * 64 + [1] * 32 + [255] * 32] * 32
    small = np.asarray(Image.fromarray(ramp).resize((128, 32), Image.Resampling.BILINEAR, reducing_gap=1.1))
    np.testing.assert_array_equal(photo, small)


def test_what_is_smaller_than_a_thumbnail_stays():
    photo, truth = thumbnail(PHOTO, TRUTH)
    np.testing.assert_array_equal(photo, PHOTO)
    np.testing.assert_array_equal(truth, TRUTH)


def test_hair_is_white_or_pink_where_it_is():
    photo = np.full((40, 40, 3), (190, 140, 110), np.uint8)
    photo[:20] = (60, 40, 30)
    truth = np.zeros((40, 40), np.uint8)
    truth[:20], truth[30:] = 1, 255
    for view, color in ((white, "white"), (pink, "pink")):
        seen, true = view(photo, truth)
        np.testing.assert_array_equal(seen, dyed(photo, truth, color))
        np.testing.assert_array_equal(true, truth)
        np.testing.assert_array_equal(seen[26:], photo[26:])
    assert white(photo, truth)[0][:14].min() > 200
    red, green, blue = pink(photo, truth)[0][:14].mean(axis=(0, 1))
    assert red > blue > green + 30


def test_out_of_focus_is_a_hundredth_of_the_side():
    """A photo of 50 x 200 pixels is as a square of 100: one pixel."""
    photo = np.zeros((50, 200, 3), np.uint8)
    photo[:, 100:] = 255
    truth = photo[..., 0] // 255
    seen, true = blurred(photo, truth)
    np.testing.assert_array_equal(true, truth)
    np.testing.assert_array_equal(seen, Image.fromarray(photo).filter(ImageFilter.GaussianBlur(1.0)))


def test_the_dark_is_grainy_and_the_same_every_time():
    photo = np.full((100, 100, 3), 128, np.uint8)
    photo[:50] = 255
    seen, true = dark(photo, photo[..., 0])
    np.testing.assert_array_equal(true, photo[..., 0])
    # 255 * 0.5 and 255 * 0.5 * (128 / 255) ** 2.2
    np.testing.assert_allclose(seen.mean(axis=1)[::99, 0], [127.5, 28.0], atol=3)
    np.testing.assert_allclose([seen[:50].std(), seen[50:].std()], 8, atol=0.2)
    np.testing.assert_array_equal(seen, dark(photo, photo[..., 0])[0])


@given(st.integers(1, 40), st.integers(1, 40))
def test_views_of_any_photo_can_be_scored(height, width):
    photo, truth = np.zeros((height, width, 3), np.uint8), np.zeros((height, width), np.uint8)
    for view in VIEWS.values():
        seen, true = view(photo, truth)
        assert seen.shape == (*true.shape, 3)
        assert seen.flags.c_contiguous
        assert true.size


def test_who_looks_at_each_pixel_alone_loses_nothing_by_a_turn(toy_data):
    report = evaluate(red_is_hair, toy_data)
    assert [report.views[name].value for name in ("sideways", "upside_down")] == [0, 0]
    assert abs(report.views["crowd"].value) < 0.1
    assert report.scores()["crowd_difference"] == pytest.approx(report.views["crowd"].value, abs=1e-6)
    assert all(title in hidden(report) for name, title in TITLES.items() if name != "scene")


def test_a_scene_holds_the_photo_where_its_seed_says():
    photo, truth = np.full((20, 30, 3), 9, np.uint8), np.ones((20, 30), np.uint8)
    ground = np.zeros((7, 5, 3), np.uint8)
    places = set()
    for seed in range(20):
        whole, true = scene(photo, truth, ground, seed)
        assert whole.shape == (80, 120, 3)
        np.testing.assert_array_equal(whole[..., 0] == 9, true == 1)
        rows, columns = np.nonzero(true)
        assert true.sum() == 600
        assert (np.ptp(rows), np.ptp(columns)) == (19, 29)
        places.add((int(rows[0]), int(columns[0])))
        np.testing.assert_array_equal(scene(photo, truth, ground, seed)[1], true)
    assert len(places) > 15
    large = np.zeros((1000, 500), np.uint8)
    assert scene(np.zeros((1000, 500, 3), np.uint8), large, ground, 0)[1].shape == (2000, 1000)


def test_photos_lie_on_those_without_people_in_turn(toy_data, tmp_path):
    for kind, color in (("images", (0, 90, 0)), ("masks", (0, 0, 0))):
        (tmp_path / kind).mkdir()
        for name in "ab":
            Image.new("RGB", (30, 20), color).save(tmp_path / kind / f"{name}.png")

    def finds_none_in_scenes(photo):
        return red_is_hair(photo) * np.float32(photo.shape[0] < 4 * 40)

    empty = open_data(f"folder:{tmp_path}")
    right = evaluate(red_is_hair, toy_data, negatives=empty).views["scene"]
    assert abs(right.value) < 0.1
    report = evaluate(finds_none_in_scenes, toy_data, negatives=empty)
    assert report.views["scene"].value == -report.counts.iou
    assert report.views["sideways"].value == 0
    assert TITLES["scene"] in hidden(report)


def test_who_knows_where_heads_are_loses_by_a_turn(toy_data):
    def upper(photo):
        found = np.zeros(photo.shape[:2], np.float32)
        found[5:25, 10:40] = 1
        return found

    report = evaluate(upper, toy_data)
    assert report.counts.iou == 1
    assert report.views["upside_down"].value < -0.1
    assert report.views["crowd"].value < -0.1


def test_without_views_each_photo_is_looked_at_twice(toy_data):
    seen = []

    def looks(photo):
        seen.append(photo)
        return red_is_hair(photo)

    report = evaluate(looks, toy_data, views=False)
    assert report.views == {}
    # As it is and in grey, after one call that is not timed.
    assert len(seen) == 1 + 2 * len(toy_data.items)


def test_a_report_of_before_has_no_views(toy_data):
    values = evaluate(red_is_hair, toy_data).to_dict()
    for photo in values["photos"]:
        del photo["views"]
    old = Report.from_dict(values)
    assert old.views == {}
    assert "crowd_difference" not in old.scores()
    assert TITLES["crowd"] not in hidden(old)
