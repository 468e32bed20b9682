"""A photo whose hair has another colour: the mask says where it is, the project's own recolouring how that looks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from hairseg.edge import soft_edge
from hairseg.paint import Color, recolor

# A mask's edge is drawn to a pixel or two, and the hair's own lies near: deviation in pixels of the doubt about it.
DOUBT = 1.0


def dyed(
    photo: NDArray[np.uint8], truth: NDArray[np.uint8], color: Color, strength: float = 1.0
) -> NDArray[np.uint8]:
    """The photo with its hair dyed; strands, shade and highlights stay.

    Args:
        photo: (H, W, 3) uint8 sRGB.
        truth: (H, W) uint8; 1 is hair.
        color: see :func:`hairseg.color.parse_color`.
        strength: 0 (the photo) to 1 (the colour itself).

    Returns:
        (H, W, 3) uint8.

    Raises:
        UsageError: the colour or the strength is wrong.
    """
    hair = Image.fromarray((truth == 1).astype(np.uint8) * 255)
    doubtful = np.asarray(hair.filter(ImageFilter.GaussianBlur(DOUBT)), np.float32) / np.float32(255)
    return recolor(photo, soft_edge(photo, doubtful), color, strength)
