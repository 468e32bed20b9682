from __future__ import annotations

import dataclasses
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from hairseg.errors import UsageError
from hairseg.net import PSPNet, build
from hairseg.net.backbones import Backbone
from hairseg.training.recipe import Recipe
from hairseg.training.sliding import (
    Sliding,
    Windowed,
    sliding_probability,
    source_places,
    stretch,
    window_starts,
)


class Stride8(Backbone):
    """Features at an eighth of the photo's size, as (crop - 1) / 8 + 1 wants it: each is one pixel of the photo."""

    channels = (3,)
    strides = (8,)

    def forward(self, photo: Tensor) -> list[Tensor]:
        return [photo[:, :, ::8, ::8]]


class NoDecoder(nn.Module):
    def forward(self, pyramid: Tensor, features: list[Tensor]) -> Tensor:
        return pyramid


def stub(classes: int, align_corners: bool = True) -> PSPNet:
    """A network of one convolution, which costs nothing."""
    torch.manual_seed(classes)
    net = PSPNet(Stride8(), nn.Identity(), NoDecoder(), nn.Conv2d(3, classes, 1), align_corners=align_corners)
    return net.eval()


def noise(height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(height * 1000 + width).integers(0, 256, (height, width, 3), np.uint8)


def normalised(net: PSPNet, photo: NDArray[np.uint8]) -> Tensor:
    mean, std = (torch.tensor(level).view(3, 1, 1) for level in (net.backbone.mean, net.backbone.std))
    return ((torch.from_numpy(photo).permute(2, 0, 1).float() / 255 - mean) / std)[None]


@torch.no_grad()
def plain(net: PSPNet, photo: NDArray[np.uint8]) -> Tensor:
    return torch.softmax(net(normalised(net, photo)), dim=1)[0]


@pytest.mark.parametrize("window", [0, 65])
@pytest.mark.parametrize("align_corners", [True, False])
def test_one_window_is_the_plain_prediction(window: int, align_corners: bool) -> None:
    net, photo = stub(5, align_corners), noise(65, 65)
    found = torch.from_numpy(sliding_probability(net, photo, Sliding(window)))
    assert found.shape == (5, 65, 65)
    assert torch.allclose(found, plain(net, photo), atol=1e-5)


def test_a_real_network_in_one_window(recipe: Recipe) -> None:
    net = build(dataclasses.replace(recipe.net, classes=4)).eval()
    photo = noise(64, 96)
    found = torch.from_numpy(sliding_probability(net, photo, Sliding(0)))
    assert torch.allclose(found, plain(net, photo), atol=1e-5)


def test_a_network_of_sub_pixel_logits() -> None:
    """Four logits of each class for a place are not four classes."""
    torch.manual_seed(0)
    head = nn.Conv2d(3, 4 * 3, 1)
    net = PSPNet(Stride8(), nn.Identity(), NoDecoder(), head, align_corners=False, subpixel=2).eval()
    photo = noise(64, 96)
    found = torch.from_numpy(sliding_probability(net, photo, Sliding(0)))
    assert found.shape == (3, 64, 96)
    assert torch.allclose(found, plain(net, photo), atol=1e-5)


def test_photos_of_a_few_pixels_are_padded() -> None:
    """As they are where a window is named: networks look at nothing smaller than 33 pixels."""
    net = stub(3)
    for size in ((1, 1), (1, 50), (4, 200)):
        found = sliding_probability(net, noise(*size), Sliding(0))
        assert found.shape == (3, *size)
        np.testing.assert_allclose(found.sum(axis=0), 1, atol=1e-5)


def test_hair_is_a_sigmoid() -> None:
    net, photo = stub(1), noise(33, 33)
    with torch.no_grad():
        expected = torch.sigmoid(net(normalised(net, photo)))[0]
    found = torch.from_numpy(sliding_probability(net, photo, Sliding(33)))
    assert torch.allclose(found, expected, atol=1e-5)


def test_the_mirrored_look_is_averaged() -> None:
    net, photo = stub(3), noise(33, 33)
    both = torch.from_numpy(sliding_probability(net, photo, Sliding(33, mirror=True)))
    mirrored = plain(net, photo[:, ::-1].copy()).flip(2)
    assert torch.allclose(both, (plain(net, photo) + mirrored) / 2, atol=1e-5)


def by_the_book(net: PSPNet, photo: NDArray[np.uint8], how: Sliding) -> Tensor:
    """The same test with whole arrays, as one would write it down."""
    height, width = photo.shape[:2]
    total = torch.zeros(net.head.out_channels, height, width)
    for scale in how.scales:
        size = how.size(height, width, scale)
        scaled = F.interpolate(normalised(net, photo), size, mode="bilinear", align_corners=False)
        down, right = (max(how.window - side, 0) for side in size)
        borders = (right // 2, right - right // 2, down // 2, down - down // 2)
        padded = F.pad(scaled, borders)  # 0 is the mean colour
        tall, wide = padded.shape[2:]
        summed, seen = torch.zeros(len(total), tall, wide), torch.zeros(tall, wide)
        stride = math.ceil(how.window * 2 / 3)
        for top in range(0, tall - how.window + stride, stride):
            for left in range(0, wide - how.window + stride, stride):
                y, x = min(top, tall - how.window), min(left, wide - how.window)
                place = (slice(y, y + how.window), slice(x, x + how.window))
                with torch.no_grad():
                    summed[:, *place] += torch.softmax(net(padded[:, :, *place]), dim=1)[0]
                seen[place] += 1
        mean = (summed / seen)[:, borders[2] : borders[2] + size[0], borders[0] : borders[0] + size[1]]
        total += F.interpolate(mean[None], (height, width), mode="bilinear", align_corners=False)[0]
    return total / len(how.scales)


@pytest.mark.parametrize(
    ("height", "width", "how"),
    [
        (100, 140, Sliding(33)),
        (20, 90, Sliding(33)),
        (70, 50, Sliding(33, 60, (0.5, 1.0, 1.75))),
        (40, 41, Sliding(49, 0, (0.5, 2.0))),
    ],
)
def test_windows_scales_and_padding(
    height: int, width: int, how: Sliding, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hairseg.training import sliding

    monkeypatch.setattr(sliding, "BAND", 3 * 3 * width)  # three rows at a time
    net, photo = stub(3), noise(height, width)
    found = torch.from_numpy(sliding_probability(net, photo, how))
    assert torch.allclose(found, by_the_book(net, photo, how), atol=1e-4)


@given(st.integers(1, 300), st.integers(1, 120))
def test_windows_cover_everything_and_hardly_more(length: int, window: int) -> None:
    length = max(length, window)
    starts = window_starts(length, window)
    covered = np.zeros(length, int)
    for start in starts:
        covered[start : start + window] += 1
        assert 0 <= start <= length - window
    assert covered.min() >= 1
    assert covered.max() <= 3
    assert len(set(starts)) == len(starts)


@given(st.integers(8, 80), st.integers(8, 80), st.floats(0.3, 2.0), st.booleans())
def test_probabilities_of_every_pixel_sum_to_one(height: int, width: int, scale: float, mirror: bool) -> None:
    how = Sliding(33, 0, (1.0, scale), mirror)
    found = sliding_probability(stub(4), noise(height, width), how)
    assert found.shape == (4, height, width)
    assert np.allclose(found.sum(axis=0), 1, atol=1e-5)
    assert found.min() >= 0


@given(st.integers(1, 40), st.integers(1, 40), st.booleans())
def test_stretching_is_torchs_bilinear(source: int, target: int, align_corners: bool) -> None:
    values = torch.randn(1, 2, source)
    expected = F.interpolate(values, target, mode="linear", align_corners=align_corners)
    places = source_places(target, source, target, values.device, align_corners)
    assert torch.allclose(stretch(values, 2, places), expected, atol=1e-5)


def test_the_long_side_is_the_base() -> None:
    how = Sliding(473, 512)
    assert how.size(683, 512, 1.0) == (512, 384)
    assert how.size(375, 500, 1.75) == (672, 896)
    assert Sliding(713).size(1024, 2048, 0.5) == (512, 1024)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"window": -1}, "give positive numbers"),
        ({"window": 1}, "a window of 1 px: give its training crop"),
        ({"scales": ()}, "give one or more positive factors"),
        ({"scales": (1.0, 0.0)}, "give one or more positive factors"),
    ],
)
def test_settings_that_make_no_sense(values: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Sliding(**values)  # type: ignore[arg-type]


def test_a_scale_that_would_not_end() -> None:
    with pytest.raises(
        UsageError, match="at scale 1e\\+09 a photo of 64 x 72 pixels has a side of 72000000000"
    ):
        Sliding(473).size(72, 64, 1e9)


MEMORY = """
import json, resource, sys
sys.path.insert(0, {tests!r})
from test_sliding import noise, stub
from hairseg.training.sliding import Sliding, Windowed
photo, how = noise(240, 4000), Sliding(473)
used = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
list(Windowed(stub(150), photo[:40, :600], how).bands())  # what torch needs anyway
before = used()
pixels = sum(band.shape[1] * band.shape[2] for _, band in Windowed(stub(150), photo, how).bands())
print(json.dumps({{"pixels": pixels, "megabytes": used() - before}}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss has other units elsewhere")
def test_memory_is_bounded() -> None:
    """150 classes of 4000 x 240 pixels are 576 MB at once, and as much again for every step on the way."""
    script = MEMORY.format(tests=str(Path(__file__).parent))
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment
    )
    result = json.loads(done.stdout)
    assert result["pixels"] == 4000 * 240
    # One row of 13 windows, 150 x 60 x 60 numbers each, is 28 MB; the rest are the arrays of a band.
    assert result["megabytes"] < 250


def test_bands_are_few_rows_of_a_large_photo() -> None:
    rows, band = next(Windowed(stub(150), noise(90, 4000), Sliding(33)).bands())
    assert band.shape == (150, rows.stop - rows.start, 4000)
    assert rows.stop - rows.start == 6
