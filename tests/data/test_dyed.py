import numpy as np
import pytest

from hairseg.color import parse_color, to_oklab
from hairseg.data.dyed import dyed

DRAWS = np.random.default_rng(3)
# Brown strands on a light wall, with a mask that is drawn two pixels too wide.
PHOTO = np.full((64, 64, 3), (200, 205, 210), np.uint8)
PHOTO[16:48, 16:48] = np.clip(np.array([95, 60, 40]) * DRAWS.uniform(0.5, 1.5, (32, 32, 1)), 0, 255)
TRUTH = np.zeros((64, 64), np.uint8)
TRUTH[14:50, 14:50] = 1


@pytest.mark.parametrize("color", ["white", "pink", "blue", "black"])
def test_hair_has_the_colour_and_the_wall_its_own(color):
    new = dyed(PHOTO, TRUTH, color)
    assert np.median(to_oklab(new[20:44, 20:44]), axis=(0, 1)) == pytest.approx(
        to_oklab(np.array(parse_color(color), np.uint8)), abs=0.06
    )
    far = np.ones((64, 64), bool)
    far[8:56, 8:56] = False
    np.testing.assert_array_equal(new[far], PHOTO[far])


def test_a_mask_that_is_too_wide_leaves_the_wall_mostly_as_it_is():
    new = dyed(PHOTO, TRUTH, "black").astype(int)
    rim = np.zeros((64, 64), bool)
    rim[14:50, 14:50], rim[16:48, 16:48] = True, False
    assert np.abs(new - PHOTO)[rim].mean() < 40 < np.abs(new - PHOTO)[20:44, 20:44].mean()


def test_without_hair_or_strength_it_is_the_photo():
    np.testing.assert_array_equal(dyed(PHOTO, np.zeros_like(TRUTH), "pink"), PHOTO)
    np.testing.assert_array_equal(dyed(PHOTO, np.full_like(TRUTH, 255), "pink"), PHOTO)
    np.testing.assert_array_equal(dyed(PHOTO, TRUTH, "pink", 0.0), PHOTO)
