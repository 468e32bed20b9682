"""The tiles of a photo that a border crosses, so that full-size work is done there and nowhere else.

A grid of points lies on the photo, ``step`` pixels apart. Tile (i, j) is the ``step`` x ``step`` square whose
top left pixel is point (i, j); what is known at the points is interpolated between the tile's four corners.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def at_points(pixels: NDArray[Any], step: int) -> NDArray[Any]:
    """The grid points' pixels of (H, W, ...): a view of (ceil(H / step), ceil(W / step), ...)."""
    return pixels[::step, ::step]


@dataclass(frozen=True)
class Tiles:
    """Some tiles of a photo.

    Attributes:
        rows: (N,) grid row of each tile.
        columns: (N,) grid column of each tile.
        step: side of a tile in pixels, at most the photo's shorter side.
    """

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    step: int

    @classmethod
    def where(cls, chosen: NDArray[np.bool_], step: int) -> Tiles:
        """The tiles that are True in ``chosen``, the (h, w) grid of :func:`at_points`."""
        rows, columns = np.nonzero(chosen)
        return cls(rows, columns, step)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, some: slice | NDArray[np.bool_]) -> Tiles:
        return Tiles(self.rows[some], self.columns[some], self.step)

    def apart(self, pixels: NDArray[Any]) -> tuple[Tiles, Tiles]:
        """Those that share no pixel of (H, W, ...), and those that are moved inside and lie over others."""
        height, width = pixels.shape[:2]
        moved = ((self.rows + 1) * self.step > height) | ((self.columns + 1) * self.step > width)
        return self[~moved], self[moved]

    def parts(self, pixels: int) -> Iterator[Tiles]:
        """The tiles in runs of about ``pixels`` pixels each, to bound memory."""
        size = max(1, pixels // self.step**2)
        for first in range(0, len(self), size):
            yield self[first : first + size]

    def gather(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """(N, step, step) of (H, W), or (N, C, step, step) of (H, W, C): a copy of the tiles' pixels."""
        return self._windows(pixels)[self._origins(pixels)]

    def scatter(self, values: NDArray[Any], pixels: NDArray[Any]) -> None:
        """Write ``values``, shaped as :meth:`gather` returns them, into ``pixels``."""
        self._windows(pixels, writeable=True)[self._origins(pixels)] = values

    def interpolate(self, grid: Floats) -> Floats:
        """(C, N, step, step) float32 of ``grid`` (C, h, w), bilinear between the corners of each tile."""
        _, height, width = grid.shape
        below, right = np.minimum(self.rows + 1, height - 1), np.minimum(self.columns + 1, width - 1)
        corners = np.stack(
            [
                grid[:, self.rows, self.columns],
                grid[:, self.rows, right],
                grid[:, below, self.columns],
                grid[:, below, right],
            ],
            axis=-1,
        )
        pixels: Floats = np.matmul(corners, self._weights())
        return pixels.reshape(len(grid), len(self), self.step, self.step)

    def _weights(self) -> Floats:
        """(4, step * step): the share of each corner in each pixel of a tile."""
        along = np.arange(self.step, dtype=np.float32) / self.step
        pair = np.stack([1 - along, along])
        return np.asarray(np.einsum("ay,bx->abyx", pair, pair), np.float32).reshape(4, -1)

    def _windows(self, pixels: NDArray[Any], *, writeable: bool = False) -> NDArray[Any]:
        """Every ``step`` x ``step`` window of ``pixels``, as a view."""
        return sliding_window_view(pixels, (self.step, self.step), axis=(0, 1), writeable=writeable)

    def _origins(self, pixels: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Top left pixel of each tile; the last row and column of tiles are moved inside the photo."""
        height, width = pixels.shape[:2]
        return (
            np.minimum(self.rows * self.step, height - self.step),
            np.minimum(self.columns * self.step, width - self.step),
        )
