from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hairseg.classes import make_classes
from hairseg.cli_evaluate import evaluate
from hairseg.data import open_data
from hairseg.errors import DataError, ModelError, UsageError
from hairseg.evaluation.confusion import Confusion
from hairseg.evaluation.run import run_evaluation
from hairseg.evaluation.scene_protocol import evaluate_scenes
from hairseg.evaluation.scene_run import is_scene_model, run_scene_evaluation
from hairseg.evaluation.scene_sheets import scene_sheet
from hairseg.evaluation.scene_tables import scene_text
from toys import write_toy_scene_model

RGB = make_classes(["red", "green", "blue"], ["#ff0000", "#00ff00", "#0000ff"])


def is_brightest(photo: np.ndarray) -> np.ndarray:
    """Sure of the strongest colour, at the photo's own size."""
    return np.moveaxis(np.eye(3, dtype=np.float32)[photo.argmax(axis=2)], 2, 0)


@pytest.fixture(scope="module")
def rgb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_toy_scene_model(tmp_path_factory.mktemp("rgb") / "rgb.onnx")


@pytest.fixture(scope="module")
def flags(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two photos of red and green, without blue; the second one's truth is half wrong, and a quarter ignored."""
    folder = tmp_path_factory.mktemp("flags")
    for name in ("images", "masks"):
        (folder / name).mkdir()
    photo = np.zeros((40, 64, 3), np.uint8)
    photo[:, :32, 0] = photo[:, 32:, 1] = 220
    truth = np.zeros((40, 64), np.uint8)
    truth[:, 32:] = 1
    Image.fromarray(photo).save(folder / "images" / "a.png")
    Image.fromarray(truth).save(folder / "masks" / "a.png")
    truth[:, :16], truth[:, 48:] = 1, 255
    Image.fromarray(photo).save(folder / "images" / "b.png")
    Image.fromarray(truth).save(folder / "masks" / "b.png")
    (folder / "classes.csv").write_text("name,color\nred,#ff0000\ngreen,#00ff00\nblue,#0000ff\n")
    return folder


def test_the_numbers_by_hand(flags: Path) -> None:
    report = evaluate_scenes(is_brightest, open_data(f"folder:{flags}"), RGB, model="brightest")
    # In units of 40 x 16 pixels: red 2 + 1 right, one green called red, green 2 + 1 right.
    assert (report.confusion.pixels / 640).tolist() == [[3, 0, 0], [1, 3, 0], [0, 0, 0]]
    assert report.confusion.mean_iou == pytest.approx(3 / 4)
    assert report.confusion.accuracy == pytest.approx(6 / 7)
    assert report.confusion.mean_accuracy == pytest.approx((1 + 3 / 4) / 2)
    assert [photo.mean_iou for photo in report.photos] == [1, pytest.approx((1 / 2 + 1 / 2) / 2)]
    # One third of the second photo is surely wrong: -log(1e-7) there.
    assert report.loss == pytest.approx(16.118 / 3 / 2, rel=1e-3)
    chance = report.interval
    assert (chance.low, chance.high) == (pytest.approx(0.5), 1)
    text = scene_text(report)
    assert "| **0.7500** | 0.5000 to 1.0000 | 0.8571" in text
    assert "| 2     | blue  | 0.00%               | -      | -        |" in text
    values = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert values["scores"]["iou"] == 0.75
    assert values["classes"][1] == {
        "name": "green", "color": "#00ff00", "iou": 0.75, "accuracy": 0.75, "pixels": 2560,
    }  # fmt: skip
    assert values["classes"][2]["iou"] is None


def test_evaluate_takes_the_way_of_an_exported_file(
    rgb: Path, flags: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    evaluate(data=f"folder:{flags}", split="", model=str(rgb), out=out, threads=1, as_json=True)
    values = json.loads(capsys.readouterr().out)
    assert (values["protocol"], values["model"], values["cost"]["threads"]) == ("scene-native", "rgb", 1)
    assert values["scores"]["iou"] == pytest.approx(0.75, abs=0.03)
    assert json.loads((out / "report.json").read_text()) == values
    assert "mIoU" in (out / "report.md").read_text()
    for name in ("best", "failures"):
        with Image.open(out / f"{name}.png") as picture:
            picture.load()
    evaluate(data=f"folder:{flags}", split="", model=str(rgb), threads=1)
    assert "mean class accuracy" in capsys.readouterr().out


def test_a_sheet_shows_photo_truth_prediction_and_legend(flags: Path) -> None:
    items = open_data(f"folder:{flags}").items
    sheet = scene_sheet(items, is_brightest, RGB, across=1, tile=64)
    assert sheet.width == 3 * (64 + 6) + 6
    colors = {color for _, color in sheet.getcolors(1 << 20) or ()}
    tinted = (round(0.4 * 220 + 0.6 * 255), 0, 0)
    assert {tinted, (255, 0, 0), (0, 255, 0), (0, 0, 255)} <= colors


def test_a_checkpoint_of_a_training_is_evaluated(
    flags: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from hairseg.classes import to_plain
    from hairseg.fit import Fit
    from hairseg.net import NetConfig, build
    from hairseg.training.checkpoint import write_weights
    from hairseg.training.predict import parser
    from hairseg.training.recipe import Recipe

    net = build(NetConfig(backbone="test_efficientnet", decoder="fine", widths=(8,) * 5, classes=3)).eval()
    recipe = Recipe(
        name="tiny",
        net=NetConfig(backbone="test_efficientnet", decoder="fine", widths=(8,) * 5, classes=3),
        fit=Fit("area", 64),
    )
    write_weights(tmp_path / "best.safetensors", net, recipe, **to_plain(RGB))
    report = run_scene_evaluation(f"folder:{flags}", "", str(tmp_path), as_json=True)
    assert json.loads(capsys.readouterr().out)["classes"][0]["name"] == "red"
    data = open_data(f"folder:{flags}")
    again = evaluate_scenes(parser(net, recipe.fit), data, RGB)
    assert again.confusion.pixels.tolist() == report.confusion.pixels.tolist()
    assert report.cost.parameters == sum(parameter.numel() for parameter in net.parameters())
    hair = Recipe(name="hair", net=NetConfig(backbone="test_efficientnet", decoder="fine", widths=(8,) * 5))
    write_weights(tmp_path / "hair.safetensors", build(hair.net), hair)
    with pytest.raises(
        UsageError, match=r"hair\.safetensors is a checkpoint of a hair network: `hairseg export`"
    ):
        run_scene_evaluation(f"folder:{flags}", "", str(tmp_path / "hair.safetensors"))
    with pytest.raises(UsageError, match="is a checkpoint of a hair network"):
        is_scene_model(str(tmp_path / "hair.safetensors"))
    with pytest.raises(UsageError, match="threads 0 is out of range"):
        run_scene_evaluation(f"folder:{flags}", "", str(tmp_path), threads=0)


def test_which_models_are_of_scenes(
    rgb: Path, toy_model: Path, packaged_toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert is_scene_model(str(rgb))
    assert is_scene_model(str(tmp_path))
    assert not is_scene_model(None)
    assert not is_scene_model(str(toy_model))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hairseg-int8").mkdir()
    assert not is_scene_model("hairseg-int8")  # a packaged model, whatever folders there are
    with pytest.raises(ModelError, match="no such checkpoint"):
        run_scene_evaluation("folder:x", "", str(tmp_path))


def test_mistakes(rgb: Path, toy_model: Path, flags: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--legacy, --threshold and --negatives are for hair"):
        evaluate(data=f"folder:{flags}", model=str(rgb), threshold=0.3)
    with pytest.raises(DataError, match=r"holds masks of 3 classes .*, but the network tells 1 apart"):
        run_evaluation(f"folder:{flags}", "", str(toy_model), negatives="none")
    other = write_toy_scene_model(tmp_path / "bgr.onnx", classes=["blue", "green", "red"])
    with pytest.raises(DataError, match="class 0 is 'blue' for the model and 'red' in flags"):
        run_scene_evaluation(f"folder:{flags}", "", str(other))


def test_a_photo_of_ignored_pixels_changes_nothing(flags: Path, tmp_path: Path) -> None:
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
        for photo in (flags / name).iterdir():
            (tmp_path / name / photo.name).write_bytes(photo.read_bytes())
    Image.new("RGB", (9, 9)).save(tmp_path / "images" / "c.png")
    Image.new("L", (9, 9), 255).save(tmp_path / "masks" / "c.png")
    more = evaluate_scenes(is_brightest, open_data(f"folder:{tmp_path}", classes=3), RGB)
    fewer = evaluate_scenes(is_brightest, open_data(f"folder:{flags}"), RGB)
    assert isinstance(more.confusion, Confusion)
    assert more.confusion.pixels.tolist() == fewer.confusion.pixels.tolist()
    assert more.photos[2].loss == 0
