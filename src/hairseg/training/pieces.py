"""Pieces of other photos that lie on a view: what is dark, curved or beside a head is not hair by that alone.

After "Simple Copy-Paste is a Strong Data Augmentation Method for Instance Segmentation" (Ghiasi et al., arXiv
2012.07177), turned around: what is cut out is all but the class that is looked for. Clothes, walls and faces lie where
hair could be, and hair ends where something is in front of it.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

# Most pieces on a view, and the shares of its side that a piece's square has.
MOST_PIECES = 3
PIECE_SIDES = (0.25, 0.6)
# Waves around a piece's outline, and the largest share of its radius that each adds.
WAVES = 4
HEIGHT = 0.15
# So many pieces are hollow, as collars and straps are; the hole's share of the radius.
HOLLOW = 0.3
HOLES = (0.5, 0.8)
# Teachers that are surer than this of hair, in 255ths, keep a pixel out of a piece.
DOUBT = 26


def outline(side: int, draws: np.random.Generator) -> NDArray[np.bool_]:
    """A random shape without corners, sometimes with a hole.

    Args:
        side: of the square that holds it, in pixels.
        draws: decide on it.

    Returns:
        (side, side), True inside.
    """
    middle = (side - 1) / 2
    rows, columns = np.mgrid[:side, :side] - middle
    turned, flat = draws.uniform(0, math.pi), draws.uniform(0.4, 1.0)
    along = columns * math.cos(turned) + rows * math.sin(turned)
    across = (rows * math.cos(turned) - columns * math.sin(turned)) / flat
    angle, radius = np.arctan2(across, along), np.hypot(along, across) / (side / 2)
    waves = sum(
        draws.uniform(0, HEIGHT) * np.cos((wave + 1) * angle + draws.uniform(0, 2 * math.pi))
        for wave in range(WAVES)
    )
    reach = (1 + waves) / (1 + WAVES * HEIGHT / 2)
    hole = draws.uniform(*HOLES) if draws.random() < HOLLOW else 0.0
    inside: NDArray[np.bool_] = (radius <= reach) & (radius >= hole * reach)
    return inside


def lay(
    view: tuple[Tensor, Tensor], piece: tuple[Tensor, Tensor], shape: NDArray[np.bool_], top: int, left: int
) -> tuple[Tensor, Tensor]:
    """A view with a piece on it, cut from another one's background.

    Args:
        view: photo (3, H, W) uint8; truth (H, W) uint8, or (2, H, W) with what teachers say. It is left as it is.
        piece: the same of (h, w) pixels.
        shape: (h, w), what is cut out; of that only what is surely background.
        top: of the piece on the view, all of which holds it.
        left: of the piece on the view.

    Returns:
        The photo, and the truth with background under the piece, for teachers too.
    """
    (photo, truth), (from_photo, from_truth) = view, piece
    height, width = shape.shape
    sure, *taught = from_truth if from_truth.ndim == 3 else from_truth[None]
    cut = torch.from_numpy(shape) & (sure == 0)
    for answer in taught:
        cut &= answer < DOUBT
    photo, truth = photo.clone(), truth.clone()
    at = (..., slice(top, top + height), slice(left, left + width))
    photo[at] = torch.where(cut, from_photo, photo[at])
    truth[at] = truth[at].masked_fill(cut, 0)
    return photo, truth
