from __future__ import annotations

import json
from pathlib import Path

import pytest

from hairseg.cli_cost import cost
from hairseg.errors import UsageError

RECIPES = Path(__file__).parents[1] / "recipes"


def test_cost_as_json_and_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert cost(RECIPES / "fcn_squeezenet1_1.toml", size=64, as_json=True) == 0
    parts = json.loads(capsys.readouterr().out)
    assert parts["total"]["parameters"] == sum(
        parts[name]["parameters"] for name in ("backbone", "decoder", "head")
    )
    cost(RECIPES / "fcn_squeezenet1_1.toml", size=64)
    assert f"{parts['total']['parameters']:,}" in capsys.readouterr().out


def test_cost_of_a_preset_at_the_papers_crop(capsys: pytest.CaptureFixture[str]) -> None:
    cost(preset="paper", backbone="resnet18", classes=3, as_json=True)
    parts = json.loads(capsys.readouterr().out)
    assert (parts["name"], parts["size"]) == ("paper", 473)
    assert parts["head"]["parameters"] == 3 * (512 + 1)
    assert parts["auxiliary"]["multiply_adds"] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "give a recipe or --preset"),
        ({"recipe": RECIPES / "hairseg.toml", "preset": "paper"}, "one of them"),
        ({"recipe": RECIPES / "hairseg.toml", "classes": 3}, "--classes goes with --preset"),
        ({"preset": "papr"}, "did you mean 'paper'"),
        ({"preset": "seed", "size": 8}, "seed: squeezenet1_1 takes no photos of 8 x 8 pixels"),
        ({"preset": "seed", "backbone": "vit_tiny_patch16_224"}, "takes no photos of 473 x 473 pixels"),
    ],
)
def test_wrong_uses(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        cost(**arguments)  # type: ignore[arg-type]
