import numpy as np
import pytest
from PIL import Image

from hairseg.evaluation.sheets import CAPTION, GAP, Case, case_of, page, painted, sheet, strip

from .conftest import red_is_hair

ALL, NONE = np.ones((1, 1), bool), np.zeros((1, 1), bool)


@pytest.mark.parametrize(
    ("truth", "mask", "colour"),
    [
        (ALL, NONE, (178, 58, 64)),
        (NONE, ALL, (58, 88, 193)),
        (ALL, ALL, (136, 64, 172)),
        (NONE, NONE, (100,) * 3),
    ],
)
def test_truth_is_red_prediction_blue_and_both_purple(truth, mask, colour):
    photo = np.full((1, 1, 3), 100, np.uint8)
    assert tuple(painted(photo, truth, mask)[0, 0]) == colour
    assert (photo == 100).all()


def test_a_strip_shows_photo_truth_prediction_and_both():
    photo = np.full((40, 40, 3), 100, np.uint8)
    truth, mask = np.zeros((40, 40), bool), np.zeros((40, 40), bool)
    truth[:, :20], mask[:20] = True, True
    picture = strip(Case(photo, truth, mask, "IoU 0.333"), tile=40)
    assert picture.size == (4 * (40 + GAP) + GAP, 40 + CAPTION + GAP)
    pixels = np.asarray(picture)
    middle = {
        (y, x): [tuple(pixels[CAPTION + y, GAP + k * (40 + GAP) + x]) for k in range(4)]
        for y in (5, 35)
        for x in (5, 35)
    }
    grey, red, blue, purple = (100,) * 3, (178, 58, 64), (58, 88, 193), (136, 64, 172)
    assert middle[5, 5] == [grey, red, blue, purple]
    assert middle[35, 5] == [grey, red, grey, red]
    assert middle[5, 35] == [grey, grey, blue, blue]
    assert middle[35, 35] == [grey] * 4
    assert (pixels[:CAPTION] < 128).any()


def test_sheet_of_a_data_set_opens_as_an_image(toy_data, tmp_path):
    sheet(toy_data.items, red_is_hair, tile=64).save(tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as picture:
        # Four photos, two across.
        assert picture.size == (2 * (4 * (64 + GAP) + GAP), 2 * (64 + CAPTION + GAP))
        assert picture.mode == "RGB"


def test_a_single_photo_needs_no_second_column(toy_data):
    assert sheet(toy_data.items[:1], red_is_hair, tile=64).width == 4 * (64 + GAP) + GAP
    strips = [Image.new("RGB", (10, 5))] * 3
    assert page(strips, across=2).size == (20, 10)
    assert page(strips, across=1).size == (10, 15)


def test_captions_say_what_went_right_or_wrong(toy_data, toy_negatives):
    straight, _, _, man = toy_data.items
    assert case_of(straight, red_is_hair).caption == "IoU 1.000  Frame00010-org.png  straight"
    assert (
        case_of(man, red_is_hair).caption
        == "IoU 0.739  0% of the beard called hair  Frame00991-org.png  short-men"
    )
    assert case_of(toy_negatives.items[0], red_is_hair).caption == "2.50% of the photo called hair  dog.png  "


def test_grey_cases_are_grey_and_threshold_is_used(toy_data):
    case = case_of(toy_data.items[0], red_is_hair, grey=True)
    assert (case.photo == case.photo[..., :1]).all()
    assert case.mask.all()
    assert not case_of(toy_data.items[0], red_is_hair, threshold=0.95).mask.any()
