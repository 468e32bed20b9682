from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hairseg.__main__ import main
from toys import write_toy_scene_model


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A model, a red photo, and a photo that is half green and half blue."""
    write_toy_scene_model(tmp_path / "rgb.onnx")
    Image.new("RGB", (40, 30), (200, 0, 0)).save(tmp_path / "red.png")
    photo = np.zeros((30, 40, 3), np.uint8)
    photo[:, :20, 1] = photo[:, 20:, 2] = 200
    Image.fromarray(photo).save(tmp_path / "two.png")
    return tmp_path


def call(place: Path, *words: str) -> int:
    return main(["labels", *words, "--model", str(place / "rgb.onnx"), "--threads", "1"])


def test_a_palette_picture_beside_each_photo(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(place, str(place / "red.png"), str(place / "two.png")) == 0
    assert "2 done" in capsys.readouterr().err
    with Image.open(place / "red.labels.png") as image:
        assert image.mode == "P"
        assert set(np.unique(image)) == {0}
    with Image.open(place / "two.labels.png") as image:
        assert np.asarray(image)[5, [2, 37]].tolist() == [1, 2]
        assert image.convert("RGB").getpixel((37, 5)) == (0, 0, 255)
    # Results are not photos again.
    assert call(place, str(place), "--json") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(Path(line["photo"]).name, line["status"]) for line in lines] == [
        ("red.png", "kept"),
        ("two.png", "kept"),
    ]


def test_json_tells_the_share_of_each_class(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(place, str(place / "red.png"), "--json", "-o", str(place / "out") + "/") == 0
    line = json.loads(capsys.readouterr().out)
    assert (line["status"], line["model"], line["classes"]) == ("done", "rgb", {"red": 1.0})
    assert (place / "out" / "red.labels.png").is_file()


def test_overlay_and_legend(place: Path) -> None:
    legend = place / "legend.png"
    assert call(place, str(place / "two.png"), "--overlay", "--legend", str(legend)) == 0
    with Image.open(place / "two.labels.png") as image:
        assert image.mode == "RGB"
        assert image.height > 30
    with Image.open(legend) as image:
        colors = {color for _, color in image.getcolors(1 << 20) or ()}
    assert {(255, 0, 0), (0, 255, 0), (0, 0, 255)} <= colors


def test_a_photo_through_a_pipe(
    place: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    class Piped:
        buffer = io.BytesIO((place / "red.png").read_bytes())

        def isatty(self) -> bool:
            return False

    monkeypatch.setattr("sys.stdin", Piped())
    assert call(place, "-", "-q") == 0
    assert capfdbinary.readouterr().out.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "message", "code"),
    [
        (["nowhere.png"], "nowhere.png does not exist", 1),
        (["red.png", "-o", "labels.jpg"], "class indices are written as .png", 2),
        ([], "no photo is named", 2),
    ],
)
def test_mistakes(
    place: Path,
    words: list[str],
    message: str,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(place)
    assert call(place, *words) == code
    assert message in capsys.readouterr().err


def test_no_threads_are_refused_for_several_photos_too(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(place)
    assert main(["labels", "red.png", "two.png", "--model", "rgb.onnx", "--threads", "0"]) == 2
    assert "threads 0 is out of range: use 1 to 1024" in capsys.readouterr().err


def test_a_hair_model_is_refused(place: Path, toy_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["labels", str(place / "red.png"), "-m", str(toy_model)]) == 3
    assert "is a hair model: use `hairseg mask`" in capsys.readouterr().err
    assert main(["mask", str(place / "red.png"), "-m", str(place / "rgb.onnx")]) == 3
    assert "use `hairseg labels`" in capsys.readouterr().err
