"""A grid: one recipe, and the variants of it that an ablation compares.

recipe = "../pspnet_squeezenet1_1.toml"   # or the keys of a recipe under [recipe]
reference = "none"                        # which variant the others are compared with; the first by default

[set]                                     # on top of the recipe, for all variants
net.decoder = "fine"

[variants.none]                           # single variants, each a table of overrides
net.bins = []

[axes.bins]                               # and axes, whose product is taken: here B1 average, B1 max, ...
B1 = { net.bins = [1] }
B1236 = { net.bins = [1, 2, 3, 6] }

[axes.pooling]
average = { net.pooling = "average" }
max = { net.pooling = "max" }

[score]                                   # which photos are scored; the recipe's validation photos by default
data = "figaro1k:$HAIRSEG_DATA/figaro1k"
split = "val84"
"""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hairseg.errors import UsageError
from hairseg.training.recipe import Recipe, Source, beside, read_table, recipe_of
from hairseg.training.table import from_table

KEYS = ("name", "recipe", "set", "variants", "axes", "reference", "score")
# What a grid says in its own way.
ELSEWHERE = {
    "seed": "say how many with --seeds",
    "name": "give the grid a name instead",
    "validate": "say under [score] which photos are scored",
}
Overrides = dict[str, Any]
# Label, label on each axis, overrides.
Row = tuple[str, tuple[str, ...], Overrides]


@dataclass(frozen=True)
class Variant:
    """One row of an ablation.

    Attributes:
        label: how it is called in tables: its own name, or its labels on the axes, separated by spaces.
        recipe: what is trained, with seed 0 and without validation photos: no checkpoint is chosen.
        place: its label on each axis; empty for a variant that stands alone.
    """

    label: str
    recipe: Recipe
    place: tuple[str, ...] = ()

    @property
    def slug(self) -> str:
        """The label as a file name."""
        return slug(self.label)


@dataclass(frozen=True)
class Grid:
    """What ``hairseg ablate`` runs.

    Attributes:
        name: of the grid and of its folder.
        variants: in the order of the tables.
        reference: label of the variant that the others are compared with.
        score: the photos that are scored.
        axes: labels by axis.
    """

    name: str
    variants: tuple[Variant, ...]
    reference: str
    score: tuple[Source, ...]
    axes: Mapping[str, tuple[str, ...]]


def slug(label: str) -> str:
    """A label as a file name: everything but letters, digits, dots and dashes becomes a dash."""
    return re.sub(r"[^\w.]+", "-", label).strip("-.").lower()


def read_grid(path: Path, overrides: Overrides | None = None) -> Grid:
    """The grid in a TOML file.

    Args:
        path: the file; its name is the default for the grid's.
        overrides: dotted keys on top of the grid's ``[set]``; variants still win.

    Raises:
        UsageError: missing, not TOML, an unknown key anywhere (the nearest known one is named), a wrong value,
            or two variants that are the same.
    """
    table = read_table(path, "grid")
    for key in table:
        if key not in KEYS:
            raise UsageError(f"{path}: unknown key {key!r}; {_nearest(key, KEYS)}")
    values, place = _recipe(table, path)
    recipe_of(values, place)  # what is wrong with the recipe itself is said of the recipe
    common = _overrides(table.get("set", {}), f"{path}: set") | (overrides or {})
    _only_recipe_keys(common, f"{path}: set")
    judged = recipe_of(values, place, common, f"{path}: set").validate
    axes = {
        name: _rows(rows, f"{path}: axes.{name}")
        for name, rows in _table(table.get("axes", {}), f"{path}: axes").items()
    }
    _no_key_twice(axes, path)
    alone = _rows(table.get("variants", {}), f"{path}: variants")
    variants = []
    rows: list[Row] = [(label, (), row) for label, row in alone.items()]
    for label, labels, row in rows + _product(axes):
        recipe = recipe_of(values, place, common | row, f"{path}: variant {label!r}")
        variants.append(Variant(label, replace(recipe, seed=0, validate=()), labels))
    _different(variants, path)
    return Grid(
        _name(table, path),
        tuple(variants),
        _reference(table, variants, path),
        _score(table, judged, path),
        {name: tuple(axis) for name, axis in axes.items()},
    )


def _name(table: dict[str, Any], path: Path) -> str:
    name = table.get("name", path.stem)
    if not isinstance(name, str) or not slug(name):
        raise UsageError(f"{path}: name is {name!r}: give a word for the folder of the runs")
    return name


def _reference(table: dict[str, Any], variants: Sequence[Variant], path: Path) -> str:
    known = [variant.label for variant in variants]
    reference = table.get("reference", known[0])
    if reference not in known:
        raise UsageError(f"{path}: reference {reference!r} is no variant; {_nearest(str(reference), known)}")
    return str(reference)


def _score(table: dict[str, Any], judged: tuple[Source, ...], path: Path) -> tuple[Source, ...]:
    """The photos that the grid names, or the recipe's validation photos."""
    if "score" in table:
        where = f"{path}: score"
        return (beside(from_table(Source, _table(table["score"], where), where), path.parent),)
    if not judged:
        raise UsageError(f"{path}: no photos to score: add [score] with data and split")
    return judged


def _recipe(table: dict[str, Any], path: Path) -> tuple[dict[str, Any], Path]:
    """The values of the grid's recipe, and the file that they stand in."""
    recipe = table.get("recipe")
    if isinstance(recipe, str):
        place = path.parent / recipe
        return read_table(place), place
    if isinstance(recipe, dict):
        return recipe, path
    raise UsageError(f"{path}: no recipe: give the path of one, or its keys under [recipe]")


def _table(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UsageError(f"{where} must be a table, not {value!r}")
    return value


def _overrides(value: Any, where: str) -> Overrides:
    """A table of overrides with dotted keys: TOML reads ``net.bins = []`` as a table in a table."""
    flat: Overrides = {}
    for key, inner in _table(value, where).items():
        if isinstance(inner, dict):
            flat |= {f"{key}.{rest}": entry for rest, entry in _overrides(inner, where).items()}
        else:
            flat[key] = inner
    return flat


def _rows(value: Any, where: str) -> dict[str, Overrides]:
    """Overrides by label."""
    rows = {label: _overrides(row, f"{where}.{label}") for label, row in _table(value, where).items()}
    for label, row in rows.items():
        _only_recipe_keys(row, f"{where}.{label}")
    return rows


def _only_recipe_keys(row: Overrides, where: str) -> None:
    for key, instead in ELSEWHERE.items():
        if key in row:
            raise UsageError(f"{where}: {key!r} is not for a grid: {instead}")


def _no_key_twice(axes: Mapping[str, Mapping[str, Overrides]], path: Path) -> None:
    for name, axis in axes.items():
        if not axis:
            raise UsageError(f"{path}: axes.{name} is empty: give labels, each with its overrides")
    keys = {name: {key for row in axis.values() for key in row} for name, axis in axes.items()}
    for (one, own), (other, others) in itertools.combinations(keys.items(), 2):
        for key in sorted(own & others):
            raise UsageError(
                f"{path}: the axes {one!r} and {other!r} both set {key!r}: "
                "leave it to one, or write the variants out"
            )


def _product(axes: Mapping[str, Mapping[str, Overrides]]) -> list[Row]:
    """Label, labels by axis, and overrides of every combination; none without axes."""
    rows: list[Row] = []
    for places in itertools.product(*(axis.items() for axis in axes.values())) if axes else ():
        labels = tuple(label for label, _ in places)
        rows.append(
            (" ".join(labels), labels, {key: value for _, row in places for key, value in row.items()})
        )
    return rows


def _different(variants: Sequence[Variant], path: Path) -> None:
    """Refuse a grid without variants, or with two that are the same in name or in fact."""
    if not variants:
        raise UsageError(f"{path}: no variants: add [variants.NAME] or [axes.NAME]")
    for one, other in itertools.combinations(variants, 2):
        if one.label == other.label:
            raise UsageError(f"{path}: two variants are called {one.label!r}: rename one")
        if one.recipe == other.recipe:
            raise UsageError(
                f"{path}: the variants {one.label!r} and {other.label!r} are the same recipe: drop one"
            )
        if one.slug == other.slug:
            raise UsageError(
                f"{path}: the variants {one.label!r} and {other.label!r} would share a folder: rename one"
            )
    classes = {variant.recipe.net.classes for variant in variants}
    if len(classes) > 1:
        raise UsageError(
            f"{path}: variants tell {min(classes)} and {max(classes)} classes apart: use one number"
        )
    if nameless := [variant.label for variant in variants if not variant.slug]:
        raise UsageError(f"{path}: variant {nameless[0]!r} needs a letter or a digit in its name")


def _nearest(word: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, known, 1)
    return f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
