"""The result: where the hair is in a photo, and what can be made of it."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hairseg.errors import UsageError
from hairseg.kinds import Edge
from hairseg.mask import to_mask
from hairseg.models import ModelInfo
from hairseg.photo import Photo

if TYPE_CHECKING:
    from hairseg.color import HairColor

Box = tuple[int, int, int, int]


class Hair:
    """Hair found in one photo. Everything is computed when it is asked for, once.

    Args:
        photo: the photo as it was read.
        probability: (H, W) float32 in [0, 1], of the photo's size.
        model: the model that found it.
        threshold: a probability from here on is hair; None for the model's own.
        min_area: pieces below this share of the photo's area are not hair.
        fill_holes: background that hair encloses is hair.

    Attributes:
        photo: pixels, name, profile and notes of the photo.
        probability, model, threshold: as above.

    Raises:
        UsageError: ``threshold`` or ``min_area`` is not in [0, 1].
    """

    def __init__(
        self,
        photo: Photo,
        probability: NDArray[np.float32],
        model: ModelInfo,
        threshold: float | None = None,
        *,
        min_area: float = 0.0,
        fill_holes: bool = False,
    ) -> None:
        self.photo = photo
        self.probability = probability
        self.model = model
        self.threshold = model.threshold if threshold is None else threshold
        self._min_area = min_area
        self._fill_holes = fill_holes
        self.mask  # noqa: B018  wrong numbers are refused here, not at some later attribute

    def __repr__(self) -> str:
        height, width = self.mask.shape
        return f"<Hair {width}x{height}, {self.fraction:.1%} hair, model {self.model.name}>"

    def cleaned(self, min_area: float = 0.001, fill_holes: bool = True) -> Hair:
        """The same hair without specks and holes.

        Args:
            min_area: pieces below this share of the photo's area are dropped.
            fill_holes: background that hair encloses on all sides becomes hair.
        """
        return Hair(
            self.photo, self.probability, self.model, self.threshold, min_area=min_area, fill_holes=fill_holes
        )

    @cached_property
    def mask(self) -> NDArray[np.bool_]:
        """(H, W) bool: where the hair is."""
        return to_mask(self.probability, self.threshold, min_area=self._min_area, fill_holes=self._fill_holes)

    @cached_property
    def fraction(self) -> float:
        """Share of the photo that is hair, 0 to 1."""
        return float(np.count_nonzero(self.mask) / self.mask.size)

    @cached_property
    def box(self) -> Box | None:
        """Smallest box around the hair (x0, y0, x1, y1) in pixels, x1 and y1 exclusive; None without hair."""
        columns, rows = np.nonzero(self.mask.any(axis=0))[0], np.nonzero(self.mask.any(axis=1))[0]
        if not len(rows):
            return None
        return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1

    @cached_property
    def color(self) -> HairColor | None:
        """The colour of the hair, as a person would call it; None without hair."""
        from hairseg.color import hair_color

        if not self.mask.any():
            return None  # what is half believed has a colour, but this hair has none
        return hair_color(self.photo.pixels, self._cleaned_probability)

    def alpha(self, edge: Edge = "soft") -> NDArray[np.float32]:
        """How much of each pixel is hair.

        Args:
            edge: ``hard`` is the mask; ``soft`` follows single strands in the full-size photo.

        Returns:
            (H, W) float32 in [0, 1].

        Raises:
            UsageError: ``edge`` is something else.
        """
        if edge not in get_args(Edge):
            raise UsageError(f"edge {edge!r} is unknown: use one of {', '.join(get_args(Edge))}")
        return self._soft_alpha if edge == "soft" else self.mask.astype(np.float32)

    @cached_property
    def _soft_alpha(self) -> NDArray[np.float32]:
        from hairseg.edge import soft_edge

        return soft_edge(self.photo.pixels, self._cleaned_probability, self.threshold)

    @property
    def _cleaned_probability(self) -> NDArray[np.float32]:
        """The probability, sure where specks were dropped and holes filled."""
        found = self.probability >= self.threshold
        if np.array_equal(found, self.mask):
            return self.probability
        return np.where(found == self.mask, self.probability, self.mask.astype(np.float32))

    def mask_image(self, edge: Edge = "hard") -> Image.Image:
        """The mask as a grey picture of 8 bits: 0 is background, 255 is hair."""
        if edge == "hard":
            return Image.fromarray(self.mask.view(np.uint8) * np.uint8(255))
        return _grey(self.alpha(edge))

    def probability_image(self) -> Image.Image:
        """The probability as a grey picture of 8 bits: 0 is 0, 255 is 1."""
        return _grey(self.probability)

    def overlay(self, color: str = "#e5484d", strength: float = 0.5, *, edge: Edge = "hard") -> Image.Image:
        """The photo with the hair tinted, to see what was found.

        Args:
            color: ``#rrggbb``, a CSS name or a swatch.
            strength: opacity of the colour, 0 to 1.
            edge: see :meth:`alpha`.

        Raises:
            UsageError: the colour, the strength or the edge is wrong.
        """
        from hairseg.paint import overlay

        return Image.fromarray(overlay(self.photo.pixels, self.alpha(edge), color=color, strength=strength))

    def cutout(self, *, edge: Edge = "soft") -> Image.Image:
        """The hair alone on a transparent ground (RGBA), its border free of the old background's colours.

        Raises:
            UsageError: the edge is wrong.
        """
        from hairseg.paint import cutout

        return Image.fromarray(cutout(self.photo.pixels, self.alpha(edge)))

    def recolor(
        self,
        color: str,
        strength: float = 1.0,
        *,
        tips: str | None = None,
        lift: float = 1.0,
        edge: Edge = "soft",
    ) -> Image.Image:
        """The photo with the hair dyed: another colour under the same light and shade.

        Args:
            color: ``#rrggbb``, a CSS name or a swatch.
            strength: 0 (the photo) to 1 (the colour itself).
            tips: a second colour at the ends; ``color`` then is that of the roots.
            lift: how far the lightness follows the colour: 1 bleaches black hair to blonde, 0 only tints.
            edge: see :meth:`alpha`.

        Raises:
            UsageError: a colour, a number or the edge is wrong.
        """
        from hairseg.paint import recolor

        return Image.fromarray(
            recolor(self.photo.pixels, self.alpha(edge), color, strength, tips=tips, lift=lift)
        )

    def save(self, path: str | os.PathLike[str], *, edge: Edge = "hard") -> None:
        """Write the mask as a picture, in the format that the name's ending says.

        Raises:
            UsageError: the ending is unknown.
            OutputError: the file cannot be written.
        """
        from hairseg.save import save_image

        save_image(self.mask_image(edge), path)

    def to_dict(self, *, rle: bool = False) -> dict[str, Any]:
        """What was found, as plain values for JSON.

        Args:
            rle: add the mask in COCO's compressed run-length encoding.

        Returns:
            width, height, fraction, box ([x0, y0, x1, y1] or None), color ({"hex", "name"} or None),
            threshold, model, notes, and rle ({"size": [H, W], "counts": str}) if asked for.
        """
        height, width = self.mask.shape
        color = self.color
        found: dict[str, Any] = {
            "width": width,
            "height": height,
            "fraction": round(self.fraction, 6),
            "box": None if self.box is None else list(self.box),
            "color": None if color is None else {"hex": color.hex, "name": color.name},
            "threshold": self.threshold,
            "model": self.model.name,
            "notes": list(self.photo.notes),
        }
        if rle:
            from hairseg.rle import to_rle

            found["rle"] = to_rle(self.mask)
        return found


def _grey(share: NDArray[np.float32]) -> Image.Image:
    """Picture of (H, W) float32 in [0, 1]."""
    levels = np.empty(share.shape, np.uint8)
    for row, line in enumerate(share):  # row by row: a large photo's whole would be held twice more
        levels[row] = np.round(line * np.float32(255))
    return Image.fromarray(levels)
