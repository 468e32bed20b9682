"""Heads that are small in a large photo: found in tiles of it, at a resolution that the canvas has no room for.

On the canvas a head in a group photo may be a few pixels, which no network finds. So the photo is looked at again
in overlapping tiles, two and four times as fine. A tile alone does not know what it looks at: the middle of a
large head, or a dark coat. It may therefore only add hair, and only pieces that it sees whole and is sure of,
and that the other tiles that see the place confirm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from hairseg.fit import Fit, unfit
from hairseg.mask import Runs
from hairseg.resample import resize

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
# A canvas (h, w, 3) uint8 -> its probability (h, w) float32.
Run = Callable[[NDArray[np.uint8]], Floats]

# How much finer than the canvas the photo is looked at, and how far it is enlarged for that where it lacks pixels.
FINER = (2, 4)
ENLARGED = 4.5
# Share of a tile that the smallest piece covers: what is smaller belongs to finer tiles, or is none.
SMALLEST = 1 / 400
# The mean probability that a piece needs in its own tile, and over all tiles that see it.
# Chosen on 12 collages of 9 portraits each, a tenth of the photo wide, whose hair the canvas loses altogether:
# an IoU of 0.59, while 28 portraits and 24 photos without people stay as they are.
SURE = 0.85
CONFIRMED = 0.75
# What a tile sees at its very edge counts this little beside what it sees in its middle.
LEAST = 0.02


def with_small_heads(run: Run, photo: NDArray[np.uint8], found: Floats, how: Fit) -> Floats:
    """What was found on the canvas, and the small heads that tiles add.

    Args:
        run: the network.
        photo: (H, W, 3) uint8.
        found: (h, w) float32 in [0, 1], of the whole photo.
        how: the model's own fit, whose canvas is also the size of the tiles.

    Returns:
        (h, w) float32 in [0, 1], as fine as the finest tiles; nowhere below ``found``.
    """
    height, width = how.canvas_size(*photo.shape[:2])
    for finer in FINER:
        tall, wide = finer * height, finer * width
        if tall > ENLARGED * photo.shape[0] or wide > ENLARGED * photo.shape[1]:
            break
        tiles = list(_tiles(finer, height, width))
        fine = resize(photo, tall, wide)
        seen = [run(np.ascontiguousarray(fine[tile])) for tile in tiles]
        all_tiles = _mean(seen, tiles, tall, wide)
        found = unfit(found, tall, wide).copy()
        for tile, probability in zip(tiles, seen, strict=True):
            whole = _whole_pieces(probability, all_tiles[tile], _open_sides(tile, tall, wide))
            np.maximum(found[tile], probability, out=found[tile], where=whole)
    return found


Tile = tuple[slice, slice]
# Top, bottom, left, right: whether the photo goes on beyond that side of a tile.
Sides = tuple[bool, bool, bool, bool]


def _tiles(finer: int, height: int, width: int) -> Iterator[Tile]:
    """Tiles of ``height`` x ``width`` that overlap by half: what is no larger than half a tile is whole in one."""
    for row in range(2 * finer - 1):
        for column in range(2 * finer - 1):
            top, left = row * height // 2, column * width // 2
            yield slice(top, top + height), slice(left, left + width)


def _open_sides(tile: Tile, height: int, width: int) -> Sides:
    """The sides at which the tile ends inside a photo of ``height`` x ``width``."""
    rows, columns = tile
    return rows.start > 0, rows.stop < height, columns.start > 0, columns.stop < width


def _mean(seen: list[Floats], tiles: list[Tile], height: int, width: int) -> Floats:
    """(height, width) float32: the mean over the tiles that see each pixel, most of all of the most central."""
    total, count = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
    for probability, tile in zip(seen, tiles, strict=True):
        weight = _centred(probability.shape, _open_sides(tile, height, width))
        total[tile] += weight * probability
        count[tile] += weight
    mean: Floats = total / count
    return mean


def _centred(shape: tuple[int, ...], open_sides: Sides) -> Floats:
    """(h, w) float32 of the ``shape`` of a tile: 1 in its middle, falling to ``LEAST`` at its open sides."""
    height, width = shape
    top, bottom, left, right = open_sides
    rows, columns = np.arange(height) + 0.5, np.arange(width) + 0.5
    down = np.minimum(rows if top else np.inf, height - rows if bottom else np.inf) / (height / 2)
    across = np.minimum(columns if left else np.inf, width - columns if right else np.inf) / (width / 2)
    return np.clip(np.minimum.outer(down, across), LEAST, 1).astype(np.float32)


def _whole_pieces(probability: Floats, all_tiles: Floats, open_sides: Sides) -> Bools:
    """The pieces of hair that a tile sees whole, is sure of, and that the other tiles confirm.

    Args:
        probability: (h, w) of this tile.
        all_tiles: (h, w) weighted mean over all tiles that see the place.
        open_sides: the sides at which pieces are cut off.

    Returns:
        (h, w) bool.
    """
    height, width = probability.shape
    pieces = Runs(probability >= 0.5, corners=True)
    top, bottom, left, right = open_sides
    cut = (
        (top & (pieces.row == 0))
        | (bottom & (pieces.row == height - 1))
        | (left & (pieces.start == 0))
        | (right & (pieces.end == width))
    )
    areas = np.maximum(pieces.areas(), 1)
    good = areas >= SMALLEST * height * width
    good &= _sums(pieces, probability) >= SURE * areas
    good &= _sums(pieces, all_tiles) >= CONFIRMED * areas
    good[pieces.labels[cut]] = False
    return pieces.keep(good[pieces.labels])


def _sums(pieces: Runs, values: Floats) -> NDArray[np.float64]:
    """(N,) the sum of ``values`` over each piece, at the index that is its label."""
    sums = np.zeros((values.shape[0], values.shape[1] + 1))
    np.cumsum(values, axis=1, out=sums[:, 1:])
    each = sums[pieces.row, pieces.end] - sums[pieces.row, pieces.start]
    return np.bincount(pieces.labels, each, minlength=len(each)).astype(np.float64)
