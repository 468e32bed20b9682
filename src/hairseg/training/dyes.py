"""Training photos with their hair in another colour: white, grey, pink, blue.

They show few old people and hardly any dyed hair, and networks that are trained on them take white hair for background
and pink hair for skin. As the masks say where hair is, it can have any colour.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from hairseg.color import from_oklab
from hairseg.data.dyed import dyed

# OKLab: lightness of any hair, chroma of grey or white hair, and of dyed hair.
LIGHTNESS = (0.2, 0.95)
DULL = (0.0, 0.03)
VIVID = (0.03, 0.22)
# Share of colours that are dull.
GREYING = 0.5
# Least share of the new colour: hair that turns grey is of two colours.
STRENGTH = 0.6


def draw_color(draws: np.random.Generator) -> tuple[int, int, int]:
    """sRGB levels of a colour that hair may have, natural or not."""
    chroma = draws.uniform(*(DULL if draws.random() < GREYING else VIVID))
    hue = draws.uniform(0, 2 * math.pi)
    lab = np.array([draws.uniform(*LIGHTNESS), chroma * math.cos(hue), chroma * math.sin(hue)], np.float32)
    red, green, blue = (int(level) for level in from_oklab(lab))
    return red, green, blue


def dye(photo: Tensor, truth: Tensor, draws: np.random.Generator) -> Tensor:
    """The photo with its hair in a random colour.

    Args:
        photo: (3, H, W) uint8.
        truth: (H, W) uint8; 1 is hair.
        draws: decide on the colour and its strength.

    Returns:
        (3, H, W) uint8; the photo itself where there is no hair.
    """
    if not (truth == 1).any():
        return photo
    pixels = np.ascontiguousarray(photo.permute(1, 2, 0).numpy())
    new = dyed(pixels, truth.numpy(), draw_color(draws), draws.uniform(STRENGTH, 1.0))
    return torch.from_numpy(new).permute(2, 0, 1).contiguous()
