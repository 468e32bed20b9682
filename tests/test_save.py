from __future__ import annotations

import io
import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from hairseg.errors import OutputError, UsageError
from hairseg.save import check_suffix, encode, is_result, result_name, save_image, write


class TestNames:
    @pytest.mark.parametrize(
        ("photo", "expected"),
        [
            ("portrait.jpg", "portrait.hair.png"),
            ("portrait", "portrait.hair.png"),
            ("two.dots.jpeg", "two.dots.hair.png"),
            ("사진.webp", "사진.hair.png"),
            (".hidden", ".hidden.hair.png"),
        ],
    )
    def test_rule(self, photo: str, expected: str) -> None:
        assert result_name(photo, "hair") == expected

    def test_bytes_that_are_no_text_survive(self) -> None:
        assert os.fsencode(result_name(os.fsdecode(b"caf\xe9.jpg"), "cutout")) == b"caf\xe9.cutout.png"

    @pytest.mark.parametrize("letter", ["a", "é", "한", "😀"])
    def test_a_very_long_name_is_cut_to_what_file_systems_hold(self, letter: str) -> None:
        stem = letter * (250 // len(letter.encode()))
        names = {result_name(stem + end + ".jpg", "overlay") for end in ("", "1", "2")}
        assert len(names) == 3
        for name in names:
            assert 240 <= len(os.fsencode(name)) <= 255
            assert name.endswith(".overlay.png")

    @given(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1))
    def test_every_result_is_known_as_one(self, photo: str) -> None:
        assume(photo not in (".", ".."))  # folders, not names of files
        name = result_name(photo, "recolor", ".webp")
        assert is_result(name)
        assert len(os.fsencode(name)) <= 255

    @pytest.mark.parametrize(
        ("name", "ours"),
        [
            ("a.hair.png", True),
            ("a.cutout.WEBP", True),
            ("a.hair.npz", True),
            ("hair.png", False),
            ("a.hair", False),
            ("a.hairy.png", False),
            ("a.hair.md", False),
            ("a.png", False),
        ],
    )
    def test_ours(self, name: str, ours: bool) -> None:
        assert is_result(name) is ours


class TestFormats:
    @pytest.mark.parametrize("suffix", [".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp"])
    @pytest.mark.parametrize("mode", ["L", "RGB"])
    def test_every_ending(self, tmp_path: Path, suffix: str, mode: str) -> None:
        path = tmp_path / f"out{suffix.upper()}"
        save_image(Image.new(mode, (8, 6), 255), path)
        with Image.open(path) as image:
            assert image.size == (8, 6)
            assert image.convert("L").getpixel((0, 0)) >= (250 if mode == "L" else 60)

    @pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
    def test_transparency_is_kept_to_the_bit(self, suffix: str) -> None:
        rgba = np.random.default_rng(0).integers(0, 256, (9, 7, 4), np.uint8)
        with Image.open(io.BytesIO(encode(Image.fromarray(rgba), suffix))) as image:
            np.testing.assert_array_equal(np.asarray(image.convert("RGBA")), rgba)

    @pytest.mark.parametrize("name", ["out.jpg", "out.JPEG", "out.bmp"])
    def test_a_cutout_needs_transparency(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(UsageError, match=r"cannot hold transparency: use \.png, \.webp"):
            save_image(Image.new("RGBA", (2, 2)), tmp_path / name)
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(("name", "words"), [("out.xyz", "ends in '.xyz'"), ("out", "has no ending")])
    def test_unknown_endings_are_named(self, name: str, words: str) -> None:
        with pytest.raises(UsageError, match=words):
            check_suffix(name)

    @pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
    def test_the_profile_says_srgb_where_it_is_wanted(self, suffix: str) -> None:
        image = Image.new("RGB", (2, 2))
        image.info["icc_profile"] = b"of the photo"
        for tagged in (False, True):
            with Image.open(io.BytesIO(encode(image, suffix, tagged=tagged))) as written:
                profile = written.info.get("icc_profile")
            assert (profile is not None) == tagged
            if profile:
                described = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile)))
                assert "sRGB" in described

    def test_grey_carries_no_colour_profile(self) -> None:
        with Image.open(io.BytesIO(encode(Image.new("L", (2, 2)), tagged=True))) as written:
            assert "icc_profile" not in written.info

    def test_a_picture_too_large_for_its_format(self, tmp_path: Path) -> None:
        with pytest.raises(OutputError, match=r"wide\.webp cannot be encoded"):
            save_image(Image.new("L", (17_000, 1)), tmp_path / "wide.webp")
        assert list(tmp_path.iterdir()) == []


class TestWrite:
    def test_folders_are_made_and_files_replaced(self, tmp_path: Path) -> None:
        path = tmp_path / "a" / "b" / "out.png"
        write(b"one", path)
        write(b"two", path)
        assert path.read_bytes() == b"two"
        assert list(path.parent.iterdir()) == [path]

    def test_permissions_are_those_of_any_new_file(self, tmp_path: Path) -> None:
        (tmp_path / "usual").touch()
        write(b"x", tmp_path / "ours")
        modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
        assert len(modes) == 1

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="limits of POSIX")
    def test_a_disk_that_fills_up_leaves_the_old_file(self, tmp_path: Path) -> None:
        path = tmp_path / "out.png"
        path.write_bytes(b"old")
        code = (
            "import resource, signal, sys\n"
            "from hairseg.errors import OutputError\n"
            "from hairseg.save import write\n"
            "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
            "try: write(bytes(100_000), sys.argv[1])\n"
            "except OutputError as error: print(error)\n"
        )
        done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
        assert "out.png cannot be written" in done.stdout
        assert path.read_bytes() == b"old"
        assert list(tmp_path.iterdir()) == [path]

    @pytest.mark.parametrize(
        ("error", "words"),
        [
            (OSError(28, "No space left on device"), "the disk is full"),
            (OSError(30, "Read-only file system"), "the folder is read-only"),
            (PermissionError(13, "Permission denied"), "the folder is read-only"),
            (OSError(5, "Input/output error"), "Input/output error"),
        ],
    )
    def test_reasons(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, words: str
    ) -> None:
        def fail(*_: object, **__: object) -> None:
            raise error

        monkeypatch.setattr(Path, "replace", fail)
        with pytest.raises(OutputError, match=words):
            write(b"x", tmp_path / "out.png")
        assert list(tmp_path.iterdir()) == []

    def test_a_folder_of_that_name(self, tmp_path: Path) -> None:
        (tmp_path / "out.png").mkdir()
        with pytest.raises(OutputError, match="it is a folder"):
            write(b"x", tmp_path / "out.png")

    @pytest.mark.parametrize("name", ["file/out.png", "file/deep/out.png"])
    def test_a_file_where_a_folder_should_be(self, tmp_path: Path, name: str) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(OutputError, match="a part of its path is a file, choose another place"):
            write(b"x", tmp_path / name)

    def test_impossible_places(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        for path in (tmp_path / "file" / "out.png", tmp_path / ("x" * 300), Path("nul\0.png")):
            with pytest.raises(OutputError, match="cannot be written"):
                write(b"x", path)
