from __future__ import annotations

import io
import json
import os
import signal
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from hairseg import __version__, cli
from hairseg.__main__ import main
from hairseg.errors import ModelError
from hairseg.loading import loading
from hairseg.rle import from_rle

Pixels = NDArray[np.uint8]
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def folder(packaged_toy: Path, tmp_path: Path, portrait: Pixels, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with portrait.jpg in it; the toy is the packaged default."""
    place = tmp_path / "photos"
    place.mkdir()
    Image.fromarray(portrait).save(place / "portrait.jpg", quality=95, subsampling=0)
    monkeypatch.chdir(place)
    return place


@pytest.fixture
def hair(portrait: Pixels) -> NDArray[np.bool_]:
    return portrait[..., 0] > portrait[..., 1]


def listing(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def pixels(path: Path) -> Pixels:
    with Image.open(path) as image:
        return np.asarray(image)


class TestVerbs:
    def test_plain(self, folder: Path, hair: NDArray[np.bool_], capsys: Capture) -> None:
        assert main(["portrait.jpg"]) == 0
        mask = pixels(folder / "portrait.hair.png")
        assert mask.shape == hair.shape
        assert set(np.unique(mask)) == {0, 255}
        assert np.count_nonzero((mask == 255) != hair) <= 60
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("hairseg: portrait.jpg -> portrait.hair.png (")

    @pytest.mark.parametrize(
        "words", [["mask", "portrait.jpg"], ["portrait.jpg", "-q"], ["-q", "--edge", "hard", "portrait.jpg"]]
    )
    def test_mask_is_the_default_verb(self, folder: Path, words: list[str]) -> None:
        assert main(["portrait.jpg", "-o", "first.png"]) == 0
        assert main(words) == 0
        assert (folder / "portrait.hair.png").read_bytes() == (folder / "first.png").read_bytes()

    @pytest.mark.parametrize(
        ("words", "result", "mode"),
        [
            (["overlay", "portrait.jpg"], "portrait.overlay.png", "RGB"),
            (["cutout", "portrait.jpg"], "portrait.cutout.png", "RGBA"),
            (["recolor", "portrait.jpg", "--color", "#224488"], "portrait.recolor.png", "RGB"),
            (["recolor", "-c", "copper", "--tips", "pink", "portrait.jpg"], "portrait.recolor.png", "RGB"),
            (["recolour", "portrait.jpg", "-c", "teal"], "portrait.recolor.png", "RGB"),
            (["overlay", "--format", "webp", "portrait.jpg"], "portrait.overlay.webp", "RGB"),
            (["mask", "--soft", "portrait.jpg"], "portrait.hair.png", "L"),
            (["--probability", "portrait.jpg"], "portrait.hair.png", "L"),
        ],
    )
    def test_results(self, folder: Path, words: list[str], result: str, mode: str) -> None:
        assert main(words) == 0
        assert listing(folder) == sorted(["portrait.jpg", result])
        with Image.open(folder / result) as image:
            assert image.size == (64, 48)
            assert image.mode == mode

    def test_recolour_leaves_the_background(self, folder: Path, portrait: Pixels) -> None:
        Image.fromarray(portrait).save(folder / "portrait.png")
        assert main(["recolor", "portrait.png", "-c", "blue", "--edge", "hard", "-o", "out.png"]) == 0
        out = pixels(folder / "out.png")
        np.testing.assert_array_equal(out[40:], portrait[40:])
        assert out[16, 32, 2] > out[16, 32, 0]

    def test_npz(self, folder: Path) -> None:
        assert main(["--npz", "portrait.jpg"]) == 0
        with np.load(folder / "portrait.hair.npz") as arrays:
            assert arrays["probability"].dtype == np.float32
            np.testing.assert_array_equal(arrays["mask"], arrays["probability"] >= 0.5)

    def test_cleaning(self, folder: Path, portrait: Pixels) -> None:
        portrait[40:44, 2:6] = (200, 30, 30)
        Image.fromarray(portrait).save(folder / "speck.png")
        assert main(["speck.png"]) == 0
        assert main(["speck.png", "--min-area", "0.02", "-o", "clean.png"]) == 0
        assert pixels(folder / "speck.hair.png")[42, 4] == 255
        assert pixels(folder / "clean.png")[42, 4] == 0

    def test_threshold_and_model(self, folder: Path, toy_model: Path) -> None:
        Image.new("RGB", (64, 64), (128, 128, 128)).save(folder / "grey.png")  # probability 0.5
        assert main(["grey.png", "--threshold", "0.6", "--model", str(toy_model)]) == 0
        assert not pixels(folder / "grey.hair.png").any()


class TestPlaces:
    def test_folders_are_mirrored(self, folder: Path, portrait: Pixels) -> None:
        for name in ("in/a.png", "in/deep/b.png", "in/deep/c.hair.png"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(portrait).save(folder / name)
        assert main(["in", "-r", "-o", "out/"]) == 0
        assert listing(folder / "out") == ["a.hair.png", "deep/b.hair.png"]
        assert main(["in/**/*.png", "-q", "-o", "out2/"]) == 0
        assert listing(folder / "out2") == ["a.hair.png", "deep/b.hair.png"]

    @pytest.mark.skipif(os.name == "nt", reason="rights of POSIX")
    def test_a_folder_that_cannot_be_looked_into(
        self, folder: Path, portrait: Pixels, capsys: Capture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (folder / "sub").mkdir()
        scan = os.scandir

        def refuse(path: str) -> Any:
            if str(path).endswith("sub"):  # root would be let in whatever the rights
                raise PermissionError(13, "Permission denied", path)
            return scan(path)

        monkeypatch.setattr(os, "scandir", refuse)
        assert main([".", "-r", "--json"]) == 1
        out, err = capsys.readouterr()
        done, failed = map(json.loads, out.splitlines())
        assert (done["photo"], done["status"]) == ("portrait.jpg", "done")
        assert (failed["photo"], failed["output"]) == ("sub", None)
        assert "the folder sub cannot be opened, permission denied" in err
        assert err.endswith("1 done, 1 failed\n")

    def test_existing_results_are_kept(self, folder: Path, capsys: Capture) -> None:
        result = folder / "portrait.hair.png"
        result.write_bytes(b"mine")
        assert main(["portrait.jpg"]) == 0
        assert result.read_bytes() == b"mine"
        assert "portrait.hair.png exists and is kept: use --force to replace it" in capsys.readouterr().err
        assert main(["portrait.jpg", "--force"]) == 0
        assert result.read_bytes() != b"mine"

    def test_our_results_are_no_photos(self, folder: Path, capsys: Capture) -> None:
        assert main(["."]) == 0
        assert main([".", "portrait.hair.png", "-f"]) == 0
        assert listing(folder) == ["portrait.hair.png", "portrait.jpg"]
        assert "left out" in capsys.readouterr().err

    def test_two_photos_with_one_result_stop_everything(self, folder: Path, capsys: Capture) -> None:
        Image.new("RGB", (8, 8)).save(folder / "portrait.png")
        assert main(["."]) == 2
        assert listing(folder) == ["portrait.jpg", "portrait.png"]
        assert "would both become portrait.hair.png" in capsys.readouterr().err

    def test_very_long_and_odd_names(self, folder: Path, portrait: Pixels) -> None:
        data = (folder / "portrait.jpg").read_bytes()
        odd = ["한" * 83 + ".jpg", "a b\n\x1b[31m.jpg", "'\"$(x).jpg"]
        for name in odd:
            (folder / name).write_bytes(data)
        assert main(odd) == 0
        assert len(listing(folder)) == 1 + 2 * len(odd)

    def test_metadata_stays_behind(self, folder: Path, portrait: Pixels) -> None:
        exif = Image.Exif()
        exif[0x0112] = 6
        exif.get_ifd(0x8825)[2] = (37.0, 30.0, 0.0)  # latitude
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        Image.fromarray(portrait).save(folder / "gps.jpg", exif=exif, icc_profile=profile)
        for verb in ("overlay", "cutout"):
            assert main([verb, "gps.jpg"]) == 0
            with Image.open(folder / f"gps.{verb}.png") as image:
                assert image.size == (48, 64)
                assert dict(image.getexif()) == {}
                assert "sRGB" in ImageCms.getProfileDescription(
                    ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
                )

    def test_a_full_or_read_only_place(self, folder: Path, capsys: Capture) -> None:
        (folder / "file").touch()
        assert main(["portrait.jpg", "-o", "file/x/"]) == 1
        assert "file/x/portrait.hair.png cannot be written" in capsys.readouterr().err
        assert listing(folder) == ["file", "portrait.jpg"]


class TestLines:
    def lines(self, capsys: Capture) -> list[dict[str, Any]]:
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    def test_one_line_per_photo_errors_included(self, folder: Path, capsys: Capture) -> None:
        (folder / "empty.jpg").touch()
        Image.fromarray(np.zeros((5, 4, 3), np.uint8)).save(folder / "small.png")
        assert main(["small.png", "empty.jpg", "nowhere.jpg", "portrait.jpg", "--json"]) == 1
        small, empty, nowhere, portrait = self.lines(capsys)
        assert [line["status"] for line in (small, empty, nowhere, portrait)] == [
            "done",
            "failed",
            "failed",
            "done",
        ]
        assert (small["width"], small["height"], small["output"]) == (4, 5, "small.hair.png")
        assert "is empty" in empty["error"]
        assert "does not exist" in nowhere["error"]
        assert portrait["model"] == "toy"
        assert 0.1 < portrait["fraction"] < 0.25

    def test_rle(self, folder: Path, capsys: Capture) -> None:
        assert main(["portrait.jpg", "--json", "--rle"]) == 0
        (line,) = self.lines(capsys)
        np.testing.assert_array_equal(from_rle(line["rle"]), pixels(folder / "portrait.hair.png") == 255)

    def test_kept(self, folder: Path, capsys: Capture) -> None:
        (folder / "portrait.hair.png").touch()
        assert main(["portrait.jpg", "--json"]) == 0
        assert self.lines(capsys) == [
            {"photo": "portrait.jpg", "status": "kept", "output": "portrait.hair.png"}
        ]

    def test_many_photos_in_order(self, folder: Path, capsys: Capture) -> None:
        for index in range(12):
            Image.new("RGB", (10 + index, 9), (255, 0, 0)).save(folder / f"n{index:02}.png")
        (folder / "n05.png").write_bytes(b"broken")
        assert main([".", "--json", "--threads", "3"]) == 1
        found = self.lines(capsys)
        assert [line["photo"] for line in found] == [f"n{index:02}.png" for index in range(12)] + [
            "portrait.jpg"
        ]
        assert [line.get("width") for line in found[:6]] == [10, 11, 12, 13, 14, None]


class TestOurOwnBugs:
    @pytest.fixture
    def broken(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Photos of nine rows end in an error that nobody foresaw."""
        from hairseg import run

        read = run.read_photo

        def wrong(source: object) -> object:
            photo = read(source)  # type: ignore[arg-type]
            if len(photo.pixels) == 9:
                raise ValueError("shapes (584,) (584,540)")
            return photo

        monkeypatch.setattr(run, "read_photo", wrong)

    @pytest.mark.usefixtures("broken")
    def test_one_photo_takes_no_other_with_it(self, folder: Path, capsys: Capture) -> None:
        Image.new("RGB", (20, 9)).save(folder / "a.png")
        assert main([".", "--json"]) == 1
        first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
        assert first["error"] == (
            "a.png: this is a bug of hairseg (ValueError: shapes (584,) (584,540)): report it, please, with what "
            "--verbose says"
        )
        assert second["status"] == "done"
        assert listing(folder) == ["a.png", "portrait.hair.png", "portrait.jpg"]

    @pytest.mark.usefixtures("broken")
    def test_where_it_is_can_be_asked(self, folder: Path, capsys: Capture) -> None:
        Image.new("RGB", (20, 9)).save(folder / "a.png")
        assert main(["a.png", "--verbose"]) == 1
        said = capsys.readouterr().err
        assert "in wrong" in said
        assert "this is a bug of hairseg (ValueError: shapes (584,) (584,540)): report it, please" in said


class TestWrongUse:
    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (["portrait.jpg", "--egde", "soft"], "Unknown option: --egde. Did you mean --edge?"),
            (["portrait.jpg", "--edge", "fuzzy"], 'Invalid value "fuzzy" for --edge'),
            (["portrait.jpg", "--threshold", "high"], "--threshold"),
            (["portrait.jpg", "--threshold", "2"], "--threshold 2.0 is out of range: use 0 to 1"),
            (["portrait.jpg", "--min-area=-1"], "--min-area -1.0 is out of range"),
            (["portrait.jpg", "--threads", "0"], "--threads 0 is out of range: use 1 to 1024"),
            (["portrait.jpg", "--threads", "99999999999"], "--threads 99999999999 is out of range"),
            (["portrait.jpg", "--threads", "1.5"], "--threads: '1.5' is no whole number: see"),
            (["labels", "portrait.jpg", "-m", "x", "--threads", "1.5"], "'1.5' is no whole number"),
            (["serve", "--threads", "1.5"], "'1.5' is no whole number"),
            (["evaluate", "--data", "folder:x", "--threads", "1.5"], "'1.5' is no whole number"),
            (["cluster", "run", "a", "b", "--threads", "1.5"], "'1.5' is no whole number"),
            (["portrait.jpg", "-o"], "hairseg: -o requires an argument: see `hairseg --help`\n"),
            (["portrait.jpg", "--nosuch"], "Unknown option: --nosuch: see `hairseg --help`\n"),
            (["models", "nope"], "nope is more than it takes: see `hairseg models --help`\n"),
            (["cluster", "run"], "INPUT is needed: see `hairseg cluster run --help`\n"),
            (["recolour", "portrait.jpg"], "--color is needed: see `hairseg recolor --help`\n"),
            (["recolr", "portrait.jpg", "-c", "teal"], "did you mean `hairseg recolor`?"),
            (["-x.jpg"], "write ./-x.jpg, or -- before it"),
            (["portrait.jpg", "-qv"], "exclude each other"),
            (["portrait.jpg", "--rle"], "use --json too"),
            (["portrait.jpg", "--npz", "--soft"], "exclude each other"),
            (["portrait.jpg", "--soft", "--edge", "hard"], "--soft and --edge hard contradict each other"),
            (["recolor", "portrait.jpg"], "hairseg: --color is needed: see `hairseg recolor --help`\n"),
            (["recolor", "portrait.jpg", "-c", "bleu"], "is not a colour: did you mean 'blue'"),
            (["overlay", "portrait.jpg", "--strength", "3"], "--strength 3.0 is out of range"),
            (["cutout", "portrait.jpg", "-o", "x.jpg"], "cannot hold transparency"),
            (["overlya", "portrait.jpg"], "did you mean `hairseg overlay`?"),
            (["-q", "cutout", "portrait.jpg"], "Verbs come first"),
            (["overlay"], "no photo is named: hairseg overlay PHOTO..."),
            (["--json"], "no photo is named: hairseg PHOTO..."),
            ([""], "an empty name is no photo: check the variable or the quotes"),
            (["labels", "", "-m", "hairseg"], "an empty name is no photo"),
            (["*.gif"], "nothing matches *.gif"),
            (["."], ""),
        ],
    )
    def test_one_sentence_and_exit_2(
        self, folder: Path, capsys: Capture, words: list[str], message: str
    ) -> None:
        if words == ["."]:
            (folder / "portrait.jpg").rename(folder / "portrait.txt")
            message = "the folder . holds no photos"
        if words == ["-x.jpg"]:
            (folder / "-x.jpg").touch()
        before = listing(folder)
        assert main(words) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("hairseg: ")
        assert err.count("\n") == 1
        assert message in err
        assert listing(folder) == before

    def test_a_photo_named_like_a_verb(self, folder: Path, capsys: Capture) -> None:
        (folder / "portrait.jpg").rename(folder / "overlay")
        assert main(["./overlay"]) == 0
        assert listing(folder) == ["overlay", "overlay.hair.png"]

    def test_a_dash_in_front(self, folder: Path) -> None:
        (folder / "portrait.jpg").rename(folder / "-x.jpg")
        assert main(["-q", "--", "-x.jpg"]) == 0
        assert listing(folder) == ["-x.hair.png", "-x.jpg"]


@pytest.mark.parametrize("kind", [ImportError, ModelError, OSError])
def test_an_interrupt_that_an_import_swallowed(
    kind: type[Exception], monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def dispatch(_: list[str]) -> int:
        try:
            try:
                raise KeyboardInterrupt
            except KeyboardInterrupt as error:
                raise SystemError("initialization of _multiarray_umath raised an exception") from error
        except SystemError as error:
            raise kind("worse") from error

    monkeypatch.setattr(cli, "dispatch", dispatch)
    assert main(["portrait.jpg"]) == 130
    assert capsys.readouterr().err == "hairseg: interrupted\n"


class TestMissing:
    def test_model(self, folder: Path, packaged_toy: Path, capsys: Capture) -> None:
        (packaged_toy / "hairseg-int8.onnx").unlink()
        assert main(["portrait.jpg"]) == 3
        assert "pip install --force-reinstall hairseg" in capsys.readouterr().err
        assert listing(folder) == ["portrait.jpg"]

    def test_model_matters_even_where_no_photo_needs_it(self, folder: Path, packaged_toy: Path) -> None:
        (packaged_toy / "hairseg-int8.onnx").unlink()
        assert main(["nowhere.jpg"]) == 3

    def test_a_model_that_is_not_there_is_told_where_all_results_are(
        self, folder: Path, capsys: Capture
    ) -> None:
        (folder / "portrait.hair.png").touch()
        assert main(["portrait.jpg", "-m", "nomodel"]) == 3
        assert "nomodel" in capsys.readouterr().err
        assert main(["portrait.jpg"]) == 0

    def test_extra(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
        monkeypatch.setitem(sys.modules, "pi_heif", None)
        (folder / "phone.heic").write_bytes(struct.pack(">I", 24) + b"ftypheic\0\0\0\0mif1heic" + bytes(99))
        assert main(["phone.heic"]) == 3
        assert "pip install 'hairseg[heic]'" in capsys.readouterr().err
        assert main(["phone.heic", "portrait.jpg"]) == 1
        assert (folder / "portrait.hair.png").exists()


class TestHelp:
    def test_without_arguments(self, capsys: Capture) -> None:
        assert main([]) == 0
        out, err = capsys.readouterr()
        assert err == ""
        for verb in cli.verbs():
            assert verb in out

    def test_help_is_asked_for_in_words(self, capsys: Capture) -> None:
        assert main(["help"]) == 0
        assert "Find hair in photos" in capsys.readouterr().out
        assert main(["help", "recolour"]) == 0
        assert "--lift" in capsys.readouterr().out

    @pytest.mark.parametrize("verb", list(cli.HERE))
    def test_every_option_is_explained(self, verb: str, capsys: Capture) -> None:
        assert main([verb, "--help"]) == 0
        assert "--output" in capsys.readouterr().out

    def test_version(self, capsys: Capture) -> None:
        assert main(["--version"]) == 0
        assert capsys.readouterr().out == f"{__version__}\n"

    def test_verbs_elsewhere_are_there_or_not_offered(self) -> None:
        import importlib

        for verb in set(cli.verbs()) - set(cli.HERE):
            module, _, function = cli.ELSEWHERE[verb][0].partition(":")
            assert callable(getattr(importlib.import_module(module), function))


QUICK = [
    ["a.jpg"],
    ["a.jpg", "b c.png"],
    ["-"],
    ["a", "-", "-o", "-"],
    ["mask", "a.jpg", "--soft"],
    ["a.jpg", "-o", "out/", "-q", "--force", "--min-area", "0.25", "--threads", "2", "-m", "x.onnx"],
    ["-r", "--edge", "soft", "--format", "webp", "-v", "--tta", "--tiles", "--fill-holes", "folder"],
    ["--json", "--rle", "--threshold", "1", "a.jpg"],
    ["overlay", "a.jpg", "-c", "honey blonde", "--strength", "0.5"],
    ["cutout", "--edge", "hard", "a.jpg", "--output", "-"],
    ["recolor", "a.jpg", "--color", "#fff", "--tips", "pink", "--lift", "0"],
]


@pytest.mark.parametrize("argv", QUICK)
def test_without_a_parser_the_same_is_understood(argv: list[str]) -> None:
    plainly = cli.quick(argv)
    assert plainly is not None
    verb, photos, settings = plainly
    command, bound, _ = cli.build_app().parse_args(cli._tokens(argv))
    assert verb is command
    assert photos == [{"/dev/stdin": "-"}.get(word, word) for word in bound.args]
    assert {"options": cli.Options(), **bound.kwargs} == settings


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["train", "x.toml"],
        ["mask"],
        ["-q"],
        ["--help"],
        ["--version"],
        ["--", "-a.jpg"],
        ["a.jpg", "overlay"],
        ["a.jpg", ""],
        ["a.jpg", "-o"],
        ["a.jpg", "-o", "-q"],
        ["a.jpg", "-rf"],
        ["a.jpg", "-q", "-q"],
        ["a.jpg", "--output=x"],
        ["a.jpg", "--edge", "fuzzy"],
        ["a.jpg", "--threads", "two"],
        ["a.jpg", "--threads", "-1"],
        ["a.jpg", "--threshold", "nan"],
        ["a.jpg", "--color", "red"],
        ["a.jpg", "--options", "x"],
        ["recolor", "a.jpg"],
    ],
)
def test_everything_else_is_parsed(argv: list[str]) -> None:
    assert cli.quick(argv) is None


def test_the_parser_is_not_imported_for_what_is_plainly_right(folder: Path) -> None:
    words = ["portrait.jpg", "--edge", "soft", "-o", "m.png", "-q"]
    code = f"import sys; from hairseg.__main__ import main; main({words}); print('cyclopts' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=folder)
    assert done.stdout.strip() == "False", done.stderr
    assert (folder / "m.png").exists()


class TestProcess:
    """What only a process of its own shows."""

    @pytest.fixture
    def run(self, folder: Path, toy_model: Path) -> Callable[..., subprocess.CompletedProcess[bytes]]:
        def run(*words: str | bytes, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
            command = [sys.executable, "-m", "hairseg", *words, "--model", str(toy_model)]
            return subprocess.run(command, input=stdin, capture_output=True, check=False, timeout=60)

        return run

    def test_pipes(self, run: Callable[..., Any], folder: Path, hair: NDArray[np.bool_]) -> None:
        done = run("cutout", "-", "-o", "-", stdin=(folder / "portrait.jpg").read_bytes())
        assert (done.returncode, done.stderr) == (0, b"")
        with Image.open(io.BytesIO(done.stdout)) as image:
            assert image.mode == "RGBA"
            assert image.size == (64, 48)
        assert listing(folder) == ["portrait.jpg"]

    def test_bad_input_is_refused_and_the_rest_done(self, run: Callable[..., Any], folder: Path) -> None:
        data = (folder / "portrait.jpg").read_bytes()
        row = b"\0" + bytes(2500)
        chunks = [
            (b"IHDR", struct.pack(">IIBBBBB", 20_000, 20_000, 1, 0, 0, 0, 0)),
            (b"IDAT", zlib.compress(row * 20_000)),
            (b"IEND", b""),
        ]
        bomb = b"\x89PNG\r\n\x1a\n" + b"".join(
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
            for kind, body in chunks
        )
        bad = {"bomb.png": bomb, "cut.jpg": data[: len(data) // 2], "empty.jpg": b"", "text.jpg": b"Hello"}
        for name, content in bad.items():
            (folder / name).write_bytes(content)
        name = b"caf\xe9.jpg"
        (folder / os.fsdecode(name)).write_bytes(data)
        done = run(".", "--json")
        assert done.returncode == 1
        lines = {line["photo"]: line for line in map(json.loads, done.stdout.splitlines())}
        assert {photo for photo, line in lines.items() if line["status"] == "failed"} == {
            f"{name}" for name in bad
        }
        assert lines["caf\ufffd.jpg"]["status"] == "done"
        assert (folder / os.fsdecode(b"caf\xe9.hair.png")).exists()
        told = done.stderr.decode().splitlines()
        assert len(told) == len(bad) + 1
        assert told[-1] == "hairseg: 2 done, 4 failed"
        assert b"Traceback" not in done.stderr

    def test_a_reader_that_leaves(self, run: Callable[..., Any], folder: Path, toy_model: Path) -> None:
        for index in range(30):
            Image.new("RGB", (9, 9)).save(folder / f"{index}.png")
        command = f"{sys.executable} -m hairseg . --json -q --model {toy_model} | head -n 1"
        done = subprocess.run(command, shell=True, capture_output=True, check=False, timeout=60)
        assert json.loads(done.stdout)["status"] == "done"
        assert done.stderr == b""

    @pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
    def test_an_interrupt_leaves_whole_files(self, folder: Path, toy_model: Path, portrait: Pixels) -> None:
        for index in range(400):
            Image.fromarray(portrait).save(folder / f"{index:03}.png")
        command = [sys.executable, "-m", "hairseg", ".", "--json", "--model", str(toy_model)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None
            for _ in range(3):
                process.stdout.readline()
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=60)
        assert process.returncode == 130
        assert b"Traceback" not in err
        assert b"run the same command again to go on" in err
        results = [name for name in listing(folder) if name.endswith(".hair.png")]
        assert 3 <= len(results) < 401
        for name in results:
            assert pixels(folder / name).shape == (48, 64)
        assert not [name for name in listing(folder) if name.endswith(".tmp")]

    @pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
    def test_an_interrupt_tells_what_was_done(self, folder: Path, toy_model: Path, portrait: Pixels) -> None:
        large = Image.fromarray(portrait).resize((1280, 960))
        for index in range(60):  # so large that the time goes into the photos
            large.save(folder / f"{index:03}.jpg")
        command = [
            sys.executable,
            "-m",
            "hairseg",
            ".",
            "--json",
            "--threads",
            "4",
            "--model",
            str(toy_model),
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(3)]
            time.sleep(0.01)
            process.send_signal(signal.SIGINT)
            lines += process.stdout.readlines()
            assert process.stderr is not None
            err = process.stderr.read()
        results = [name for name in listing(folder) if name.endswith(".hair.png")]
        assert len(lines) == len(results)
        assert err.startswith("hairseg: interrupted: the photos in hand are being finished")
        assert f"hairseg: {len(results)} done, {61 - len(results)} left" in err

    @pytest.mark.skipif(os.name == "nt", reason="shells of POSIX")
    @pytest.mark.parametrize(
        ("words", "code", "said"),
        [
            ("portrait.jpg -f >&-", 0, "hairseg: portrait.jpg -> portrait.hair.png ("),
            ("portrait.jpg -f -q <&- >&- 2>&-", 0, ""),
            ("nowhere.jpg 2>&-", 1, ""),
            ("portrait.jpg -o - >&-", 2, "hairseg: standard output is closed: use -o FILE\n"),
            ("- <&-", 2, "hairseg: - reads a photo from standard input, which is closed: pipe a photo"),
        ],
    )
    def test_streams_that_are_closed(
        self, folder: Path, toy_model: Path, words: str, code: int, said: str
    ) -> None:
        command = f"{sys.executable} -m hairseg --model {toy_model} {words}"
        done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False, timeout=60)
        assert (done.returncode, done.stdout) == (code, "")
        assert done.stderr.startswith(said)
        assert done.stderr.count("\n") == bool(said)

    @pytest.mark.skipif(os.name == "nt", reason="shells of POSIX")
    def test_no_message_gets_into_a_result(self, folder: Path, toy_model: Path) -> None:
        command = f"cat portrait.jpg | {sys.executable} -m hairseg - --model {toy_model} -v 2>&-"
        done = subprocess.run(command, shell=True, capture_output=True, check=False, timeout=60)
        assert done.returncode == 0
        assert done.stdout.startswith(b"\x89PNG")
        assert done.stdout.endswith(b"IEND\xaeB`\x82")

    @pytest.mark.parametrize("module", ["numpy.lib", "numpy._core._multiarray_umath", "onnxruntime.capi"])
    def test_an_interrupt_while_modules_are_imported(self, folder: Path, module: str) -> None:
        code = (
            "import sys\n"
            "class Interrupt:\n"
            "    def find_spec(self, name, *_):\n"
            f"        if name == {module!r}: raise KeyboardInterrupt\n"
            "sys.meta_path.insert(0, Interrupt())\n"
            "from hairseg.__main__ import main\n"
            "sys.exit(main(['portrait.jpg']))\n"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (130, "hairseg: interrupted\n")

    def test_what_was_printed_before_an_error_arrives(self, folder: Path) -> None:
        words = ["--json", "nothere.jpg", "--model", "nowhere.onnx"]
        command = [sys.executable, "-m", "hairseg", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
        assert done.returncode == 3
        assert json.loads(done.stdout)["status"] == "failed"
        assert done.stderr.endswith("name a file that `hairseg export` wrote\n")

    def test_a_profiler_sees_the_end(self, folder: Path, toy_model: Path) -> None:
        words = ["portrait.jpg", "-q", "--model", str(toy_model)]
        command = [sys.executable, "-m", "cProfile", "-m", "hairseg", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder)
        assert "function calls" in done.stdout
        assert (folder / "portrait.hair.png").exists()

    def test_the_entry_point(self, folder: Path) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "hairseg", "--version"], capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == __version__


@pytest.mark.parametrize(
    ("argv", "early"),
    [
        (["portrait.jpg"], 1),
        (["cutout", "portrait.jpg", "-q"], 1),
        (["portrait.jpg", "-m", "other.onnx"], 0),
        (["portrait.jpg", "--threads=1"], 0),
        (["models"], 0),
        (["overlay", "--help"], 0),
        ([], 0),
    ],
)
def test_the_default_model_is_loaded_early_where_it_is_needed(
    packaged_toy: Path, argv: list[str], early: int
) -> None:
    cli._load_early(argv)
    assert loading.cache_info().currsize == early
    loading.cache_clear()


def test_what_is_loaded_early_is_what_is_used(folder: Path) -> None:
    assert cli.dispatch(["portrait.jpg"]) == 0
    assert loading.cache_info().currsize == 1
    assert cli.dispatch(["portrait.jpg", "-f", "--tta", "--tiles"]) == 0
    assert loading.cache_info().currsize == 1
    loading.cache_clear()
