"""The paper's test (section 5.1, and the authors' code): a window slides over the photo at one or several scales.

At every scale the photo is resized, squares of the training size are cut out of it with a stride of two thirds, each
is looked at, mirrored too, and the probabilities of all that cover a pixel are averaged; the scales' answers are
brought to the photo's own size and averaged again.

Memory is bounded. 150 classes of a photo of 4000 x 3000 pixels would be 7 GB at every scale, so what is kept of a
window are its logits before upsampling (60 x 60 instead of 473 x 473), of at most three rows of windows at a time, and
probabilities exist for a band of rows alone:

    3 x (W' / stride + 1) x looks x classes x (window / 8)^2 x 4 bytes at each scale, W' being the scaled width,
    and a few arrays of ``BAND`` numbers.

For that photo, at its own size, looked at twice through 473 pixels, the logits take 170 MB.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hairseg.errors import UsageError
from hairseg.net import PSPNet
from hairseg.training.precision import autocast

# Numbers in the arrays of a band: 16 MB in float32.
BAND = 1 << 22
# Each window is a call of the network, which keeps logits of at least a pixel.
SMALLEST_WINDOW = 33
# Of a scaled photo's long side: what is kept of its windows grows with it.
LONGEST_SIDE = 16_384


@dataclass(frozen=True)
class Sliding:
    """How a photo is looked at.

    Attributes:
        window: side of the square windows in pixels, the training crop's (473 and 713 in the paper); 0 for one
            window over the whole photo.
        base: long side of the photo at scale 1 (512 for ADE20K and VOC, 2048 for Cityscapes); 0 leaves its own.
        scales: factors on it: the paper's several are 0.5, 0.75, 1, 1.25, 1.5 and 1.75.
        mirror: look at each window mirrored, too.
    """

    window: int = 473
    base: int = 0
    scales: tuple[float, ...] = (1.0,)
    mirror: bool = False

    def __post_init__(self) -> None:
        if self.window < 0 or self.base < 0:
            raise UsageError(
                f"a window of {self.window} px on a base of {self.base} px: give positive numbers"
            )
        if 0 < self.window < SMALLEST_WINDOW:
            raise UsageError(
                f"a window of {self.window} px: give its training crop, {SMALLEST_WINDOW} or more"
            )
        if not self.scales or not all(0 < scale < math.inf for scale in self.scales):
            raise UsageError(
                f"scales {list(self.scales)}: give one or more positive factors, such as 0.5,1,1.5"
            )

    def size(self, height: int, width: int, scale: float) -> tuple[int, int]:
        """Height and width of a photo at one scale; the long side is rounded first, as in the authors' code."""
        longest = max(height, width)
        long = max(1, round(scale * (self.base or longest)))
        if long > LONGEST_SIDE:
            raise UsageError(
                f"at scale {scale:g} a photo of {width} x {height} pixels has a side of {long}: give smaller scales or a "
                f"smaller base, {LONGEST_SIDE} pixels at most"
            )
        return max(1, round(long / longest * height)), max(1, round(long / longest * width))


def _classes(net: PSPNet) -> int:
    """How many a network tells apart: the head of a sub-pixel one gives several logits of each."""
    return int(net.head.out_channels) // net.subpixel**2


class Windowed:
    """The probabilities of one photo, computed as they are asked for.

    Args:
        net: in eval mode.
        photo: (H, W, 3) uint8.
        how: how it is looked at.
        bf16: autocast to bfloat16.

    Attributes:
        seconds: that the bands have taken so far.
    """

    def __init__(self, net: PSPNet, photo: NDArray[np.uint8], how: Sliding, bf16: bool = False) -> None:
        self.height, self.width = photo.shape[:2]
        self.classes = _classes(net)
        self.scales = [_Scale(net, photo, how, scale, bf16) for scale in how.scales]
        self.seconds = 0.0

    def __len__(self) -> int:
        return self.classes

    @torch.inference_mode()
    def bands(self) -> Iterator[tuple[slice, NDArray[np.float32]]]:
        """Rows of the photo and their (classes, rows, W) float32, from top to bottom."""
        widest = max([self.width, *(scale.width for scale in self.scales)])
        rows = max(1, BAND // (self.classes * widest))
        for top in range(0, self.height, rows):
            started = time.perf_counter()
            bottom = min(top + rows, self.height)
            total = self.scales[0].band(top, bottom)
            for scale in self.scales[1:]:
                total += scale.band(top, bottom)
            band: NDArray[np.float32] = (total / len(self.scales)).cpu().numpy()
            self.seconds += time.perf_counter() - started
            yield slice(top, bottom), band


def sliding_probability(net: PSPNet, photo: NDArray[np.uint8], how: Sliding) -> NDArray[np.float32]:
    """All probabilities of a photo at once.

    Args:
        net: in eval mode.
        photo: (H, W, 3) uint8.
        how: how it is looked at.

    Returns:
        (classes, H, W) float32; one class for hair.
    """
    return np.concatenate([band for _, band in Windowed(net, photo, how).bands()], axis=1)


class _Scale:
    """One photo at one scale: its windows, the logits of the rows of windows that are needed now."""

    def __init__(self, net: PSPNet, photo: NDArray[np.uint8], how: Sliding, scale: float, bf16: bool) -> None:
        self.net, self.bf16, self.mirror = net, bf16, how.mirror
        self.device = net.head.weight.device
        self.photo = torch.from_numpy(photo.copy()).permute(2, 0, 1).to(self.device)
        self.height, self.width = how.size(photo.shape[0], photo.shape[1], scale)
        # Both sides of a window are its own; without one they are the scaled photo's, if a network can look at these.
        sides = (how.window or side for side in (self.height, self.width))
        self.window = tuple(max(side, SMALLEST_WINDOW) for side in sides)
        self.starts = tuple(
            window_starts(max(side, window), window)
            for side, window in zip((self.height, self.width), self.window, strict=True)
        )
        self.pad = tuple(
            max(window - side, 0) // 2
            for side, window in zip((self.height, self.width), self.window, strict=True)
        )
        self.logits: dict[int, list[Tensor]] = {}

    def band(self, top: int, bottom: int) -> Tensor:
        """Probabilities (classes, bottom - top, W) of rows of the photo."""
        tall, wide = self.photo.shape[1:]
        if (self.height, self.width) == (tall, wide):
            return self._rows(top, bottom)
        places = source_places(bottom, self.height, tall, self.device)[top:]
        first, last = int(places[0]), min(int(places[-1]) + 2, self.height)
        rows = stretch(self._rows(first, last), 1, places - first)
        return stretch(rows, 2, source_places(wide, self.width, wide, self.device))

    def _rows(self, top: int, bottom: int) -> Tensor:
        """Probabilities (classes, bottom - top, W') of rows of the scaled photo: the mean over the windows."""
        top, bottom = top + self.pad[0], bottom + self.pad[0]
        for row in [row for row in self.logits if self.starts[0][row] + self.window[0] <= top]:
            del self.logits[row]
        columns = self.pad[1] + self.width
        total = torch.zeros(_classes(self.net), bottom - top, max(columns, self.window[1]))
        total = total.to(self.device)
        seen = torch.zeros(total.shape[1:], device=self.device)
        for row, start in enumerate(self.starts[0]):
            low, high = max(start, top), min(start + self.window[0], bottom)
            if low >= high:
                continue
            for left, logits in zip(self.starts[1], self._look(row), strict=True):
                place = (slice(low - top, high - top), slice(left, left + self.window[1]))
                total[:, *place] += self._window(logits, low - start, high - start)
                seen[place] += 1
        return (total / seen)[:, :, self.pad[1] : columns]

    def _window(self, logits: Tensor, low: int, high: int) -> Tensor:
        """Probabilities (classes, high - low, window) of rows of one window: the mean over its looks."""
        tall, wide = self.window
        align = self.net.align_corners
        rows = source_places(tall, logits.shape[2], tall, self.device, align)[low:high]
        large = stretch(
            stretch(logits, 2, rows), 3, source_places(wide, logits.shape[3], wide, self.device, align)
        )
        found = torch.sigmoid(large) if len(large[0]) == 1 else torch.softmax(large, dim=1)
        return (found[0] + found[1].flip(2)) / 2 if self.mirror else found[0]

    def _look(self, row: int) -> list[Tensor]:
        """Logits (looks, classes, h, w) of each window in a row of windows, before upsampling."""
        if row not in self.logits:
            self.logits[row] = [self._see(self.starts[0][row], left) for left in self.starts[1]]
        return self.logits[row]

    def _see(self, top: int, left: int) -> Tensor:
        batch = self._cut(top, left)[None]
        if self.mirror:
            batch = torch.cat([batch, batch.flip(3)])
        with autocast(self.bf16, self.device):
            return self.net.coarse(batch.contiguous(memory_format=torch.channels_last)).float()

    def _cut(self, top: int, left: int) -> Tensor:
        """One window (3, h, w) of the scaled photo, normalised; beyond the photo it is the mean colour, 0."""
        window = torch.zeros(3, *self.window, device=self.device)
        piece, places = self.photo, []
        for axis, start in ((0, top - self.pad[0]), (1, left - self.pad[1])):
            scaled, own = (self.height, self.width)[axis], self.photo.shape[axis + 1]
            low, high = max(start, 0), min(start + self.window[axis], scaled)
            piece = stretch(piece, axis + 1, source_places(scaled, own, scaled, self.device)[low:high])
            places.append(slice(low - start, high - start))
        mean = torch.tensor(self.net.backbone.mean, device=self.device).view(3, 1, 1)
        std = torch.tensor(self.net.backbone.std, device=self.device).view(3, 1, 1)
        window[:, *places] = (piece.float() / 255 - mean) / std
        return window


def window_starts(length: int, window: int) -> tuple[int, ...]:
    """Where windows start on an axis of ``length`` pixels: strides of two thirds, the last one at the end."""
    stride = math.ceil(window * 2 / 3)
    count = math.ceil((length - window) / stride) + 1
    return tuple(min(index * stride, length - window) for index in range(count))


def source_places(
    count: int, source: int, target: int, device: torch.device, align_corners: bool = False
) -> Tensor:
    """Where the first ``count`` of ``target`` pixels lie between the centres of ``source`` pixels, on one axis.

    Returns:
        (count,) float64 in [0, source - 1].
    """
    place = torch.arange(count, dtype=torch.float64, device=device)
    corners, middles = place * (source - 1) / max(target - 1, 1), (place + 0.5) * source / target - 0.5
    return (corners if align_corners else middles).clamp(0, source - 1)


def stretch(values: Tensor, axis: int, places: Tensor) -> Tensor:
    """Linear interpolation along one axis: bilinear resizing is this along both, without smoothing."""
    low = places.long()
    high = (low + 1).clamp(max=values.shape[axis] - 1)
    share = (places - low).float().view(-1, *[1] * (values.dim() - 1 - axis))
    first, second = values.index_select(axis, low).float(), values.index_select(axis, high).float()
    return torch.lerp(first, second, share)
