from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageOps

from hairseg.turn import Turn

STORED = np.arange(6, dtype=np.uint8).reshape(2, 3)
# Display matrices as cameras write them: 16.16 fixed point, the last column 2.30.
ONE, LAST = 1 << 16, 1 << 30
MATRICES = {
    "none": ((ONE, 0, 0, 0, ONE, 0, 0, 0, LAST), [[0, 1, 2], [3, 4, 5]]),
    "clockwise": ((0, ONE, 0, -ONE, 0, 0, 0, 0, LAST), [[3, 0], [4, 1], [5, 2]]),
    "upside down": ((-ONE, 0, 0, 0, -ONE, 0, 0, 0, LAST), [[5, 4, 3], [2, 1, 0]]),
    "anticlockwise": ((0, -ONE, 0, ONE, 0, 0, 0, 0, LAST), [[2, 5], [1, 4], [0, 3]]),
    "mirrored": ((-ONE, 0, 0, 0, ONE, 0, 0, 0, LAST), [[2, 1, 0], [5, 4, 3]]),
    "slanted by 3 degrees": ((65446, 3430, 0, -3430, 65446, 0, 0, 0, LAST), [[0, 1, 2], [3, 4, 5]]),
}


@pytest.mark.parametrize("name", MATRICES)
def test_display_matrix(name: str) -> None:
    matrix, expected = MATRICES[name]
    np.testing.assert_array_equal(Turn.of_matrix(matrix).upright(STORED), expected)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_as_pillow_does_it(orientation: int) -> None:
    image = Image.fromarray(STORED)
    image.getexif()[0x0112] = orientation
    expected = np.asarray(ImageOps.exif_transpose(image))
    np.testing.assert_array_equal(Turn.of_exif(orientation).upright(STORED), expected)


def test_orientations_that_are_none() -> None:
    assert Turn.of_exif(0) == Turn.of_exif(9) == Turn()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_there_and_back(orientation: int) -> None:
    turn = Turn.of_exif(orientation)
    photo = np.random.default_rng(0).integers(0, 256, (4, 5, 3), np.uint8)
    upright = turn.upright(photo)
    assert upright.shape[:2] == turn.size(4, 5)
    np.testing.assert_array_equal(turn.stored(upright), photo)
