"""One recipe, from whatever folder it is named."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hairseg.errors import UsageError
from hairseg.training.alike import changed

TRAIN = {"name": "a", "rate": 0.1, "train": [{"data": "folder:/photos", "split": "recipes/splits/few.txt"}]}


def _with_split(split: str) -> dict[str, Any]:
    return {**TRAIN, "train": [{"data": "folder:/photos", "split": split}]}


@pytest.mark.parametrize(
    "split",
    [
        "recipes/splits/few.txt",
        "/home/me/hairseg/recipes/splits/few.txt",
        "../hairseg/recipes/splits/few.txt",
        "splits/few.txt",
        "../splits/few.txt",
        "recipes/experiments/../splits/few.txt",
    ],
)
def test_a_list_beside_the_recipe_is_the_same_from_anywhere(split: str) -> None:
    assert changed(TRAIN, _with_split(split)) == []
    assert changed(_with_split(split), TRAIN) == []


@pytest.mark.parametrize("split", ["recipes/splits/many.txt", "recipes/lists/few.txt", "few", "train"])
def test_another_list_is_not(split: str) -> None:
    assert changed(TRAIN, _with_split(split)) == ["train"]


def test_what_differs_is_named() -> None:
    assert changed(TRAIN, {**TRAIN, "rate": 0.2, "seed": 1}) == ["rate", "seed"]
    assert changed({**TRAIN, "seed": 1}, TRAIN) == ["seed"]
    assert changed(TRAIN, {**TRAIN, "train": TRAIN["train"] * 2}) == ["train"]
    assert changed({"pretrained": "none"}, {"pretrained": "experiments/none.toml"}) == ["pretrained"]
    # Data are folders of one's own: another one holds other photos.
    assert changed({"data": "folder:/photos"}, {"data": "folder:/home/me/photos"}) == ["data"]


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.dictionaries(st.text(), _values))
def test_a_recipe_that_was_written_down_is_the_same(recipe: dict[str, Any]) -> None:
    assert changed(json.loads(json.dumps(recipe)), recipe) == []


def test_a_run_goes_on_from_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    from hairseg.training.recipe import read_recipe
    from hairseg.training.run import Run

    recipes = Path(__file__).parents[2] / "recipes"
    monkeypatch.chdir(recipes.parent)
    near = read_recipe(Path("recipes/hairseg.toml"))
    monkeypatch.chdir(tmp_path)
    far = read_recipe(recipes / "hairseg.toml")
    assert near != far
    assert changed(dataclasses.asdict(near), dataclasses.asdict(far)) == []
    run = Run.at(tmp_path / "run", near)
    assert Run.at(tmp_path / "run", far).folder == run.folder
    with pytest.raises(UsageError, match="holds a run of another recipe"):
        Run.at(tmp_path / "run", dataclasses.replace(far, seed=far.seed + 1))
