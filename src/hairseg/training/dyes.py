"""Training photos with their hair in another colour: white, grey, pink, blue. And with something else in another colour.

They show few old people and hardly any dyed hair, and networks that are trained on them take white hair for background
and pink hair for skin. As the masks say where hair is, it can have any colour. But where hair alone is ever dyed, a
strange colour says hair: of a red scarf, of a visor's reflection. What is no hair can be dyed as well.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from PIL import Image, ImageFilter
from torch import Tensor

from hairseg.color import from_oklab, to_oklab
from hairseg.data.dyed import DOUBT, dyed
from hairseg.paint import recolor

# OKLab: lightness of any hair, chroma of grey or white hair, and of dyed hair.
LIGHTNESS = (0.2, 0.95)
DULL = (0.0, 0.03)
VIVID = (0.03, 0.22)
# Share of colours that are dull.
GREYING = 0.5
# Least share of the new colour: hair that turns grey is of two colours.
STRENGTH = 0.6
# OKLab distances of what counts as one colour with a place: a wall in the light, or a shirt with all its folds.
ALIKE = (0.06, 0.25)
# Pixels over which colours are taken together for that: threads and grains are no things.
GRAIN = 2.0


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


def dye_other(photo: Tensor, truth: Tensor, draws: np.random.Generator) -> Tensor:
    """The photo with something that is no hair in a random colour: all that has the colour of a random place.

    Args:
        photo: (3, H, W) uint8.
        truth: (H, W) uint8; 0 is background.
        draws: decide on the place, on how alike in colour things must be, and on the colour and its strength.

    Returns:
        (3, H, W) uint8; the photo itself where all is hair or unknown.
    """
    background = truth.numpy() == 0
    known = np.flatnonzero(background)
    if not known.size:
        return photo
    pixels = np.ascontiguousarray(photo.permute(1, 2, 0).numpy())
    lab = to_oklab(np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(GRAIN))))
    place = lab.reshape(-1, 3)[known[int(draws.integers(known.size))]]
    alike = ((lab - place) ** 2).sum(axis=2) < draws.uniform(*ALIKE) ** 2
    mask = Image.fromarray((alike & background).astype(np.uint8) * 255)
    alpha = np.asarray(mask.filter(ImageFilter.GaussianBlur(DOUBT)), np.float32) / np.float32(255)
    new = recolor(pixels, alpha, draw_color(draws), draws.uniform(STRENGTH, 1.0))
    return torch.from_numpy(new).permute(2, 0, 1).contiguous()
