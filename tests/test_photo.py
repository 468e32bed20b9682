from __future__ import annotations

import io
import os
import struct
import sys
import threading
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageOps, features

import hairseg.photo
from hairseg.errors import MissingExtraError, PhotoError
from hairseg.photo import read_photo
from pictures import BLUE, GREEN, RED, corners, encoded, png


class TestSources:
    def test_every_kind_of_source_gives_the_same_photo(self, tmp_path: Path) -> None:
        path = tmp_path / "portrait.png"
        corners().save(path)
        expected = np.asarray(corners())
        data = path.read_bytes()
        with path.open("rb") as file:
            sources = [path, str(path), data, bytearray(data), memoryview(data), file, corners(), expected]
            for source in sources:
                pixels = read_photo(source).pixels
                assert pixels.dtype == np.uint8
                np.testing.assert_array_equal(pixels, expected)

    def test_file_object_is_read_from_where_it_stands(self) -> None:
        stream = io.BytesIO(b"header" + encoded(corners()))
        stream.seek(6)
        assert read_photo(stream).pixels.shape == (2, 3, 3)

    def test_pipe(self) -> None:
        read_end, write_end = os.pipe()
        with os.fdopen(write_end, "wb") as sink:
            sink.write(encoded(corners()))
        try:
            assert read_photo(f"/dev/fd/{read_end}").pixels.shape == (2, 3, 3)
        finally:
            os.close(read_end)

    @pytest.mark.parametrize("shape", [(2, 3), (2, 3, 1), (2, 3, 3), (2, 3, 4)])
    def test_arrays(self, shape: tuple[int, ...]) -> None:
        array = np.full(shape, 255, np.uint8)
        array[0, 0] = 10
        array[..., 3:] = 255
        pixels = read_photo(array[:, ::-1]).pixels
        assert pixels.shape == (2, 3, 3)
        assert pixels[0, 2].tolist() == [10, 10, 10]

    @pytest.mark.parametrize("shape", [(2, 2), (2, 2, 3), (2, 2, 4)])
    def test_the_photo_does_not_change_with_the_array(self, shape: tuple[int, ...]) -> None:
        array = np.zeros(shape, np.uint8)
        before = read_photo(array).pixels.copy()
        photo = read_photo(array)
        array[:] = 100
        np.testing.assert_array_equal(photo.pixels, before)

    def test_a_photo_from_an_array_is_a_plain_array_of_its_own_that_nobody_writes_to(self) -> None:
        class Own(np.ndarray[Any, Any]):
            pass

        turned = np.arange(24, dtype=np.uint8).reshape(2, 4, 3).transpose(1, 0, 2).view(Own)
        pixels = read_photo(turned).pixels
        assert type(pixels) is np.ndarray
        assert pixels.flags.c_contiguous
        assert not pixels.flags.writeable
        np.testing.assert_array_equal(pixels, np.asarray(turned))

    @pytest.mark.parametrize(
        ("array", "words"),
        [
            (np.zeros((2, 2, 3), np.float32), "float32"),
            (np.zeros((2, 2, 2), np.uint8), r"\(2, 2, 2\)"),
            (np.zeros((0, 2, 3), np.uint8), r"\(0, 2, 3\)"),
            (np.zeros(3, np.uint8), r"\(3,\)"),
        ],
    )
    def test_other_arrays_are_refused(self, array: NDArray[Any], words: str) -> None:
        with pytest.raises(PhotoError, match=words):
            read_photo(array)

    def test_other_types_are_refused(self) -> None:
        with pytest.raises(PhotoError, match="a int is no photo"):
            read_photo(3)  # type: ignore[arg-type]
        with pytest.raises(PhotoError, match="open as text"):
            read_photo(io.StringIO("x"))  # type: ignore[arg-type]

    def test_names_are_printable(self, tmp_path: Path) -> None:
        path = tmp_path / "a\x1b[2Jb.png"
        corners().save(path)
        assert read_photo(path).name.endswith("a\\x1b[2Jb.png")


class TestOrientation:
    @pytest.mark.parametrize(
        ("orientation", "size", "red", "green", "blue"),
        [
            (1, (2, 3), (0, 0), (0, 2), (1, 0)),
            (2, (2, 3), (0, 2), (0, 0), (1, 2)),
            (3, (2, 3), (1, 2), (1, 0), (0, 2)),
            (4, (2, 3), (1, 0), (1, 2), (0, 0)),
            (5, (3, 2), (0, 0), (2, 0), (0, 1)),
            (6, (3, 2), (0, 1), (2, 1), (0, 0)),
            (7, (3, 2), (2, 1), (0, 1), (2, 0)),
            (8, (3, 2), (2, 0), (0, 0), (2, 1)),
            (9, (2, 3), (0, 0), (0, 2), (1, 0)),
        ],
    )
    @pytest.mark.parametrize("format", ["PNG", "TIFF"])
    def test_exif_is_applied(
        self,
        format: str,
        orientation: int,
        size: tuple[int, int],
        red: tuple[int, int],
        green: tuple[int, int],
        blue: tuple[int, int],
    ) -> None:
        exif = Image.Exif()
        exif[0x0112] = orientation
        pixels = read_photo(encoded(corners(), format, exif=exif)).pixels
        assert pixels.shape == (*size, 3)
        assert tuple(pixels[red]) == RED
        assert tuple(pixels[green]) == GREEN
        assert tuple(pixels[blue]) == BLUE

    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_a_photo_is_the_same_in_bands(self, orientation: int, monkeypatch: pytest.MonkeyPatch) -> None:
        noise = np.random.default_rng(0).integers(0, 256, (17, 23, 3), np.uint8)
        exif = Image.Exif()
        exif[0x0112] = orientation
        data = encoded(Image.fromarray(noise), "PNG", exif=exif)
        expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
        for band in (1, 3 * 23, 1 << 18):  # one row at a time, three of them, all
            monkeypatch.setattr(hairseg.photo, "BAND", band)
            np.testing.assert_array_equal(read_photo(data).pixels, expected)

    def test_orientation_in_xmp_alone(self) -> None:
        xmp = b'<rdf:Description tiff:Orientation="6"/>'
        pixels = read_photo(encoded(corners(), "WEBP", lossless=True, xmp=xmp)).pixels
        assert pixels.shape == (3, 2, 3)
        assert tuple(pixels[0, 1]) == RED

    def test_damaged_exif_does_not_matter(self) -> None:
        # A TIFF header that promises a directory far behind the end.
        exif = b"Exif\0\0II*\0\xff\xff\xff\x7f"
        assert read_photo(encoded(corners(), "JPEG", exif=exif)).pixels.shape == (2, 3, 3)


class TestFrames:
    @pytest.mark.parametrize(
        ("format", "word"), [("GIF", "frame"), ("PNG", "frame"), ("WEBP", "frame"), ("TIFF", "page")]
    )
    def test_the_first_frame_is_used_with_a_note(self, format: str, word: str) -> None:
        frames = [Image.new("RGB", (4, 4), color) for color in (RED, GREEN, BLUE)]
        options = {"lossless": True} if format == "WEBP" else {}
        photo = read_photo(encoded(frames[0], format, save_all=True, append_images=frames[1:], **options))
        assert tuple(photo.pixels[0, 0]) == RED
        assert photo.notes == (f"only its first {word} is used",)

    def test_a_still_has_no_note(self) -> None:
        assert read_photo(encoded(corners(), "GIF")).notes == ()

    def test_damage_behind_the_first_frame_does_not_matter(self) -> None:
        frames = [Image.new("L", (64, 64), level) for level in (10, 200)]
        data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
        assert read_photo(data[:-40]).pixels[0, 0, 0] == 10


class TestRefused:
    def write(self, folder: Path, data: bytes) -> Path:
        path = folder / "portrait.jpg"
        path.write_bytes(data)
        return path

    @pytest.mark.parametrize("cut", [0.2, 0.5, 0.9])
    @pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "BMP"])
    def test_truncated(self, tmp_path: Path, format: str, cut: float) -> None:
        noise = np.random.default_rng(1).integers(0, 256, (40, 40, 3), np.uint8)
        data = encoded(Image.fromarray(noise), format)
        with pytest.raises(PhotoError, match=r"portrait\.jpg is .*(damaged or cut short|not an image)"):
            read_photo(self.write(tmp_path, data[: int(len(data) * cut)]))

    def test_empty(self, tmp_path: Path) -> None:
        with pytest.raises(PhotoError, match=r"portrait\.jpg is empty \(0 bytes\)"):
            read_photo(self.write(tmp_path, b""))

    def test_text(self, tmp_path: Path) -> None:
        with pytest.raises(PhotoError, match=r"portrait\.jpg is not an image"):
            read_photo(self.write(tmp_path, b"Dear Sir or Madam,\n" * 50))

    def test_missing(self, tmp_path: Path) -> None:
        with pytest.raises(PhotoError, match=r"nowhere\.jpg does not exist"):
            read_photo(tmp_path / "nowhere.jpg")

    def test_folder(self, tmp_path: Path) -> None:
        with pytest.raises(PhotoError, match="an empty name is no photo: check the variable"):
            read_photo("")
        with pytest.raises(PhotoError, match="is a folder"):
            read_photo(tmp_path)

    def test_unreadable(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = self.write(tmp_path, b"x")

        def refuse(*_: object, **__: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "open", refuse)
        with pytest.raises(PhotoError, match="permission denied"):
            read_photo(path)

    @pytest.mark.parametrize("name", ["x" * 5000, "nul\0byte.jpg"])
    def test_impossible_names(self, name: str) -> None:
        with pytest.raises(PhotoError, match="cannot be read"):
            read_photo(name)

    def test_bomb(self, tmp_path: Path) -> None:
        # 20,000 x 20,000 pixels of one bit in 50 kB.
        rows = (b"\0" + bytes(2500)) * 20_000
        with pytest.raises(PhotoError, match="over 179 million pixels"):
            read_photo(self.write(tmp_path, png(20_000, 20_000, 1, 0, rows)))

    def test_between_the_warning_and_the_error_a_photo_is_just_large(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # The warning would be an error here; lowering the limits keeps the photo small.
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 300)
        assert read_photo(encoded(Image.new("L", (20, 20)))).pixels.shape == (20, 20, 3)
        with pytest.raises(PhotoError, match="too large"):
            read_photo(encoded(Image.new("L", (30, 30))))

    def test_a_drawing_runs_no_program(self) -> None:
        eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n%%EOF\n"
        with pytest.raises(PhotoError, match="is a drawing"):
            read_photo(eps)

    @settings(max_examples=150, deadline=None)
    @given(st.data())
    def test_a_damaged_file_is_either_read_or_refused(self, data: st.DataObject) -> None:
        kind = data.draw(st.sampled_from(["JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP"]))
        original = bytearray(encoded(corners().resize((16, 16)), kind))
        for _ in range(data.draw(st.integers(1, 6))):
            original[data.draw(st.integers(0, len(original) - 1))] = data.draw(st.integers(0, 255))
        try:
            photo = read_photo(bytes(original))
        except PhotoError:
            return
        assert photo.pixels.ndim == 3
        assert photo.pixels.size


class TestHeic:
    HEAD = struct.pack(">I", 24) + b"ftypmif1\0\0\0\0mif1heic" + bytes(100)

    def test_missing_extra_has_the_pip_line(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "pi_heif", None)
        path = tmp_path / "phone.jpg"
        path.write_bytes(self.HEAD)
        with pytest.raises(
            MissingExtraError, match=r"phone\.jpg is a HEIC photo.*pip install 'hairseg\[heic\]'"
        ):
            read_photo(path)

    def test_the_opener_is_registered_only_for_heic(self, monkeypatch: pytest.MonkeyPatch) -> None:
        calls: list[str] = []
        fake = types.ModuleType("pi_heif")
        fake.register_heif_opener = lambda: calls.append("registered")  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "pi_heif", fake)
        read_photo(encoded(corners()))
        assert calls == []
        with pytest.raises(PhotoError):
            read_photo(self.HEAD)
        assert calls == ["registered"]

    @pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")
    def test_avif_needs_no_extra(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "pi_heif", None)
        assert read_photo(encoded(Image.new("RGB", (32, 32), RED), "AVIF")).pixels.shape == (32, 32, 3)


def test_threads_read_at_the_same_time() -> None:
    data = encoded(corners())
    shapes: list[tuple[int, ...]] = []

    def read() -> None:
        for _ in range(20):
            shapes.append(read_photo(data).pixels.shape)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shapes == [(2, 3, 3)] * 160
