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
from hairseg.training.dyes import draw_color, dye, dye_other
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


def blocks() -> tuple[torch.Tensor, torch.Tensor]:
    """Hair above, then a red and a blue thing, a red one again, and red that nobody labelled."""
    photo = torch.zeros(3, 50, 40, dtype=torch.uint8)
    photo[0, 10:] = 180
    photo[:, :10] = photo[:, 20:30] = torch.tensor([[[40]], [[60]], [[190]]], dtype=torch.uint8)
    truth = torch.zeros(50, 40, dtype=torch.uint8)
    truth[:10] = 1
    truth[40:] = 255
    return photo, truth


def test_another_thing_is_dyed_wherever_its_colour_is_and_hair_is_not() -> None:
    photo, truth = blocks()
    changed = set()
    for seed in range(20):
        new = dye_other(photo, truth, np.random.default_rng(seed))
        differs = (new != photo).any(dim=0)
        red, blue, again = (bool(differs[top + 3 : top + 7].all()) for top in (10, 20, 30))
        assert not differs[:6].any()  # hair has the blue thing's colour
        assert not differs[44:].any()
        assert red == again
        assert red or blue  # both where the place lies between them
        assert new.is_contiguous()
        changed.add((red, blue))
    assert changed >= {(True, False), (False, True)}
    assert torch.equal(photo, blocks()[0])  # it is kept in memory for the next epoch


def test_the_draws_decide_on_another_things_colour() -> None:
    photo, truth = blocks()
    new, again, other = (dye_other(photo, truth, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert torch.equal(new, again)
    assert not torch.equal(new, other)


@pytest.mark.parametrize("value", [1, 255])
def test_where_nothing_is_surely_no_hair_nothing_else_is_dyed(value: int) -> None:
    photo = torch.full((3, 8, 8), 90, dtype=torch.uint8)
    assert dye_other(photo, torch.full((8, 8), value, dtype=torch.uint8), np.random.default_rng(0)) is photo


def test_other_things_are_dyed_as_often_as_the_recipe_says(recipe: Recipe) -> None:
    """Beside the dye of the hair, and not with it."""
    stage = Stage(size=64, area=(0.9, 1.0), batch=8)

    def seen(**shares: float) -> list[torch.Tensor]:
        photos = Photos(
            dataclasses.replace(recipe, stages=(stage,), augment=dataclasses.replace(STILL, **shares))
        )
        return [photo for epoch in range(6) for photo in next(photos.batches(stage, epoch))[0]]

    plain, none, half, every = seen(), seen(dye_other=0.0), seen(dye_other=0.5), seen(dye_other=1.0)
    changed = [
        np.mean([not torch.equal(*pair) for pair in zip(plain, new, strict=True)])
        for new in (none, half, every)
    ]
    assert changed[0] == 0
    assert 0.25 < changed[1] < 0.75
    assert changed[2] == 1


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
        match="augment: dye asks what is hair, and the network tells 3 classes apart: leave it",
    ):
        Recipe(name="many", net=NetConfig(classes=3), augment=Augment(dye=0.1))


def test_other_things_can_be_dyed_for_any_network() -> None:
    assert (
        Recipe(name="many", net=NetConfig(classes=3), augment=Augment(dye_other=0.1)).augment.dye_other == 0.1
    )
