"""What the fuzzer and people found, one test each."""

from __future__ import annotations

import io
import json
import pickle
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from PIL import EpsImagePlugin, Image

from hairseg.classes import unnamed
from hairseg.data import open_data
from hairseg.data.items import read_mask
from hairseg.data.labels import Labels
from hairseg.errors import DataError, HairsegError, ModelError, PhotoError, UsageError
from hairseg.models import parse_info

from . import rare, seeds


@pytest.mark.filterwarnings("ignore")
def test_every_format_of_pillow_is_damaged() -> None:
    Image.init()
    files = [seed for make in (seeds.jpeg, seeds.png, seeds.webp, seeds.gif, seeds.tiff) for seed in make()]
    files += [*seeds.bmp(), *seeds.others(), *seeds.avif(), *rare.files()]
    found = set()
    for data in files:
        with Image.open(io.BytesIO(data)) as image:
            found.add(str(image.format).upper())
    # HEIF is taught to Pillow by pi_heif; the others need libraries that are not built in everywhere.
    assert set(Image.OPEN) - found <= {"HEIF", "AVIF", "JPEG2000"}


@pytest.mark.parametrize("labels", [None, Labels(unnamed(4))])
def test_a_mask_runs_no_program(
    labels: Labels | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*_: Any, **__: Any) -> None:
        raise AssertionError("Ghostscript is called")

    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", run)
    path = tmp_path / "mask.png"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n%%EOF\n")
    with pytest.raises(DataError, match=r"mask.png: the mask cannot be read \(it is a drawing, EPS\)"):
        read_mask(path, labels)


class TestPlaylists:
    """FFmpeg takes some texts for videos, and reads what they name."""

    @pytest.fixture(autouse=True)
    def _needs_av(self) -> None:
        pytest.importorskip("av", reason="needs PyAV: pip install 'hairseg[video]'")

    def read(self, source: Any) -> None:
        from hairseg.video_reader import VideoReader

        with pytest.raises(PhotoError, match="is not a video"):
            next(VideoReader(source).frames())

    @pytest.mark.parametrize("ending", ["mp4", "m3u8", "ffconcat", "sdp"])
    def test_no_other_file_is_read(self, ending: str, tmp_path: Path) -> None:
        from clips import write_clip

        write_clip(tmp_path / "secret.mp4")
        for number, text in enumerate(seeds.playlists("secret.mp4")):
            path = tmp_path / f"{number}.{ending}"
            path.write_bytes(text)
            self.read(path)
            with path.open("rb") as file:
                self.read(file)

    def test_no_address_is_asked(self, tmp_path: Path) -> None:
        asked = []

        class Server(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                self.send_error(404)

            def log_message(self, *_: Any) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            for text in seeds.playlists(f"http://127.0.0.1:{server.server_port}/a.ts"):
                path = tmp_path / "list.m3u8"
                path.write_bytes(text)
                self.read(path)
                with path.open("rb") as file:
                    self.read(file)
        finally:
            server.shutdown()
            server.server_close()
        assert asked == []

    def test_no_port_is_listened_at(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", 0))
            text = seeds.playlists()[2].replace(b"5004", str(taken.getsockname()[1]).encode())
            self.read(io.BytesIO(text))


def test_a_list_of_voc_that_is_no_text(tmp_path: Path) -> None:
    for name in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "ImageSets/Segmentation/train.txt").write_bytes(b"\xff\xfe\n")
    with pytest.raises(DataError, match=r"train.txt: not UTF-8 text"):
        open_data(f"voc:{tmp_path}", "train")


@pytest.mark.parametrize("text", ["[" * 5000, '{"format": 1e999}', '{"format": [[[1]]]}'])
def test_metadata_that_breaks_its_reader(text: str) -> None:
    with pytest.raises(ModelError, match="its metadata is wrong"):
        parse_info({"hairseg": text}, Path("a.onnx"))


class TestTorch:
    """Files of trainings."""

    @pytest.fixture(autouse=True)
    def _needs_torch(self) -> None:
        pytest.importorskip("torch", reason="needs torch: pip install 'hairseg[train]'")

    @pytest.mark.parametrize("modern", [True, False])
    def test_a_name_that_never_ends(self, modern: bool, tmp_path: Path) -> None:
        import torch

        from hairseg.net import load

        class Endless:
            def __reduce__(self) -> tuple[Any, ...]:
                return print, ()

        program = pickle.dumps(Endless(), 2).replace(b"print\n", b"p" * 200_000 + b"\n")
        path = tmp_path / "endless.pth"
        torch.save({"a.weight": torch.zeros(1)}, path, _use_new_zipfile_serialization=modern)
        if modern:
            import zipfile

            with zipfile.ZipFile(path) as archive:
                files = {name: archive.read(name) for name in archive.namelist()}
            with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
                for name, data in files.items():
                    archive.writestr(name, program if name.endswith("data.pkl") else data)
        else:
            path.write_bytes(program)
        with pytest.raises(
            ModelError, match=r"endless.pth: not a file of PyTorch, or one that is .* damaged"
        ):
            load(path)  # minutes, where torch itself reads it

    @pytest.mark.parametrize(
        "name", ["../../out", "/etc/x", "a/b", "..", "", "a\nb", "a\x1b[2Jb", "..\\x", "a\u202eb"]
    )
    def test_a_recipe_does_not_leave_its_folder(self, name: str, tmp_path: Path) -> None:
        from hairseg.training.recipe import read_recipe

        path = tmp_path / "recipe.toml"
        path.write_text(f"name = {json.dumps(name)}\n")
        with pytest.raises(UsageError, match="files are called by it") as caught:
            read_recipe(path)
        assert str(caught.value).isprintable()

    def test_neither_does_a_checkpoint(self, tmp_path: Path) -> None:
        from safetensors.numpy import save_file

        from hairseg.training.checkpoint import read_checkpoint

        path = tmp_path / "best.safetensors"
        save_file({}, path, {"hairseg": json.dumps({"recipe": {"name": "../../../tmp/out"}})})
        with pytest.raises(HairsegError, match="files are called by it"):
            read_checkpoint(path)

    @pytest.mark.parametrize("text", ["[[[[", "name = " + "[" * 3000, "name = '\\ud800'", "\x00"])
    def test_a_recipe_that_is_no_toml(self, text: str, tmp_path: Path) -> None:
        from hairseg.training.recipe import read_recipe

        path = tmp_path / "recipe.toml"
        path.write_text(text)
        with pytest.raises(UsageError):
            read_recipe(path)

    def test_a_recipe_with_a_list_that_cannot_be(self, tmp_path: Path) -> None:
        from hairseg.training.recipe import read_recipe

        path = tmp_path / "recipe.toml"
        for name in ("a" * 300, "\\u0000"):
            path.write_text(f'[[train]]\ndata = "folder:/photos"\nsplit = "{name}.txt"\n')
            assert (
                read_recipe(path).train[0].split.endswith(".txt")
            )  # that there is none is told by its reader

    @pytest.mark.parametrize("text", ["no json\n", "[]\n", '{"epoch": "1"}\n', "{}\n", "[" * 5000 + "\n"])
    def test_lines_that_somebody_changed(self, text: str, tmp_path: Path) -> None:
        from hairseg.training.run import Run

        (tmp_path / "metrics.jsonl").write_text(text)
        with pytest.raises(UsageError, match=r"metrics.jsonl: is damaged"):
            Run(tmp_path).lines()


class TestCluster:
    """What an earlier run wrote to OUTPUT."""

    @pytest.fixture(autouse=True)
    def _needs_pyarrow(self) -> None:
        pytest.importorskip("pyarrow", reason="needs pyarrow: pip install 'hairseg[ray]'")

    @pytest.mark.parametrize("name", ["../a.jpg", "/etc/passwd", "a/../../b.jpg"])
    def test_a_plan_does_not_leave_its_folders(self, name: str) -> None:
        from hairseg.cluster.plan import Block, decode, encode

        with pytest.raises(UsageError, match=r"plan/0.parquet is damaged .*choose another OUTPUT"):
            decode(encode([Block(0, ("ok.jpg", name))]), "plan/0.parquet")

    @pytest.mark.parametrize("text", ["[]", "{}", "7", '{"attempt": null}', '{"attempt": 1e999}'])
    def test_a_note_that_is_none(self, text: str, tmp_path: Path) -> None:
        from hairseg.cluster import attempts
        from hairseg.cluster.plan import Block
        from hairseg.cluster.store import Folder

        (tmp_path / "attempts").mkdir()
        (tmp_path / "attempts/000000.json").write_text(text)
        assert attempts.begin(Folder(str(tmp_path)), Block(0)) == 1

    def test_rows_that_are_none(self) -> None:
        from hairseg.cluster.rows import decode

        with pytest.raises(UsageError, match=r"rows/7.parquet is damaged .*its photos are done again"):
            decode(b"PAR1", name="rows/7.parquet")
