from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torchvision.models import squeezenet1_1

from hairseg.__main__ import main
from hairseg.net import load

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    """The seed's upstream network in its own names, one class, random."""
    torch.manual_seed(0)
    features = squeezenet1_1().features
    stages = {"feature1": (0, 2), "feature2": (2, 5), "feature3": (5, 8), "feature4": (8, 13)}
    state = {
        f"base_network.{name}.{index}.{key}": value
        for name, (first, last) in stages.items()
        for index in range(first, last)
        for key, value in features[index].state_dict().items()
    }
    for level in range(4):
        state[f"psp.pooling_layers.{level}.1.weight"] = torch.randn(128, 512, 1, 1) / 20
        state[f"psp.pooling_layers.{level}.1.bias"] = torch.zeros(128)
    for block, inside, outside in (("up_1", 1024, 256), ("up_2", 256, 64), ("up_3", 64, 64)):
        state[f"{block}.conv.0.weight"] = torch.randn(outside, inside, 3, 3) / 50
        for part, value in (("weight", 1.0), ("bias", 0.0), ("running_mean", 0.0), ("running_var", 1.0)):
            state[f"{block}.conv.1.{part}"] = torch.full((outside,), value)
    state["final.0.weight"], state["final.0.bias"] = torch.randn(1, 64, 1, 1), torch.zeros(1)
    return state


@pytest.fixture
def file(weights: dict[str, torch.Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """seed.pth in the working folder."""
    monkeypatch.chdir(tmp_path)
    torch.save({"weight": weights}, "seed.pth")
    return tmp_path / "seed.pth"


def test_convert(file: Path, capsys: Capture) -> None:
    assert main(["convert", "seed.pth"]) == 0
    out, err = capsys.readouterr()
    assert out == (
        "seed.pth: seed, squeezenet1_1, pyramid 1-2-3-6, 1 class, without auxiliary head, "
        "3,529,985 parameters -> seed.safetensors\n"
    )
    assert err == ""
    assert load(file.with_suffix(".safetensors"))(torch.zeros(1, 3, 50, 70)).shape == (1, 1, 50, 70)
    assert sorted(path.name for path in file.parent.iterdir()) == ["seed.pth", "seed.safetensors"]


def test_an_existing_file_is_kept(file: Path, capsys: Capture) -> None:
    target = file.with_name("mine.safetensors")
    target.write_bytes(b"mine")
    assert main(["convert", "seed.pth", "-o", "mine.safetensors"]) == 0
    out, err = capsys.readouterr()
    assert (out, target.read_bytes()) == ("", b"mine")
    assert "mine.safetensors exists and is kept: use --force to replace it" in err
    assert main(["convert", "seed.pth", "-o", "mine.safetensors", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "kept"
    assert main(["convert", "seed.pth", "-o", "mine.safetensors", "--force", "--json"]) == 0
    line = json.loads(capsys.readouterr().out)
    assert (line["status"], line["preset"], line["backbone"], line["classes"]) == (
        "done",
        "seed",
        "squeezenet1_1",
        1,
    )
    assert target.stat().st_size > 1_000_000


def test_what_is_left_out_is_said(file: Path, weights: dict[str, torch.Tensor], capsys: Capture) -> None:
    torch.save(
        {f"module.{key}": value for key, value in weights.items()}
        | {"module.classifier.0.bias": torch.ones(1)},
        file,
    )
    assert main(["convert", "seed.pth", "-o", "new/seed.safetensors"]) == 0
    assert "left out, since they give no logits: classifier" in capsys.readouterr().err
    assert main(["convert", "seed.pth", "-o", "new/quiet.safetensors", "-q"]) == 0
    assert capsys.readouterr().err == ""


def test_fields_that_no_tensor_shows(file: Path, capsys: Capture) -> None:
    assert main(["convert", "seed.pth", "--json", "--bins", "[1, 2, 4, 8]", "--align-corners", "true"]) == 0
    assert json.loads(capsys.readouterr().out)["bins"] == [1, 2, 4, 8]
    assert load("seed.safetensors").pyramid.align_corners is True


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["-o", "seed.pt"], 2, "seed.pt: a converted file ends in .safetensors"),
        (["--bin", "3"], 2, "unknown key 'bin'; did you mean 'bins'"),
        (["--bins", "3"], 2, "bins must be a list"),
        (["--classes", "3"], 2, "classes is seen in the file"),
        (["--align-corners"], 2, "--align-corners needs a value"),
        (["-o", "seed.pth/seed.safetensors"], 1, "cannot be written"),
    ],
)
def test_wrong_use(file: Path, arguments: list[str], code: int, message: str, capsys: Capture) -> None:
    assert main(["convert", "seed.pth", *arguments]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.count("\n") == 1
    assert [path.name for path in file.parent.iterdir()] == ["seed.pth"]


def test_what_does_not_fit(file: Path, weights: dict[str, torch.Tensor], capsys: Capture) -> None:
    torch.save({**weights, "up_2.conv.0.weight": torch.ones(64, 255, 3, 3)}, file)
    assert main(["convert", "seed.pth"]) == 3
    err = capsys.readouterr().err
    assert "up_2.conv.0.weight is (64, 255, 3, 3), not (64, 256, 3, 3)" in err
    assert "Traceback" not in err
    assert [path.name for path in file.parent.iterdir()] == ["seed.pth"]


def test_its_own_result(file: Path, capsys: Capture) -> None:
    assert main(["convert", "seed.safetensors"]) == 2
    assert "would be its own result: name another file with -o" in capsys.readouterr().err


def test_a_converted_file_has_no_photos_to_calibrate_on(file: Path, capsys: Capture) -> None:
    assert main(["convert", "seed.pth", "-q"]) == 0
    assert main(["export", "seed.safetensors", "--weights", "int8"]) == 2
    assert "names no photos to calibrate int8 on: use float32 or float16" in capsys.readouterr().err
