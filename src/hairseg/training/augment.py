"""Photo and truth, varied together (torchvision ``transforms.v2`` on ``tv_tensors``).

The crops are our own: torchvision's ``RandomResizedCrop`` cannot show more than the photo's short side at its own
aspect, and the paper's crop (``paper_crop.py``) pads. Everything after them works at the training size, where it is
cheap.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as VF

from hairseg.data import IGNORE
from hairseg.training.camera import Grain, Light
from hairseg.training.paper_crop import RGB, PaperCrop
from hairseg.training.recipe import Augment

GREY: RGB = (128, 128, 128)


class RandomView(v2.Transform):  # type: ignore[misc]
    """A crop of a random share of the photo's area, resized to a square.

    Args:
        size: side of the square.
        area: smallest and largest share of the photo's area, in (0, 1].
        aspect: largest stretch of the crop against the square, either way.
    """

    def __init__(self, size: int, area: tuple[float, float], aspect: float) -> None:
        super().__init__()
        self.size = size
        self.area = area
        self.aspect = aspect

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Where to crop: top, left, height, width in pixels."""
        height, width = flat_inputs[0].shape[-2:]
        share = float(torch.empty(()).uniform_(*self.area))
        # From a square to the photo's own aspect (which canvases have), jittered.
        photo_aspect = math.log(width / height)
        stretch = math.log(self.aspect)
        aspect = math.exp(
            photo_aspect * float(torch.rand(())) + float(torch.empty(()).uniform_(-stretch, stretch))
        )
        pixels = share * height * width
        crop_width = max(1, min(width, round(math.sqrt(pixels * aspect))))
        crop_height = max(1, min(height, round(math.sqrt(pixels / aspect))))
        return {
            "top": int(torch.randint(height - crop_height + 1, ())),
            "left": int(torch.randint(width - crop_width + 1, ())),
            "height": crop_height,
            "width": crop_width,
        }

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Crop and resize one of the inputs."""
        cropped = VF.crop(inpt, **params)
        if not isinstance(inpt, tv_tensors.Mask):
            return VF.resize(cropped, [self.size, self.size], antialias=True)
        # Not as torchvision resizes a mask: its "nearest" takes the upper left corner of a pixel for its middle, which
        # moves the truth by half a pixel against the photo, and networks learn to answer too low by that much.
        truth, *lessons = cropped.as_subclass(Tensor).split(1)
        resized = [_resized(truth, self.size, v2.InterpolationMode.NEAREST_EXACT)]
        resized += [_resized(lesson, self.size, v2.InterpolationMode.BILINEAR) for lesson in lessons]
        return tv_tensors.wrap(torch.cat(resized), like=inpt)


class QuarterTurns(v2.Transform):  # type: ignore[misc]
    """A square turned by 90, 180 or 270 degrees, each as often as the others: no pixel is lost or made up."""

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:  # noqa: ARG002 - torchvision's signature
        """How many quarters of a turn."""
        return {"quarters": 1 + int(torch.randint(3, ()))}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Turn one of the inputs."""
        turned = torch.rot90(inpt.as_subclass(Tensor), params["quarters"], (-2, -1))
        return tv_tensors.wrap(turned.contiguous(), like=inpt)


def _resized(plane: Tensor, size: int, how: v2.InterpolationMode) -> Tensor:
    resized: Tensor = VF.resize_image(plane, [size, size], interpolation=how, antialias=True)
    return resized


def build_augment(size: int, area: tuple[float, float], augment: Augment, padding: RGB = GREY) -> v2.Compose:
    """(photo ``tv_tensors.Image`` uint8, truth ``tv_tensors.Mask`` uint8) -> the same, ``size`` x ``size``.

    What lies beyond the photo (corners that a rotation uncovers; in the paper's crop all around) is ignored in
    the truth.

    Args:
        size: side of the square in pixels.
        area: smallest and largest share of the photo's area that a view shows.
        augment: how the photo is varied.
        padding: what the paper's crop shows beyond the photo; a view shows mean grey.
    """
    if augment.crop == "paper":
        crops = [PaperCrop(size, augment.scale, augment.rotate, augment.degrees, padding)]
        blur = v2.GaussianBlur(
            5, 1.1
        )  # what OpenCV takes for its kernel of 5, which the authors' code asks for
    else:
        crops = [RandomView(size, area, augment.aspect)]
        blur = v2.GaussianBlur(_kernel(augment.blur_sigma[1], size), augment.blur_sigma)
    return v2.Compose(
        [
            *crops,
            v2.RandomHorizontalFlip(augment.flip),
            # What may be left out is not there at 0: its draw would change what a seed gives to recipes without it.
            *([v2.RandomApply([QuarterTurns()], augment.turn)] if augment.turn else []),
            *([_turn(augment)] if augment.crop == "view" else []),
            v2.RandomApply([v2.ColorJitter(0.4, 0.4, 0.4)], augment.color),
            v2.RandomApply([v2.ColorJitter(hue=0.05)], augment.color * 0.2),
            *([v2.RandomApply([Light()], augment.light)] if augment.light else []),
            v2.RandomGrayscale(augment.grey),
            v2.RandomApply([blur], augment.blur),
            *([v2.RandomApply([Grain()], augment.grain)] if augment.grain else []),
            v2.RandomApply([v2.JPEG(augment.jpeg_quality)], augment.jpeg),
        ]
    )


def _kernel(sigma: float, size: int) -> int:
    """Side of a kernel that holds a blur's middle: 5 pixels for 1.5, which torchvision cuts off, too.

    It reaches no further than a view of ``size`` pixels, whose border is mirrored around it.
    """
    return 1 + 2 * min(max(1, round(1.5 * sigma)), size - 1)


def _turn(augment: Augment) -> v2.Transform:
    fill = {tv_tensors.Image: GREY[0], tv_tensors.Mask: IGNORE}
    rotate = v2.RandomRotation(augment.degrees, v2.InterpolationMode.BILINEAR, fill=fill)
    return v2.RandomApply([rotate], augment.rotate)


def vary(transform: v2.Compose, photo: Tensor, truth: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """One variation, decided by ``seed`` alone: the same in any worker and after a resume.

    Args:
        transform: from :func:`build_augment`.
        photo: (3, H, W) uint8.
        truth: (H, W) uint8, or (2, H, W) with what teachers say, which keeps its values between 0 and 255.
        seed: of this photo in this epoch.

    Returns:
        photo (3, size, size) uint8, truth (size, size) or (planes, size, size) uint8.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        planes = truth if truth.ndim == 3 else truth[None]
        image, mask = transform(tv_tensors.Image(photo), tv_tensors.Mask(planes))
    varied = mask.as_subclass(Tensor)
    return image.as_subclass(Tensor), varied if truth.ndim == 3 else varied[0]
