from __future__ import annotations

from pathlib import Path

import pytest

from hairseg.errors import UsageError
from hairseg.training.ablate_grid import read_grid

GRIDS = Path(__file__).parents[2] / "recipes" / "ablations"
RECIPE = "[recipe]\nhead_rate = 0.1\n"


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return path


def test_single_variants_come_first_then_the_product(tmp_path: Path) -> None:
    grid = read_grid(
        write(
            tmp_path,
            RECIPE
            + """
            [set]
            net.pyramid_norm = true
            [variants.none]
            net.bins = []
            [axes.bins]
            B1 = { net.bins = [1] }
            B12 = { net.bins = [1, 2] }
            [axes.pooling]
            average = {}
            max = { net.pooling = "max" }
            """,
        )
    )
    assert [variant.label for variant in grid.variants] == [
        "none", "B1 average", "B1 max", "B12 average", "B12 max"
    ]  # fmt: skip
    assert [variant.place for variant in grid.variants[:2]] == [(), ("B1", "average")]
    nets = [variant.recipe.net for variant in grid.variants]
    assert [(net.bins, net.pooling) for net in nets] == [
        ((), "average"), ((1,), "average"), ((1,), "max"), ((1, 2), "average"), ((1, 2), "max")
    ]  # fmt: skip
    assert all(net.pyramid_norm for net in nets)
    assert all(variant.recipe.head_rate == 0.1 for variant in grid.variants)
    assert (grid.name, grid.reference) == ("mine", "none")
    assert grid.axes == {"bins": ("B1", "B12"), "pooling": ("average", "max")}


def test_a_recipe_beside_the_grid_is_scored_on_its_own_validation_photos(tmp_path: Path) -> None:
    (tmp_path / "base.toml").write_text("[[validate]]\ndata = 'folder:here'\nsplit = 'some'\n")
    grid = read_grid(write(tmp_path, "recipe = 'base.toml'\n[variants]\na = {}\nb = { ema = 0 }\n"))
    assert [(source.data, source.split) for source in grid.score] == [("folder:here", "some")]
    assert all(variant.recipe.validate == () for variant in grid.variants)


def test_the_grid_may_name_other_photos_by_a_list_beside_it(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("a.png\n")
    text = "score = { data = 'folder:there', split = 'list.txt' }\n" + RECIPE + "[variants]\na = {}\n"
    (source,) = read_grid(write(tmp_path, text)).score
    assert (source.data, source.split) == ("folder:there", str(tmp_path / "list.txt"))


def test_variants_win_over_flags_and_flags_over_the_set(tmp_path: Path) -> None:
    text = RECIPE + "[set]\nfit.size = 96\nwarmup = 3\n[variants]\na = {}\nb = { warmup = 5 }\n"
    grid = read_grid(write(tmp_path, text), {"fit.size": 128, "warmup": 4})
    assert [variant.recipe.fit.size for variant in grid.variants] == [128, 128]
    assert [variant.recipe.warmup for variant in grid.variants] == [4, 5]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[variants]\na = {}", "no recipe: give the path"),
        ("recipe = 'none.toml'", "none.toml: no such recipe"),
        ("varients = 1", "unknown key 'varients'; did you mean 'variants'"),
        ("[recipe]\nsede = 1", "unknown key 'sede'; did you mean 'seed'"),
        (RECIPE, "no variants: add"),
        (RECIPE + "[set]\nnet.bin = [1]\n[variants]\na = {}", "set: net: unknown key 'bin'; did you mean 'bins'"),
        (RECIPE + "[variants]\na = { emma = 1 }", "variant 'a': unknown key 'emma'; did you mean 'ema'"),
        (RECIPE + "[variants]\na = { ema = 'x' }", "variant 'a': ema is 'x'"),
        (RECIPE + "[variants]\na = 3", "variants.a must be a table"),
        (RECIPE + "[variants]\na = { seed = 3 }", "'seed' is not for a grid: say how many with --seeds"),
        (RECIPE + "[set]\nvalidate = []\n[variants]\na = {}", "say under .score. which photos"),
        (RECIPE + "[variants]\na = { stages.epochs = 3 }\n[[recipe.stages]]", "give 'stages' as a whole"),
        (RECIPE + "[variants]\na = {}\nb = { warmup = 100 }", "'a' and 'b' are the same recipe"),
        (RECIPE + "[variants]\nx = {}\n[axes.y]\nx = { ema = 0 }", "two variants are called 'x'"),
        (RECIPE + "[variants]\n'a b' = {}\n'a-b' = { ema = 0 }", "would share a folder"),
        (RECIPE + "[variants]\na = {}\na = {}", "not a readable TOML file"),
        (RECIPE + "[axes.x]\na = { ema = 0 }\n[axes.y]\nb = { ema = 0.5 }", "both set 'ema'"),
        (RECIPE + "[axes.x]\n", "axes.x is empty"),
        (RECIPE + "[variants]\na = {}\nb = { net.classes = 3 }", "1 and 3 classes apart"),
        ("reference = 'B123'\n" + RECIPE + "[variants]\nB1236 = {}", "'B123' is no variant; did you mean 'B1236'"),
        ("score = { splt = 'x' }\n" + RECIPE + "[variants]\na = {}", "unknown key 'splt'; did you mean 'split'"),
        (RECIPE + "validate = []\n[variants]\na = {}", "no photos to score"),
        ("name = ''\n" + RECIPE + "[variants]\na = {}", "name is ''"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        read_grid(write(tmp_path, text))
    assert str(caught.value).startswith(str(tmp_path))
    assert "\n" not in str(caught.value) or "TOML" in message


def test_a_missing_grid(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such grid"):
        read_grid(tmp_path / "none.toml")


@pytest.mark.parametrize(("name", "variants"), [("pooling", 9), ("auxiliary", 5), ("stride", 4)])
def test_shipped_grids(name: str, variants: int) -> None:
    grid = read_grid(GRIDS / f"{name}.toml")
    assert (grid.name, len(grid.variants)) == (name, variants)
    assert [source.split for source in grid.score] == ["val84"]


def test_the_pooling_grid_is_the_papers_table() -> None:
    grid = read_grid(GRIDS / "pooling.toml")
    nets = [variant.recipe.net for variant in grid.variants]
    assert {(net.bins, net.pooling, net.reduction) for net in nets[1:]} == {
        (bins, pooling, reduction)
        for bins in ((1,), (1, 2, 3, 6))
        for pooling in ("average", "max")
        for reduction in (True, False)
    }
    assert nets[0].bins == ()


def test_the_auxiliary_grid_has_the_papers_weights() -> None:
    grid = read_grid(GRIDS / "auxiliary.toml")
    assert [variant.recipe.auxiliary_weight for variant in grid.variants] == [0, 0.3, 0.4, 0.6, 0.9]
