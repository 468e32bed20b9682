"""Probabilities of successive frames -> the same without flicker, and without smear where something moves.

Each pixel is blended with its own past (exponential smoothing). The photo is smoothed with the same weights as
the probability, so it tells by itself where that would smear: where the new frame differs from the smoothed
photo, the past is wrong and is let go; where it does not, the past is as good as the present and less noisy.
Slow motion adds up in the smoothed photo, so that it too is seen. All of it is done on the canvas.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hairseg.errors import UsageError

Floats = NDArray[np.float32]
Canvas = NDArray[np.uint8]

# Seconds after which the past has lost all but 1/e of its weight, where nothing moves.
MEMORY = 0.2
# Photos are compared at this part of the canvas' size: less noise, a quarter of the time.
COARSER = 2
# Side of the window, in pixels of that size, over which they are compared.
WINDOW = 5
# Differences between a frame and the smoothed photo, in levels of 255 (root mean square over a window): noise
# of sensor and compression up to the first, another thing altogether from the second.
SAME, OTHER = 3.0, 10.0
# The camera's exposure and lamps change by no more levels than these between two frames.
EXPOSURE = 24.0
# A frame of which more than this share is other is the first of a new scene.
CUT = 0.65
# After a gap this long in seconds (a paused camera), the past is another scene too.
GAP = 1.0


class Steady:
    """Smooths the probabilities of one video, frame by frame.

    Args:
        memory: seconds that the past counts where nothing moves; 0 changes nothing.

    Raises:
        UsageError: ``memory`` is negative or not a number.
    """

    def __init__(self, memory: float = MEMORY) -> None:
        if not 0 <= memory < math.inf:
            raise UsageError(f"a memory of {memory} seconds is out of range: use 0 or more")
        self._memory = memory
        self._photo: Floats | None = None
        self._probability: Floats | None = None

    def __call__(self, canvas: Canvas, probability: Floats, elapsed: float) -> Floats:
        """The smoothed probability of the next frame.

        Args:
            canvas: (h, w, 3) uint8, the frame on its canvas.
            probability: (h, w) float32 in [0, 1], of that frame alone.
            elapsed: seconds since the frame before.

        Returns:
            (h, w) float32 in [0, 1].
        """
        photo = coarser(canvas)
        if (
            self._photo is None
            or self._probability is None
            or self._probability.shape != probability.shape
            or not 0 <= elapsed <= GAP
        ):
            self._photo, self._probability = photo, probability
            return probability
        past = self._photo + exposure_change(photo, self._photo)
        differing = difference(photo, past)
        keep = np.zeros_like(differing) if is_cut(differing) else keeping(differing, elapsed, self._memory)
        self._photo = blend(past, photo, keep[..., None])
        self._probability = blend(self._probability, probability, finer(keep, probability.shape))
        return self._probability


def coarser(canvas: Canvas) -> Floats:
    """(h, w, 3) uint8 -> (ceil(h / 2), ceil(w / 2), 3) float32: the frame as it is compared."""
    return np.asarray(Image.fromarray(canvas).reduce(COARSER)).astype(np.float32)


def finer(keep: Floats, shape: tuple[int, ...]) -> Floats:
    """Weights of pixels that were compared, for the pixels (h, w) of the canvas."""
    height, width = shape
    box = (0, 0, width / COARSER, height / COARSER)
    return np.asarray(Image.fromarray(keep).resize((width, height), Image.Resampling.BILINEAR, box))


def exposure_change(photo: Floats, past: Floats) -> Floats:
    """(3,) levels by which all of a frame is brighter: the camera's exposure or a lamp, not motion.

    Args:
        photo, past: (h, w, 3) float32, 0 to 255.
    """
    change = np.median((photo - past)[::8, ::8].reshape(-1, 3), axis=0)
    bounded: Floats = np.clip(change, -np.float32(EXPOSURE), np.float32(EXPOSURE))
    return bounded


def difference(photo: Floats, past: Floats) -> Floats:
    """(h, w) float32: root mean square of the difference in a window around each pixel, in levels.

    Args:
        photo, past: (h, w, 3) float32, 0 to 255.
    """
    gap = photo - past
    root: Floats = np.sqrt(_box(_box(np.einsum("hwc,hwc->hw", gap, gap) / np.float32(3)).T).T)
    return root


def keeping(difference: Floats, elapsed: float, memory: float) -> Floats:
    """(h, w) float32 in [0, 1): the weight of the past.

    Args:
        difference: (h, w) float32 levels.
        elapsed: seconds since the frame before.
        memory: seconds that the past counts where nothing moves.
    """
    most = math.exp(-elapsed / memory) if memory > 0 else 0.0
    same = np.clip((np.float32(OTHER) - difference) / np.float32(OTHER - SAME), 0, 1)
    keep: Floats = same * np.float32(most)
    return keep


def is_cut(difference: Floats) -> bool:
    """Whether so much of (h, w) differs that the frame belongs to another scene."""
    return bool(np.count_nonzero(difference >= OTHER) > CUT * difference.size)


def blend(past: Floats, new: Floats, keep: Floats) -> Floats:
    """``keep`` of the past and the rest of the new."""
    blended: Floats = new + (past - new) * keep
    return blended


def _box(values: Floats) -> Floats:
    """Means of ``WINDOW`` neighbours along the rows' axis (0), of fewer at the edges."""
    length, reach = len(values), WINDOW // 2
    sums = values.copy()
    count = np.ones((length, 1), np.float32)
    for step in range(1, min(reach, length - 1) + 1):
        sums[step:] += values[:-step]
        sums[:-step] += values[step:]
        count[step:] += 1
        count[:-step] += 1
    sums /= count
    return sums
