"""Poor light and poor cameras."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter

from hairseg.errors import UsageError
from hairseg.training.augment import build_augment, vary
from hairseg.training.recipe import Augment

STILL = {"flip": 0, "rotate": 0, "color": 0, "grey": 0, "blur": 0, "jpeg": 0, "aspect": 1}
RAMP = torch.arange(256, dtype=torch.uint8).reshape(1, 16, 16).repeat(3, 1, 1)
TRUTH = torch.arange(256, dtype=torch.uint8).reshape(16, 16) % 2


def varied(seed: int, photo: torch.Tensor = RAMP, **how: object) -> tuple[torch.Tensor, torch.Tensor]:
    side = photo.shape[-1]
    transform = build_augment(side, (1.0, 1.0), Augment(**{**STILL, **how}))  # type: ignore[arg-type]
    truth = TRUTH if side == 16 else torch.zeros(side, side, dtype=torch.uint8)
    return vary(transform, photo, truth, seed)


def test_light_moves_levels_and_keeps_their_order_and_the_truth() -> None:
    means = []
    for seed in range(60):
        photo, truth = varied(seed, light=1.0)
        assert torch.equal(truth, TRUTH)
        levels = photo.reshape(3, 256).int()
        assert (levels.diff(dim=1) >= 0).all()
        assert (levels[:, 0] == 0).all()
        means.append(levels.float().mean(dim=1))
    brightness = torch.stack(means).mean(dim=1)
    assert brightness.min() < 50
    assert brightness.max() > 170
    assert torch.stack(means).std(dim=1).max() > 15  # some light is coloured


def test_light_is_a_power_and_a_gain() -> None:
    """Where a curve neither clips nor rounds to little, its logarithm is a line."""
    for seed in range(20):
        levels = varied(seed, light=1.0)[0].reshape(3, 256).double().numpy()
        for channel in levels:
            inside = (channel > 40) & (channel < 250)
            old, new = np.log(np.arange(256)[inside]), np.log(channel[inside])
            slope, offset = np.polyfit(old, new, 1)
            assert np.abs(slope * old + offset - new).max() < 0.02
            assert 0.45 < slope < 2.4


def test_grain_is_noise_of_the_photo_in_grains_of_one_or_two_pixels() -> None:
    flat = torch.full((3, 64, 64), 128, dtype=torch.uint8)
    deviations, coarse = [], 0
    for seed in range(60):
        noise = varied(seed, flat, grain=1.0)[0].double() - 128
        assert abs(noise.mean()) < 2
        deviations.append(float(noise.std()))
        coarse += bool(torch.equal(noise[:, ::2, ::2], noise[:, 1::2, 1::2]))
    assert 1.5 < min(deviations) < 6
    assert 30 < max(deviations) < 36
    assert 15 < coarse < 45


def test_a_wide_blur_is_one() -> None:
    sharp = torch.zeros(3, 64, 64, dtype=torch.uint8)
    sharp[:, :, 32:] = 240
    wide = varied(1, sharp, blur=1.0, blur_sigma=(5.0, 5.0))[0][0, 32].double()
    pillow = Image.fromarray(sharp.permute(1, 2, 0).numpy()).filter(ImageFilter.GaussianBlur(5))
    oracle = torch.from_numpy(np.asarray(pillow)[32, :, 0].copy()).double()
    assert (wide - oracle)[8:-8].abs().max() < 16  # the kernel ends at 1.6 deviations
    narrow = varied(1, sharp, blur=1.0, blur_sigma=(0.5, 0.5))[0][0, 32].double()
    assert ((wide > 10) & (wide < 230)).sum() > 4 * ((narrow > 10) & (narrow < 230)).sum()


def test_a_blur_wider_than_its_view_is_cut_off() -> None:
    # Photos on scenes and in mosaics are down to 8 pixels wide.
    tiny = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (3, 8, 8), np.uint8))
    photo, _ = varied(0, tiny, blur=1.0, blur_sigma=(12.0, 12.0))
    assert photo.float().std() < tiny.float().std() / 3


def test_jpeg_of_the_quality_that_is_asked_for() -> None:
    noise = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (3, 32, 32), np.uint8))
    bad, truth = varied(2, noise, jpeg=1.0, jpeg_quality=(5, 5))
    buffer = io.BytesIO()
    Image.fromarray(noise.permute(1, 2, 0).numpy()).save(buffer, "JPEG", quality=5)
    oracle = torch.from_numpy(np.asarray(Image.open(buffer)).copy()).permute(2, 0, 1)
    assert (bad.int() - oracle.int()).abs().float().mean() < 3
    assert not truth.any()


def test_what_is_left_out_draws_nothing() -> None:
    """Recipes of before see the views that they saw."""
    photo = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (3, 16, 16), np.uint8))
    same = {"blur": 1.0, "jpeg": 0.5}
    for seed in range(8):
        off = varied(seed, photo, **same, light=0.0, grain=0.0)
        assert torch.equal(off[0], varied(seed, photo, **same)[0])
        assert not torch.equal(off[0], varied(seed, photo, **same, light=1.0)[0])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"blur_sigma": (3.0, 1.0)}, r"augment: blur_sigma is \[3.0, 1.0\]: give the smallest and the"),
        ({"blur_sigma": (0.0, 1.0)}, r"augment: blur_sigma is \[0.0, 1.0\]"),
        ({"jpeg_quality": (0, 50)}, r"augment: jpeg_quality is \[0, 50\]: give the lowest and the highest"),
        ({"jpeg_quality": (60, 50)}, r"augment: jpeg_quality is \[60, 50\]"),
        ({"jpeg_quality": (60, 101)}, r"augment: jpeg_quality is \[60, 101\]"),
        (
            {"scene_sides": (0.5, 0.2)},
            r"augment: scene_sides is \[0.5, 0.2\]: give the smallest and the largest",
        ),
        ({"scene_sides": (0.0, 0.2)}, r"augment: scene_sides is \[0.0, 0.2\]"),
        ({"scene_sides": (0.5, 1.1)}, r"augment: scene_sides is \[0.5, 1.1\]"),
    ],
)
def test_ranges_that_are_none_are_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Augment(**wrong)  # type: ignore[arg-type]
