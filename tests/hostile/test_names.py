"""Names that a terminal, a browser, a spreadsheet or a plot would act on."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hairseg.models import parse_info
from hairseg.printable import plain_markdown, spreadsheet_safe
from toys import METADATA, write_toy_model, write_toy_scene_model

NAMES = [
    *(b"a\nb", b"esc\x1b[2J\x1b]0;title\x07", "right\u202egpj.exe".encode(), b"latin\xe9", b"tab\tcr\r"),
    *(b"=cmd|' C'!A0", b"@SUM(1)", b"<img src=x onerror=alert(1)>", b"[bold]rich[", b"| `md` $x_{", b'a,b";'),
]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of photos with these names, a folder of data made of them, and models that are called likewise."""
    home = tmp_path_factory.mktemp("names")
    rows = np.zeros((48, 64, 3), np.uint8)
    rows[8:24, 16:48] = (200, 30, 30)
    for folder in ("photos", "data/images", "data/masks", "scenes/images", "scenes/masks"):
        (home / folder).mkdir(parents=True)
    for name in NAMES:
        end = os.fsdecode(name + b".png")
        Image.fromarray(rows).save(home / "photos" / end)
        for data, level in (("data", 255), ("scenes", 1)):
            Image.fromarray(rows).save(home / data / "images" / end)
            Image.fromarray(np.uint8(rows[..., 0] > 0) * np.uint8(level)).save(home / data / "masks" / end)
    (home / "photos" / os.fsdecode(b"broken\x1b[2J\n.png")).write_bytes(b"\x89PNG\r\n\x1a\nno picture")
    classes = ["=1+1", "<b>x</b>|y\nz", "\x1b[2Jz $x"]
    (home / "scenes/classes.csv").write_text('name\n=1+1\n"<b>x</b>|y\nz"\n\x1b[2Jz $x\n')
    write_toy_model(home / "hair.onnx", name="na\x1b[2Jme\n| <b>$x</b>", architecture="\x1b[1m")
    write_toy_scene_model(home / "scene.onnx", classes=classes, name="na\x1b[2Jme\n| <b>$x</b>")
    return home


def hairseg(*words: str | Path) -> subprocess.CompletedProcess[bytes]:
    """What a terminal would get; it must be safe, and free of tracebacks."""
    command = [sys.executable, "-m", "hairseg", *map(str, words)]
    done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False)
    for data in (done.stdout, done.stderr):
        text = data.decode("utf-8")
        assert text.replace("\n", "").isprintable(), repr(text)
        assert "Traceback" not in text, text
    return done


@pytest.mark.parametrize("verb", [["mask"], ["cutout"], ["overlay"], ["recolor", "-c", "red"], ["labels"]])
def test_photos(verb: list[str], photos: Path, tmp_path: Path) -> None:
    model = photos / ("scene.onnx" if verb == ["labels"] else "hair.onnx")
    words = [*verb, photos / "photos", "-m", model, "-o", f"{tmp_path}/"]
    done = hairseg(*words, *(["-v"] if verb != ["labels"] else []))
    assert done.returncode == 1  # of the broken one
    assert rb"broken\x1b[2J\x0a.png is damaged" in done.stderr
    assert len(list(tmp_path.iterdir())) == len(NAMES)
    lines = hairseg(*words, "--json", "--force").stdout.decode("utf-8").splitlines()
    found = [json.loads(line) for line in lines]
    assert len(found) == len(NAMES) + 1
    for line in found:
        line["photo"].encode("utf-8")


@pytest.mark.parametrize(("data", "model"), [("data", "hair.onnx"), ("scenes", "scene.onnx")])
def test_reports(data: str, model: str, photos: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs matplotlib: pip install 'hairseg[evaluate]'")
    words = ["evaluate", "--data", f"folder:{photos / data}", "--split", "", "--model", photos / model]
    done = hairseg(*words, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert b"<b>" not in done.stdout
    assert b"<b>" not in (tmp_path / "report.md").read_bytes()
    json.loads((tmp_path / "report.json").read_text())
    json.loads(hairseg(*words, "--json").stdout)


def test_a_report_of_a_photo_that_is_no_text(photos: Path, tmp_path: Path) -> None:
    """Names as bytes, a formula of a plot among the hairstyles, and all of them in a manifest."""
    pytest.importorskip("matplotlib", reason="needs matplotlib: pip install 'hairseg[evaluate]'")
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
        name = os.fsdecode(b"\xe9.png")
        (tmp_path / folder / name).write_bytes(
            (photos / "data" / folder / os.fsdecode(NAMES[0] + b".png")).read_bytes()
        )
    words = ["evaluate", "--data", f"folder:{tmp_path}", "--split", "", "--model", photos / "hair.onnx"]
    done = hairseg(*words, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert rb"images/\xe9.png" in done.stdout
    (tmp_path / "a.png").write_bytes((tmp_path / "images" / os.fsdecode(b"\xe9.png")).read_bytes())
    (tmp_path / "b.png").write_bytes((tmp_path / "masks" / os.fsdecode(b"\xe9.png")).read_bytes())
    style = "$\\frac{\x1b[2J"
    (tmp_path / "manifest.csv").write_text(f"image,mask,hairstyle\na.png,b.png,{style}\n")
    done = hairseg(*words, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr


def test_metadata_is_printable() -> None:
    entry = {**METADATA, "name": "a\nb", "licence": "\x1b[2J", "data": ["\u202e"], "recipe": "\x07"}
    info = parse_info({"hairseg": json.dumps(entry)}, Path("a.onnx"))
    assert (info.name, info.licence, info.data, info.recipe) == (
        r"a\x0ab", r"\x1b[2J", (r"\u202e",), r"\x07",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a | b", "a / b"),
        ("<img onerror=x>", "&lt;img onerror=x>"),
        ("</b><!-- <?", "&lt;/b>&lt;!-- &lt;?"),
        ("1 < 2", "1 < 2"),
        ("a\nb", r"a\x0ab"),
    ],
)
def test_markdown(text: str, expected: str) -> None:
    assert plain_markdown(text) == expected


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(1)"])
def test_a_spreadsheet_finds_no_formula(name: str) -> None:
    assert spreadsheet_safe(name) == f"./{name}"
    assert spreadsheet_safe(f"a/{name}") == f"a/{name}"


def test_files_of_an_ablation(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs torch: pip install 'hairseg[train]'")
    from hairseg.training.ablate_grid import read_grid
    from hairseg.training.ablate_plot import draw_ablation
    from hairseg.training.ablate_report import summarise
    from hairseg.training.ablate_results import Result, Results, Scored, fingerprint, seeded
    from hairseg.training.ablate_tables import to_markdown, write_report

    path = tmp_path / "grid.toml"
    path.write_text(
        'name = "<b>$x"\n[recipe]\n[variants."=1+1 | <b> $x_{ \\u001b[2J"]\n[variants.b]\nema = 0\n'
        '[score]\ndata = "folder:/photos"\nsplit = "val"\n'
    )
    grid, results = read_grid(path), Results(tmp_path)
    photos = ("=1+1.jpg", os.fsdecode(b"\xe9.jpg"), "a\nb.jpg", "c.jpg")
    for variant in grid.variants:
        config = fingerprint(seeded(variant, 0), grid.score)
        scored = Scored(photos, ("hair",), np.arange(1, 17).reshape(4, 1, 4))
        results.add(variant, Result(variant.label, 0, 0.5, 0.6, 0.7, 4, 3.0, config), scored)
    known = results.pixels(grid.variants[0], 0).photos
    assert known == ("./=1+1.jpg", r"\xe9.jpg", r"a\x0ab.jpg", "c.jpg")
    found = summarise(grid, results, None)
    write_report(found, tmp_path)
    draw_ablation(found, tmp_path / "report.png")
    text = to_markdown(found)
    assert text.replace("\n", "").isprintable()
    assert "<b>" not in text
    with (tmp_path / "report.csv").open() as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "@"))]


def test_what_is_no_photo_of_a_folder(photos: Path, tmp_path: Path) -> None:
    good = next((photos / "photos").glob("a*")).read_bytes()
    (tmp_path / "in/deep").mkdir(parents=True)
    (tmp_path / "in/a.png").write_bytes(good)
    (tmp_path / "in/deep/b.png").write_bytes(good)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/secret.png").write_bytes(good)
    (tmp_path / "in/loop").symlink_to("..", target_is_directory=True)  # followed, this would not end
    (tmp_path / "in/self").symlink_to("self")
    (tmp_path / "in/out").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (tmp_path / "in/linked.png").symlink_to(tmp_path / "elsewhere/secret.png")  # a photo like any other
    (tmp_path / "in/endless.png").symlink_to("/dev/zero")
    (tmp_path / "in/gone.png").symlink_to("nowhere.png")
    os.mkfifo(tmp_path / "in/pipe.png")
    done = hairseg(tmp_path / "in", "-r", "-o", f"{tmp_path}/out/", "-m", photos / "hair.onnx")
    assert done.returncode == 1
    assert b"gone.png does not exist" in done.stderr
    written = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.png"))
    assert written == ["a.hair.png", "deep/b.hair.png", "linked.hair.png"]


LONG = "a" * 300


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["mask", "PHOTO", "-m", f"{LONG}.onnx"], 3),
        ([f"{LONG}.jpg"], 1),
        (["mask", "PHOTO", "-o", f"{LONG}.png"], 1),
        (["evaluate", "--data", f"folder:{LONG}"], 2),
        (["evaluate", "--data", "folder:DATA", "--split", f"{LONG}.txt"], 2),
        (["export", LONG], 1),
        (["convert", f"{LONG}.pth"], 1),
        (["train", f"{LONG}.toml"], 2),
        (["page", LONG, "-m", "MODEL"], 1),
    ],
    ids=lambda words: str(words)[:30],
)
def test_names_that_are_too_long(words: list[str], code: int, photos: Path, tmp_path: Path) -> None:
    if words[0] in ("export", "convert", "train"):
        pytest.importorskip("torch", reason="needs torch: pip install 'hairseg[train]'")
    places = {
        "PHOTO": next((photos / "photos").glob("a*")),
        "DATA": photos / "data",
        "MODEL": photos / "hair.onnx",
    }
    given = [
        word.replace("DATA", str(places["DATA"])) if ":" in word else str(places.get(word, word))
        for word in words
    ]
    done = hairseg(*given)
    if words[0] == "page" and b"hairseg.serve.vendor" in done.stderr:
        pytest.skip(done.stderr.decode().strip())
    assert done.returncode == code, done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
