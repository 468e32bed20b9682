"""How cameras store what they hold sideways: EXIF orientations of photos, display matrices of videos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray


@dataclass(frozen=True)
class Turn:
    """One of the eight ways to put stored pixels upright: transpose them, then mirror them.

    Attributes:
        transposed: rows become columns.
        rows: the order of the rows is reversed after that.
        columns: the order of the columns is reversed after that.
    """

    transposed: bool = False
    rows: bool = False
    columns: bool = False

    @classmethod
    def of_exif(cls, orientation: int) -> Turn:
        """The turn of an EXIF orientation, 1 to 8; none for other numbers."""
        return _EXIF.get(orientation, cls())

    @classmethod
    def of_matrix(cls, matrix: Sequence[int]) -> Turn:
        """The turn that is nearest to a display matrix.

        Args:
            matrix: the nine numbers of ISO/IEC 14496-12, which take a stored pixel (x, y, 1), as a row, to
                its place on the display.
        """
        a, b, c, d = (float(matrix[index]) for index in (0, 1, 3, 4))
        if abs(b) + abs(c) > abs(a) + abs(d):
            return cls(transposed=True, rows=b < 0, columns=c < 0)
        return cls(rows=d < 0, columns=a < 0)

    def upright(self, stored: NDArray[Any]) -> NDArray[Any]:
        """Stored pixels (H, W, ...) as they are to be seen: a view."""
        turned = stored.swapaxes(0, 1) if self.transposed else stored
        return self._mirrored(turned)

    def stored(self, upright: NDArray[Any]) -> NDArray[Any]:
        """The inverse of :meth:`upright`: a view."""
        mirrored = self._mirrored(upright)
        return mirrored.swapaxes(0, 1) if self.transposed else mirrored

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of one side of the turn for those of the other."""
        return (width, height) if self.transposed else (height, width)

    def _mirrored(self, pixels: NDArray[Any]) -> NDArray[Any]:
        return pixels[:: -1 if self.rows else 1, :: -1 if self.columns else 1]


_EXIF = {
    2: Turn(columns=True),
    3: Turn(rows=True, columns=True),
    4: Turn(rows=True),
    5: Turn(transposed=True),
    6: Turn(transposed=True, columns=True),
    7: Turn(transposed=True, rows=True, columns=True),
    8: Turn(transposed=True, rows=True),
}
