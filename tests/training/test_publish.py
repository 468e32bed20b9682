from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

from hairseg.__main__ import main
from hairseg.errors import UsageError
from hairseg.fit import Fit
from hairseg.models import read_info
from hairseg.net import NetConfig, build
from hairseg.net.cost import cost
from hairseg.training import publish as publish_module
from hairseg.training.card import _chosen
from hairseg.training.checkpoint import write_weights
from hairseg.training.export import data_names
from hairseg.training.publish import publish
from hairseg.training.recipe import Distil, Recipe, Source


@pytest.fixture
def figaro(tmp_path: Path) -> Path:
    """A Figaro-1k of three photos."""
    folder = tmp_path / "data" / "figaro1k"
    rows = ["split,image,mask,hairstyle,tags"]
    generator = np.random.default_rng(0)
    for split, number in (("test", 10), ("test", 13), ("train", 1)):
        for kind, pixels in (
            ("images", generator.integers(0, 255, (80, 64, 3), np.uint8)),
            ("masks", np.repeat(np.uint8([[0], [255]]), 40, axis=0).repeat(64, axis=1)),
        ):
            (folder / split / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(folder / split / kind / f"Frame{number:05d}.png")
        names = [f"{split}/{kind}/Frame{number:05d}.png" for kind in ("images", "masks")]
        rows.append(f"{split},{names[0]},{names[1]},wavy,")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n")
    (folder / "splits").mkdir()
    (folder / "splits" / "val84.txt").write_text("train/images/Frame00001.png\n")
    return folder.parent


@pytest.fixture
def run(recipe: Recipe, tmp_path: Path) -> Path:
    """The folder of a training run called "mine"."""
    folder = tmp_path / "run"
    folder.mkdir()
    mine = dataclasses.replace(recipe, name="mine")
    write_weights(folder / "best.safetensors", build(mine.net).eval(), mine)
    return folder


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A folder for packaged models, empty yet."""
    folder = tmp_path / "models"
    folder.mkdir()
    return folder


def test_a_published_model_is_measured_described_and_checked(run: Path, models: Path, figaro: Path) -> None:
    path = publish(run / "best.safetensors", models, figaro, report=lambda line: None)

    assert path == models / "mine.onnx"
    info = read_info(path)
    assert set(info.scores) == {"figaro1k:test", "figaro1k:val84"}
    assert {"iou", "f1", "accuracy", "boundary_f", "iou_wavy"} <= set(info.scores["figaro1k:test"])
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    assert (models / "SHA256SUMS").read_text() == f"{checksum}  mine.onnx\n"
    card = (models / "mine.md").read_text()
    assert checksum in card
    assert f"{info.scores['figaro1k:test']['iou']:.4f}" in card
    assert "non-commercial" in card
    assert "over five sizes and 1 of `val84`'s photos" in card
    assert "at most, on these photos." in card
    assert {"sideways_difference", "crowd_difference"} <= set(info.scores["figaro1k:test"])
    assert "grey_difference" in info.scores["figaro1k:val84"]
    assert "crowd_difference" not in info.scores["figaro1k:val84"]
    report = json.loads((run / "report-figaro1k-test.json").read_text())
    assert len(report["photos"]) == 2
    assert not [path.name for path in models.iterdir() if path.name.startswith(".")]


def test_a_threshold_that_was_chosen_is_measured_stored_and_said(
    run: Path, models: Path, figaro: Path
) -> None:
    path = publish(
        run / "best.safetensors", models, figaro, others=False, report=lambda line: None, threshold=0.25
    )
    info = read_info(path)
    assert info.threshold == 0.25
    card = (models / "mine.md").read_text()
    assert "The threshold of 0.25 was given. The checkpoint is the best of its training" in card
    assert "hairseg publish runs/<date>-mine --threshold 0.25\n" in card
    report = json.loads((run / "report-figaro1k-test.json").read_text())
    assert report["threshold"] == 0.25


def test_what_was_chosen_on_figaro_is_said_of_figaro_alone(run: Path, models: Path, figaro: Path) -> None:
    path = publish(run / "best.safetensors", models, figaro, others=False, report=lambda line: None)
    own = read_info(path)  # trained on photos of one's own
    assert "val84" not in _chosen(own)
    on_figaro = dataclasses.replace(own, data=("figaro1k:train756",))
    assert "chosen on `val84` by training on `train756`, and nothing on the test photos" in _chosen(on_figaro)
    moved = dataclasses.replace(on_figaro, threshold=0.25)
    assert "The checkpoint and the threshold of 0.25 were chosen on `val84`" in _chosen(moved)
    assert "nothing on the test photos" not in _chosen(moved)


def test_a_share_of_the_colours_is_measured_stored_and_said(run: Path, models: Path, figaro: Path) -> None:
    checkpoint = run / "best.safetensors"
    plain = read_info(publish(checkpoint, models, figaro, others=False, report=lambda line: None))
    path = publish(checkpoint, models, figaro, others=False, report=lambda line: None, color_share=0.5)
    info = read_info(path)
    assert (plain.color_share, info.color_share) == (0, 0.5)
    card = (models / "mine.md").read_text()
    assert "takes 50 % of a pixel's probability near the border from the photo's own colours" in card
    assert "The checkpoint is the best of its training on what the recipe names under `[[validate]]`" in card
    assert "hairseg publish runs/<date>-mine --color-share 0.5\n" in card


def test_how_far_small_photos_are_enlarged_is_stored_and_said(
    recipe: Recipe, run: Path, models: Path, figaro: Path
) -> None:
    limited = dataclasses.replace(recipe, name="mine", fit=dataclasses.replace(recipe.fit, enlarge=0.25))
    write_weights(run / "best.safetensors", build(limited.net).eval(), limited)
    path = publish(run / "best.safetensors", models, figaro, others=False, report=lambda line: None)
    assert read_info(path).fit == limited.fit
    assert (
        "proportions, or s^0.75 x 64^0.25 for a photo that has the area" in (models / "mine.md").read_text()
    )


def test_a_refit_on_all_photos_has_no_score_on_those_that_it_saw(
    recipe: Recipe, run: Path, models: Path, figaro: Path
) -> None:
    every = dataclasses.replace(
        recipe, name="mine", train=(Source(f"figaro1k:{figaro / 'figaro1k'}", "train"),), validate=()
    )
    write_weights(run / "best.safetensors", build(every.net).eval(), every)
    path = publish(run / "best.safetensors", models, figaro, report=lambda line: None, threshold=0.6)
    assert set(read_info(path).scores) == {"figaro1k:test"}
    card = (models / "mine.md").read_text()
    assert "A refit on all of Figaro-1k's training photos" in card
    assert "the threshold of 0.6 were chosen before, on `val84`, by the same training on `train756`" in card
    assert "figaro1k:val84" not in card


@pytest.mark.parametrize("colours", ["1.5", "-0.5", "nan"])
def test_a_share_of_the_colours_is_a_share(
    colours: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["publish", str(tmp_path), "--color-share", colours]) == 2
    assert "is out of range: use a number from 0 to 1" in capsys.readouterr().err


def test_a_card_shows_the_training_and_the_worst_photos(run: Path, models: Path, figaro: Path) -> None:
    lines: list[dict[str, object]] = [{"epoch": 1, "size": 64, "loss": 0.75, "seconds": 1.0}]
    for epoch in range(2, 32):
        scores = {"iou": epoch / 100, "f1": 0.0, "accuracy": 0.0, "validation_loss": 1 / epoch}
        lines.append({"epoch": epoch, "size": 96, "loss": 0.25, "seconds": 1.0, **scores})
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    path = publish(run / "best.safetensors", models, figaro, others=False, report=lambda line: None)
    card = (models / "mine.md").read_text()
    # 30 epochs were validated: every third, and the last one whatever their number.
    shown = [line.split()[1] for line in card.splitlines() if " of 31 " in line]
    assert shown == [str(epoch) for epoch in range(4, 32, 3)]
    assert [cell.strip() for cell in card.split("| 31 of 31 ")[1].splitlines()[0].split("|")[1:-1]] == [
        "96 px",
        "0.2500",
        "0.0323",
        "0.3100",
    ]
    _, worst = card.split("| the worst photos ")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in worst.splitlines()[2:4]]
    assert {row[0] for row in rows} == {f"test/images/Frame{number:05d}.png" for number in (10, 13)}
    assert [row[1] for row in rows] == ["wavy", "wavy"]
    assert float(rows[0][2]) <= float(rows[1][2])
    assert min(float(row[2]) for row in rows) == pytest.approx(
        read_info(path).scores["figaro1k:test"]["per_photo_worst"], abs=1e-4
    )
    for _, _, iou, invented, missed in rows:
        total = 100 * float(iou) + float(invented.rstrip("%")) + float(missed.rstrip("%"))
        assert total == pytest.approx(100, abs=0.2)


@pytest.mark.parametrize(
    ("teachers", "sizes", "said"),
    [
        (
            ("/somewhere/one.toml", "two.onnx"),
            (96, 128),
            "learned what `one.toml` and `two.onnx` say of its training photos, on canvases of 96 and 128 px",
        ),
        (("/somewhere/one.toml",), (), "learned what `one.toml` says of its training photos"),
    ],
    ids=["two", "one"],
)
def test_a_card_names_the_teachers(
    recipe: Recipe,
    tmp_path: Path,
    models: Path,
    figaro: Path,
    teachers: tuple[str, ...],
    sizes: tuple[int, ...],
    said: str,
) -> None:
    distil = Distil(teachers, 0.6, sizes)
    taught = dataclasses.replace(recipe, name="mine", distil=distil, pretrained="first.toml")
    write_weights(tmp_path / "best.safetensors", build(taught.net).eval(), taught)
    publish(tmp_path / "best.safetensors", models, figaro, others=False, report=lambda line: None)
    card = (models / "mine.md").read_text()
    assert f"{said}, to 60 %." in card
    assert "Started from `first.toml`" in card
    assert "somewhere" not in card


@pytest.mark.parametrize(
    ("keep_of", "said"),
    [
        ("", "- 25 % of every weight are those of what it started from."),
        ("/somewhere/other.toml", "- 25 % of every weight are those of `other.toml`."),
    ],
    ids=["start", "other"],
)
def test_a_card_says_what_learned_and_what_is_kept(
    recipe: Recipe, tmp_path: Path, models: Path, figaro: Path, keep_of: str, said: str
) -> None:
    parts = ("pyramid", "decoder.reduce")
    mixed = dataclasses.replace(
        recipe, name="mine", pretrained="first.toml", keep=0.25, keep_of=keep_of, trainable=parts
    )
    write_weights(tmp_path / "best.safetensors", build(mixed.net).eval(), mixed)
    publish(tmp_path / "best.safetensors", models, figaro, others=False, report=lambda line: None)
    card = (models / "mine.md").read_text()
    assert f"- Of it `pyramid`, `decoder.reduce` learned; the rest is what it started from.\n{said}\n" in card
    assert "somewhere" not in card


def test_a_card_says_that_channels_were_left_out(
    recipe: Recipe, tmp_path: Path, models: Path, figaro: Path
) -> None:
    net = NetConfig(
        backbone="tf_efficientnet_lite0",
        backbone_stages=2,
        backbone_hidden=(24, 80, 128),
        bins=(1, 2),
        decoder="fine",
        widths=(8, 8),
    )
    narrow = dataclasses.replace(recipe, name="mine", net=net, pretrained="wide.toml")
    write_weights(tmp_path / "best.safetensors", build(net).eval(), narrow)
    publish(tmp_path / "best.safetensors", models, figaro, others=False, report=lambda line: None)
    said = "- Inside the backbone's blocks it has fewer channels than what it started from: those that"
    assert said in (card := (models / "mine.md").read_text())
    assert "Of every view it learned" not in card
    assert read_info(models / "mine.onnx").parameters == cost(build(net), 64, 64)[-1].parameters
    imitating = dataclasses.replace(narrow, distil=Distil(imitate=0.75, features=1.0))
    write_weights(tmp_path / "best.safetensors", build(net).eval(), imitating)
    publish(tmp_path / "best.safetensors", models, figaro, others=False, report=lambda line: None)
    learned = (
        "- Of every view it learned what that one says of it, and what its parts hand on, to 75 % of the cross-entropy's "
        "target; masks have the rest."
    )
    assert learned in (models / "mine.md").read_text()
    other = dataclasses.replace(
        narrow, distil=Distil(imitate=1.0, imitate_of="recipes/large.toml", reduce=1.5)
    )
    write_weights(tmp_path / "best.safetensors", build(net).eval(), other)
    publish(tmp_path / "best.safetensors", models, figaro, others=False, report=lambda line: None)
    learned = (
        "- Of every view it learned what `large.toml` says of it, 1.5 times as large, to 100 % of the cross-"
    )
    assert learned in (models / "mine.md").read_text()
    wide = dataclasses.replace(narrow, net=dataclasses.replace(net, backbone_hidden=()))
    write_weights(tmp_path / "best.safetensors", build(wide.net).eval(), wide)
    publish(tmp_path / "best.safetensors", models, figaro, others=False, report=lambda line: None)
    assert said not in (models / "mine.md").read_text()


def test_an_exported_model_is_measured_again(
    recipe: Recipe,
    run: Path,
    models: Path,
    figaro: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quiet = {"others": False, "report": lambda line: None}
    told = {"epoch": 1, "size": 96, "loss": 0.25, "iou": 0.5, "validation_loss": 0.75}
    (run / "metrics.jsonl").write_text(json.dumps(told) + "\n")
    path = publish(run / "best.safetensors", models, figaro, threshold=0.25, color_share=0.5, **quiet)
    before = onnx.load(str(path))
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "mine.toml").write_text(
        f"""
        [fit]
        size = 96
        enlarge = 0.5
        [[train]]
        data = "figaro1k:{figaro / "figaro1k"}"
        split = "train"
        """
    )
    monkeypatch.chdir(tmp_path)
    old_card = path.with_suffix(".md")
    training = old_card.read_text().partition("\n## Training\n")[2].partition("\n## ")[0]
    assert "| epoch" in training
    old_card.write_text(old_card.read_text().replace(training, f"{training}\nA person added this.\n"))
    again = publish(path, models, figaro, weights="same", **quiet)
    assert again == path
    info = read_info(path)
    assert info.fit == Fit("area", 96, 32, 0.5)
    its_recipes = cost(build(NetConfig()), 96, 96)[-1]
    assert info.multiply_adds == its_recipes.multiply_adds
    assert (info.threshold, info.color_share, info.data) == (0.25, 0.5, tuple(data_names(recipe)))
    assert onnx.load(str(path)).graph == before.graph
    card = (models / "mine.md").read_text()
    assert f"\n## Training\n{training}\nA person added this.\n\n## Make it again\n" in card
    assert f"{info.scores['figaro1k:test']['iou']:.4f}" in card
    assert hashlib.sha256(path.read_bytes()).hexdigest() in card
    assert "proportions, or s^0.5 x 96^0.5 for a photo that has the area" in card


def test_the_same_weights_are_those_of_an_exported_model_alone(
    run: Path, models: Path, figaro: Path, tmp_path: Path
) -> None:
    checkpoint = run / "best.safetensors"
    with pytest.raises(UsageError, match="--weights same is for an exported model"):
        publish(checkpoint, models, figaro, weights="same", report=lambda line: None)
    assert not list(models.iterdir())
    path = publish(checkpoint, models, figaro, others=False, report=lambda line: None)
    for weights, threshold in (("float16", None), ("same", 0.6)):
        with pytest.raises(UsageError, match="use --weights int8 or --weights same, alone"):
            publish(path, models, figaro, weights=weights, threshold=threshold, report=lambda line: None)


@pytest.mark.parametrize("threshold", ["0", "1", "-0.5", "nan"])
def test_a_threshold_is_a_probability(
    threshold: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["publish", str(tmp_path), "--threshold", threshold]) == 2
    assert "is out of range: use a number above 0 and below 1" in capsys.readouterr().err


def test_publishing_needs_figaro(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no figaro1k"):
        publish_module.measured_on(tmp_path)
