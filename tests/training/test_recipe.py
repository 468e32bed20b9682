from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hairseg.errors import UsageError
from hairseg.net import NetConfig, build
from hairseg.training.recipe import Recipe, Stage, read_recipe
from hairseg.training.table import from_table

FOLDER = Path(__file__).parents[2] / "recipes"
RECIPES = sorted([*FOLDER.glob("*.toml"), *FOLDER.glob("experiments/*.toml")])


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return path


def test_a_recipe_of_one_line_has_the_defaults_and_the_files_name(tmp_path: Path) -> None:
    recipe = read_recipe(write(tmp_path, "seed = 3\n"))
    assert (recipe.name, recipe.seed, recipe.stages) == ("mine", 3, (Stage(),))


def test_flags_win_over_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, "seed = 3\n[fit]\nsize = 320\n")
    recipe = read_recipe(path, {"seed": 4, "fit.size": 256, "net.bins": [1]})
    assert (recipe.seed, recipe.fit.size, recipe.net.bins) == (4, 256, (1,))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sede = 1", "unknown key 'sede'; did you mean 'seed'"),
        ("[net]\nbackbon = 'x'", "net: unknown key 'backbon'; did you mean 'backbone'"),
        ("zzz = 1", "known are"),
        ("seed = 'one'", "seed is 'one': it must be of type int"),
        ("seed = true", "it must be of type int"),
        ("optimizer = 'adam'", "use one of adamw, sgd"),
        ("stages = [{size = 'big'}]", r"stages\[0\]: size is 'big'"),
        ("stages = 3", "stages must be a list"),
        ("stages = []", "stages is empty"),
        ("stages = [{area = [0, 1]}]", r"area is \[0.*\]: give the smallest and the largest share"),
        ("stages = [{area = [0.4, 2]}]", "area is .* share"),
        ("stages = [{rate = -1}]", "a stage: rate is -1: give a number of 0 or more"),
        ("validate_every = 0", "validate_every is 0: give a number of 1 or more"),
        ("seed = -1", "seed is -1"),
        ("seed = 1764500000000000", "seed is"),
        ("[augment]\nblur_sigma = [0.3, inf]", "blur_sigma is"),
        ("[augment]\nscale = [0.3, inf]", "scale is"),
        ("workers = -1", "workers is -1"),
        ("warmup = -3", "warmup is -3"),
        ("head_rate = -0.1", "head_rate is -0.1"),
        ("weight_decay = -1.0", "weight_decay is -1"),
        ("dice = nan", "dice is nan"),
        ("ema = 2.0", "ema is 2: give a decay from 0"),
        ("[augment]\nflip = 2.0", "augment: flip is 2: give a number from 0 to 1"),
        ("[augment]\njpeg = 1.5", "augment: jpeg is 1.5"),
        ("[augment]\ndegrees = -5.0", "augment: degrees is -5"),
        ("[augment]\naspect = 0.5", "augment: aspect is 0.5: give a number of 1 or more"),
        ("[augment]\nmosaic_area = [0.9, 0.1]", "augment: mosaic_area is"),
        ("[[train]]\ndata = 'folder:x'\nweight = 0.0", "folder:x: weight is 0: give a positive number"),
        ("[fit]\nmultiple = 2000", "fit multiple 2000 is larger than the canvas"),
        (
            "stages = [{size = 64, smallest = 96}]",
            "smallest side is 96 px beside a size of 64: give one up to",
        ),
        ("stages = [{smallest = -32}]", "smallest side is -32 px"),
        ("net = 3", "net must be a table"),
        ("[[stages]]\narea = [0.5]", "area must hold 2 values, not 1"),
        ("[fit]\nmode = 'round'", "use one of area, square"),
        ("[[train]]\nsplit = 'a'", "data"),
        ("seed = ", "not a readable TOML file"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        read_recipe(write(tmp_path, text))
    assert "mine.toml" in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dropout": 2.0}, "dropout is 2"),
        ({"widths": (0, 8)}, r"widths is \[0, 8\]"),
        ({"auxiliary_width": -3}, "auxiliary_width is -3"),
        ({"kernel": 0}, "kernel is 0: give a positive number"),
        ({"kernel": 4}, "kernel is 4: give an odd number"),
    ],
)
def test_networks_that_cannot_be(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        build(NetConfig(**change))


def test_a_missing_recipe(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such recipe"):
        read_recipe(tmp_path / "none.toml")


def test_lists_of_names_stand_beside_the_recipe(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("a.jpg\n")
    recipe = read_recipe(write(tmp_path, "[[train]]\ndata = 'folder:x'\nsplit = 'mine.txt'\n"))
    assert recipe.train[0].split == str(tmp_path / "mine.txt")


def test_plain_values_and_back(recipe: Recipe) -> None:
    import dataclasses

    assert from_table(Recipe, dataclasses.asdict(recipe), "x") == recipe


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_shipped_recipes_describe_networks_that_can_be_built(path: Path) -> None:
    recipe = read_recipe(path)
    assert recipe.name == path.stem
    assert sum(parameter.numel() for parameter in build(recipe.net).parameters()) > 500_000
