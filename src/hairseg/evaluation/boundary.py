"""Boundary F-score: are the edges where the annotator drew them?

The contour measure of Martin et al. (PAMI 2004) as DAVIS (Perazzi et al., CVPR 2016, section 4) uses it:
precision is the share of the predicted boundary that lies near a true one, recall the share of the true
boundary that lies near a predicted one, F their harmonic mean. "Near" is a Euclidean distance of at most
0.75 % of the photo's diagonal, rounded up to whole pixels as DAVIS does: exactly what dilating the other
boundary with a disk of that radius would reach. (A square of the same half side, as some tools dilate with,
reaches further and scores about three points more.)
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hairseg.evaluation.metrics import IGNORE

TOLERANCE = 0.0075


def boundary_f(mask: NDArray[np.bool_], truth: NDArray[np.uint8], tolerance: float = TOLERANCE) -> float:
    """Boundary F-score of one photo.

    Args:
        mask: (H, W) bool, the prediction.
        truth: (H, W) uint8, 1 hair, 255 ignore, anything else background.
        tolerance: share of the diagonal.

    Returns:
        In [0, 1]; 1 where neither has a boundary, 0 where only one has.
    """
    radius = math.ceil(tolerance * math.hypot(*truth.shape))
    valid = truth != IGNORE
    predicted, true = boundary(mask, valid), boundary(truth == 1, valid)
    if not predicted.any() or not true.any():
        return float(predicted.any() == true.any())
    precision = near(predicted, true, radius).mean()
    recall = near(true, predicted, radius).mean()
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0


def boundary(mask: NDArray[np.bool_], valid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask's pixels that touch, by one of four sides, a pixel that is valid and outside.

    The edge of the photo and of an ignored region is no boundary: nobody drew it.

    Args:
        mask: (H, W) bool.
        valid: (H, W) bool, false where the truth is to be ignored.
    """
    outside = valid & ~mask
    touched = np.zeros_like(mask)
    touched[1:] |= outside[:-1]
    touched[:-1] |= outside[1:]
    touched[:, 1:] |= outside[:, :-1]
    touched[:, :-1] |= outside[:, 1:]
    return mask & valid & touched


def near(points: NDArray[np.bool_], others: NDArray[np.bool_], radius: float) -> NDArray[np.bool_]:
    """Which pixels of ``points`` have a pixel of ``others`` within ``radius``.

    A disk is a stack of rows, and whether a row of the disk holds a pixel is one difference of the running
    count along that row. So it costs 2 radius + 1 look-ups a point, and no distance transform.

    Args:
        points: (H, W) bool.
        others: (H, W) bool.
        radius: in pixels, inclusive.

    Returns:
        (number of points,) bool, in row order.
    """
    reach = math.floor(radius)
    # running[y, x]: pixels of ``others`` left of x in row y, with ``reach`` empty pixels around the photo.
    running = np.pad(others, ((reach, reach), (reach + 1, reach))).cumsum(axis=1, dtype=np.int32)
    y, x = np.nonzero(points)
    found = np.zeros(y.size, bool)
    for dy in range(-reach, reach + 1):
        half = math.floor(math.sqrt(radius * radius - dy * dy))
        row = y + (dy + reach)
        found |= running[row, x + (reach + half + 1)] > running[row, x + (reach - half)]
    return found
