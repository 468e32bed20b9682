from __future__ import annotations

import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from hairseg.photo import read_photo
from hairseg.srgb import srgb_profile
from pictures import GREEN, RED, WHITE, corners, encoded, png


class TestModes:
    @pytest.mark.parametrize(("level", "expected"), [(0, 0), (65535, 255), (32896, 128), (257, 1)])
    def test_16_bit_grey(self, level: int, expected: int) -> None:
        rows = b"\0" + struct.pack(">HH", level, 65535)
        pixels = read_photo(png(2, 1, 16, 0, rows)).pixels
        assert pixels.tolist() == [[[expected] * 3, [255] * 3]]

    def test_16_bit_rgb(self) -> None:
        rows = b"\0" + struct.pack(">HHH", 65535, 32896, 0)
        assert read_photo(png(1, 1, 16, 2, rows)).pixels.tolist() == [[[255, 128, 0]]]

    @pytest.mark.parametrize(
        ("values", "expected"),
        [([0.0, 0.5, 1.0], [0, 128, 255]), ([0, 128, 255], [0, 128, 255]), ([0, 500, 1000], [0, 128, 255])],
    )
    def test_float_grey(self, values: list[float], expected: list[int]) -> None:
        image = Image.fromarray(np.array([values], np.float32))
        assert read_photo(image).pixels[0, :, 0].tolist() == expected

    def test_float_that_is_no_number(self) -> None:
        image = Image.fromarray(np.array([[np.nan, np.inf, -np.inf, 1.0]], np.float32))
        assert read_photo(image).pixels[0, :, 0].tolist() == [0, 255, 0, 255]

    def test_32_bit_grey_beyond_16_bits_is_scaled_with_a_note(self) -> None:
        photo = read_photo(Image.fromarray(np.array([[0, 131070]], np.int32)))
        assert photo.pixels[0, :, 0].tolist() == [0, 255]
        assert "131070" in photo.notes[0]

    @pytest.mark.parametrize(
        ("values", "expected"), [([0, 128, 255], [0, 128, 255]), ([0, 32896, 65535], [0, 128, 255])]
    )
    def test_32_bit_grey_of_8_bits_or_16(self, values: list[int], expected: list[int]) -> None:
        photo = read_photo(Image.fromarray(np.array([values], np.int32)))
        assert photo.pixels[0, :, 0].tolist() == expected
        assert not photo.notes

    def test_cmyk(self) -> None:
        image = Image.new("CMYK", (2, 1), (0, 255, 255, 0))
        assert read_photo(encoded(image, "TIFF")).pixels[0, 0].tolist() == [255, 0, 0]
        red = read_photo(encoded(image, "JPEG", quality=100)).pixels[0, 0].astype(int)
        assert abs(red - [255, 0, 0]).max() <= 3

    def test_lab(self) -> None:
        lab = Image.new("LAB", (1, 1), (255, 128, 128))
        assert read_photo(encoded(lab, "TIFF")).pixels.min() >= 254

    @pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "YCbCr", "HSV", "RGBX"])
    def test_white_is_white_in_every_mode(self, mode: str) -> None:
        image = Image.new("RGB", (2, 1), WHITE).convert(mode if mode != "RGBX" else "RGB")
        if mode == "RGBX":
            image = image.convert("RGBX")
        assert read_photo(image).pixels.tolist() == [[[255] * 3] * 2]

    @pytest.mark.parametrize("mode", ["RGBA", "LA", "La", "RGBa"])
    def test_transparency_lies_on_white(self, mode: str) -> None:
        image = Image.new("RGBA", (2, 1), (0, 0, 0, 255))
        image.putpixel((1, 0), (0, 0, 0, 0))
        for step in ("LA", "La") if mode == "La" else (mode,):
            image = image.convert(step)
        assert read_photo(image).pixels.tolist() == [[[0] * 3, [255] * 3]]

    def test_palette_with_an_alpha_channel(self) -> None:
        image = Image.new("PA", (2, 1))
        image.putpixel((0, 0), (0, 255))
        assert read_photo(image).pixels.tolist() == [[[0] * 3, [255] * 3]]

    def test_half_transparent_black_is_grey(self) -> None:
        assert read_photo(Image.new("RGBA", (1, 1), (0, 0, 0, 128))).pixels.tolist() == [[[127] * 3]]

    def test_palette_with_transparency(self) -> None:
        image = Image.new("P", (2, 1))
        image.putpalette([10, 20, 30, 200, 100, 50])
        image.putpixel((1, 0), 1)
        for transparency in (0, b"\x00\xff"):
            pixels = read_photo(encoded(image, transparency=transparency)).pixels
            assert pixels.tolist() == [[[255, 255, 255], [200, 100, 50]]]

    def test_colour_key(self) -> None:
        image = Image.new("RGB", (2, 1), (1, 2, 3))
        image.putpixel((1, 0), (9, 9, 9))
        assert read_photo(encoded(image, transparency=(1, 2, 3))).pixels.tolist() == [[[255] * 3, [9] * 3]]

    def test_one_pixel(self) -> None:
        assert read_photo(encoded(Image.new("L", (1, 1), 7))).pixels.tolist() == [[[7, 7, 7]]]


def profile(name: str) -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile(name)).tobytes()  # type: ignore[arg-type]


def swapped_profile() -> bytes:
    """An RGB profile whose red and green primaries have changed places."""
    data = bytearray(profile("sRGB"))
    (count,) = struct.unpack_from(">I", data, 128)
    tags = {bytes(data[at : at + 4]): at for at in range(132, 132 + 12 * count, 12)}
    red, green = tags[b"rXYZ"] + 4, tags[b"gXYZ"] + 4
    data[red : red + 8], data[green : green + 8] = data[green : green + 8], data[red : red + 8]
    return bytes(data)


class TestProfiles:
    def test_the_profile_is_honoured_and_kept(self) -> None:
        odd = swapped_profile()
        photo = read_photo(encoded(Image.new("RGB", (1, 1), RED), icc_profile=odd))
        assert np.abs(photo.pixels[0, 0].astype(int) - GREEN).max() <= 1
        assert photo.icc_profile == odd

    def test_srgb_changes_nothing(self) -> None:
        noise = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
        ours = srgb_profile()
        photo = read_photo(encoded(Image.fromarray(noise), icc_profile=ours))
        np.testing.assert_array_equal(photo.pixels, noise)
        assert photo.icc_profile == ours

    def test_grey_with_an_rgb_profile(self) -> None:
        photo = read_photo(encoded(Image.new("L", (1, 1), 99), icc_profile=profile("sRGB")))
        assert np.abs(photo.pixels.astype(int) - 99).max() <= 1

    def test_transparency_with_a_profile(self) -> None:
        image = Image.new("RGBA", (1, 1), (*RED, 255))
        photo = read_photo(encoded(image, icc_profile=swapped_profile()))
        assert np.abs(photo.pixels[0, 0].astype(int) - GREEN).max() <= 1

    @pytest.mark.parametrize("bad", [b"no profile", profile("LAB"), profile("sRGB")[:200]])
    def test_an_unusable_profile_is_a_note(self, bad: bytes) -> None:
        photo = read_photo(encoded(corners(), icc_profile=bad))
        np.testing.assert_array_equal(photo.pixels, np.asarray(corners()))
        assert photo.icc_profile is None
        assert "profile is unusable" in photo.notes[0]

    def test_our_own_profile_is_always_the_same(self) -> None:
        first = srgb_profile()
        srgb_profile.cache_clear()
        assert srgb_profile() == first
        assert first[24:30] == struct.pack(">3H", 2026, 1, 1)
