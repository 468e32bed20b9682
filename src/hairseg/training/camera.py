"""Photos as poor light and poor cameras make them: dark or glaring, in coloured light, grainy.

Varied as ``augment.py`` varies them. On photos that are sharp and well lit networks were within a thousandth of each
other that lost a sixth of the hair of a dark, grainy one.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

# Powers of two: of the exponent on sRGB values (from washed out to sunk in shade), of the gain on all channels, of the
# light's colour on each.
GAMMA = (-1.0, 1.2)
GAIN = (-1.2, 0.6)
CAST = (-0.4, 0.4)
# Standard deviation of the grain, in 255ths.
GRAIN = (2.0, 35.0)


class Light(v2.Transform):  # type: ignore[misc]
    """Other light and another exposure; what is too bright is clipped, as a camera does."""

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:  # noqa: ARG002 - torchvision's signature
        """(3, 256) uint8: the new level of every old one, for each channel."""
        gamma, gain = (2 ** float(torch.empty(()).uniform_(*range_)) for range_ in (GAMMA, GAIN))
        cast = 2 ** torch.empty(3, 1).uniform_(*CAST)
        curve = (torch.arange(256) / 255) ** gamma
        return {"levels": (255 * gain * cast * curve).round().clamp(0, 255).to(torch.uint8)}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Change the photo; the truth stays."""
        if not isinstance(inpt, tv_tensors.Image):
            return inpt
        channels = inpt.as_subclass(Tensor).long()
        return tv_tensors.wrap(torch.stack([*map(torch.take, params["levels"], channels)]), like=inpt)


class Grain(v2.Transform):  # type: ignore[misc]
    """A sensor's noise; half of the time in grains of two pixels, as in a photo that was enlarged."""

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """(3, H, W) float32: what is added, in 255ths."""
        photo = next(inpt for inpt in flat_inputs if isinstance(inpt, tv_tensors.Image))
        height, width = photo.shape[-2:]
        deviation = float(torch.empty(()).uniform_(*GRAIN))
        if torch.rand(()) < 0.5:
            return {"grain": deviation * torch.randn(3, height, width)}
        coarse = torch.randn(3, -(-height // 2), -(-width // 2))
        fine = coarse.repeat_interleave(2, 1).repeat_interleave(2, 2)
        return {"grain": deviation * fine[:, :height, :width]}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Change the photo; the truth stays."""
        if not isinstance(inpt, tv_tensors.Image):
            return inpt
        grainy = inpt.as_subclass(Tensor) + params["grain"]
        return tv_tensors.wrap(grainy.round_().clamp_(0, 255).to(torch.uint8), like=inpt)
