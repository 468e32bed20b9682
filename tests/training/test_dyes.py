"""Hair in another colour in training photos."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from hairseg.color import to_oklab
from hairseg.errors import UsageError
from hairseg.net.build import NetConfig
from hairseg.training.batches import Photos
from hairseg.training.dyes import draw_color, dye
from hairseg.training.recipe import Augment, Recipe, Stage

STILL = Augment(rotate=0, color=0, grey=0, blur=0, jpeg=0)


def test_colours_are_dull_as_often_as_vivid() -> None:
    lab = np.array(
        [to_oklab(np.array(draw_color(np.random.default_rng(seed)), np.uint8)) for seed in range(600)]
    )
    chroma = np.hypot(lab[:, 1], lab[:, 2])
    assert 0.4 < (chroma < 0.032).mean() < 0.65
    assert chroma.max() > 0.18
    assert lab[:, 0].min() < 0.25
    assert lab[:, 0].max() > 0.9
    vivid = lab[chroma > 0.06]
    sectors = np.floor((np.arctan2(vivid[:, 2], vivid[:, 1]) / np.pi + 1) * 4).astype(int)
    assert set(sectors.tolist()) >= set(range(8))


def test_only_hair_changes_and_the_draws_decide_how() -> None:
    photo = torch.full((3, 40, 40), 90, dtype=torch.uint8)
    photo[:, :20] = 160
    truth = torch.zeros(40, 40, dtype=torch.uint8)
    truth[:20] = 1
    new, again, other = (dye(photo, truth, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert torch.equal(new[:, 26:], photo[:, 26:])
    assert (new[:, :16] != photo[:, :16]).any()
    assert torch.equal(new, again)
    assert not torch.equal(new, other)
    assert (photo[:, :20] == 160).all()  # it is kept in memory for the next epoch
    assert new.is_contiguous()


def test_without_hair_nothing_is_dyed() -> None:
    photo = torch.full((3, 8, 8), 90, dtype=torch.uint8)
    assert dye(photo, torch.full((8, 8), 255, dtype=torch.uint8), np.random.default_rng(0)) is photo


def test_views_of_a_training_are_dyed_as_often_as_the_recipe_says(recipe: Recipe) -> None:
    """A view is a red block of "hair" on noise."""
    stage = Stage(size=64, area=(0.9, 1.0), batch=8)

    def red(share: float) -> list[bool]:
        made = dataclasses.replace(recipe, stages=(stage,), augment=dataclasses.replace(STILL, dye=share))
        photos = Photos(made)
        views = [next(photos.batches(stage, epoch)) for epoch in range(6)]
        hair = [
            photo[:, truth == 1].float().mean(dim=1)
            for batch in views
            for photo, truth in zip(*batch, strict=True)
            if (truth == 1).any()
        ]
        return [bool(level[0] > 180 and level[1] < 60) for level in hair]

    assert all(red(0.0))
    assert sum(red(1.0)) < 4  # a draw may be red itself
    assert 0.25 < np.mean(red(0.5)) < 0.75


def test_dyes_are_for_networks_that_find_hair(recipe: Recipe) -> None:
    with pytest.raises(
        UsageError,
        match="augment: dye gives hair another colour, and the network tells 3 classes apart: leave it",
    ):
        Recipe(name="many", net=NetConfig(classes=3), augment=Augment(dye=0.1))
