"""The crop of the paper's training (section 5.1, and the authors' code): scaled, turned, cut out, padded.

The authors resize the whole photo, turn it and cut a square out of it. Here the square's pixels are looked up
in the photo directly: the same map, interpolated once instead of twice, at a cost that does not grow with the
photo or the scale. As in OpenCV's resize, nothing is smoothed where the photo shrinks.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torchvision import tv_tensors
from torchvision.transforms import v2

from hairseg.data import IGNORE

RGB = tuple[int, int, int]


class PaperCrop(v2.Transform):  # type: ignore[misc]
    """A random square of a photo that was scaled and turned.

    What the square shows beyond the photo, corners that a rotation uncovers too, is ``padding`` in the photo and
    ignored in the truth, so a crop may be larger than its photo.

    Args:
        size: side of the square.
        scale: smallest and largest factor on the photo's own size.
        rotate: probability of a rotation.
        degrees: its largest angle, either way.
        padding: red, green and blue, 0 to 255: the mean colour of the backbone's photos.
    """

    def __init__(
        self, size: int, scale: tuple[float, float], rotate: float, degrees: float, padding: RGB
    ) -> None:
        super().__init__()
        self.size = size
        self.scale = scale
        self.rotate = rotate
        self.degrees = degrees
        self.padding = padding

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Where every pixel of the square lies: ``grid`` for ``grid_sample``, ``inside`` the photo or not."""
        height, width = flat_inputs[0].shape[-2:]
        factor = float(torch.empty(()).uniform_(*self.scale))
        scaled = (max(1, round(height * factor)), max(1, round(width * factor)))
        turned = bool(torch.rand(()) < self.rotate)
        angle = float(torch.empty(()).uniform_(-self.degrees, self.degrees)) if turned else 0.0
        # A scaled photo smaller than the square lies in the middle of its padding; otherwise anywhere.
        top, left = (_offset(side, self.size) for side in scaled)
        grid, inside = crop_grid(scaled, (top, left), self.size, math.radians(angle))
        return {"grid": grid, "inside": inside}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Cut the square out of one of the inputs."""
        mask = isinstance(inpt, tv_tensors.Mask)
        found = F.grid_sample(
            inpt.as_subclass(Tensor)[None].float(),
            params["grid"],
            mode="nearest" if mask else "bilinear",
            padding_mode="border",
            align_corners=False,
        )[0]
        fill = torch.tensor([IGNORE] if mask else self.padding, dtype=torch.float32).view(-1, 1, 1)
        square = torch.where(params["inside"], found, fill).round().to(torch.uint8)
        return tv_tensors.wrap(square, like=inpt)


def crop_grid(
    scaled: tuple[int, int], corner: tuple[int, int], size: int, radians: float
) -> tuple[Tensor, Tensor]:
    """Where the pixels of a square crop lie in the photo.

    Args:
        scaled: height and width of the scaled photo.
        corner: top and left of the square in it; negative in the padding.
        size: side of the square.
        radians: by which the scaled photo was turned about its middle, keeping its frame.

    Returns:
        (1, size, size, 2) float32, x and y from -1 to 1 over the photo; and (size, size) bool: inside the frame
        and inside the photo.
    """
    height, width = scaled
    # Pixel centres, from the middle of the frame.
    y = (torch.arange(size) + 0.5 + corner[0] - height / 2).view(-1, 1)
    x = (torch.arange(size) + 0.5 + corner[1] - width / 2).view(1, -1)
    cosine, sine = math.cos(radians), math.sin(radians)
    photo_y, photo_x = cosine * y + sine * x, cosine * x - sine * y
    frame = (y.abs() < height / 2) & (x.abs() < width / 2)
    inside = frame & (photo_y.abs() < height / 2) & (photo_x.abs() < width / 2)
    return torch.stack([photo_x * 2 / width, photo_y * 2 / height], dim=-1)[None].float(), inside


def _offset(side: int, size: int) -> int:
    """Where the square starts on one axis of a scaled photo of ``side`` pixels."""
    if side <= size:
        return -((size - side) // 2)
    return int(torch.randint(side - size + 1, ()))
