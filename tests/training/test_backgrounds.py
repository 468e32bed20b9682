"""Views of what is no hair in photos that all hold some."""

from __future__ import annotations

import dataclasses
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from hairseg.data import IGNORE
from hairseg.errors import UsageError
from hairseg.training.backgrounds import background, largest, part, shown
from hairseg.training.batches import Photos
from hairseg.training.lessons import Lessons
from hairseg.training.recipe import Augment, Recipe, Source, Stage

Grid = np.ndarray[tuple[int, int], np.dtype[np.bool_]]


def every_rectangle(free: Grid, cell: tuple[float, float]) -> float:
    """What a view shows at most of any free one, each corner tried with each other."""
    rows, columns = free.shape
    best = 0.0
    for top, left in product(range(rows), range(columns)):
        for bottom, right in product(range(top + 1, rows + 1), range(left + 1, columns + 1)):
            if free[top:bottom, left:right].all():
                height, width = (bottom - top) * cell[0], (right - left) * cell[1]
                best = max(best, min(height, 1.5 * width) * min(width, 1.5 * height))
    return best


@given(
    st.integers(1, 6),
    st.integers(1, 6),
    st.integers(0, 2**32 - 1),
    st.floats(0.1, 0.95),
    st.sampled_from([(1.0, 1.0), (3.0, 1.0), (2.0, 5.0)]),
)
def test_a_view_shows_more_of_no_other_free_rectangle(
    rows: int, columns: int, seed: int, share: float, cell: tuple[float, float]
) -> None:
    free = np.random.default_rng(seed).random((rows, columns)) < share
    top, left, bottom, right = largest(free, cell)
    assert free[top:bottom, left:right].all()
    assert shown((bottom - top) * cell[0], (right - left) * cell[1]) == every_rectangle(free, cell)


@given(st.integers(48, 900), st.integers(48, 900), st.integers(0, 2**32 - 1))
def test_what_is_shown_of_a_strip_is_not_one(height: int, width: int, seed: int) -> None:
    box = (5, 7, 5 + height, 7 + width)
    top, left, bottom, right = part(box, np.random.default_rng(seed))
    assert 5 <= top < bottom <= 5 + height
    assert 7 <= left < right <= 7 + width
    assert max(bottom - top, right - left) <= 1.5 * min(bottom - top, right - left)
    assert (bottom - top) * (right - left) > shown(height, width) - max(height, width)  # whole pixels


def test_every_place_of_a_strip_is_shown() -> None:
    starts = {part((0, 0, 50, 100), np.random.default_rng(seed))[1] for seed in range(400)}
    assert starts == set(range(26))


def truth(height: int, width: int, *boxes: tuple[int, int, int, int], value: int = 1) -> torch.Tensor:
    planes = torch.zeros(height, width, dtype=torch.uint8)
    for top, left, bottom, right in boxes:
        planes[top:bottom, left:right] = value
    return planes


def test_beside_or_below_the_hair_whichever_is_larger() -> None:
    hair = (100, 100, 200, 200)
    # Its edges are edges of cells, a 48th of a side each.
    assert background(truth(480, 400, hair)) == (200, 0, 480, 400)
    assert background(truth(240, 480, hair)) == (0, 200, 240, 480)
    assert background(truth(240, 480, hair, value=IGNORE)) == (0, 200, 240, 480)
    assert background(truth(240, 480)) == (0, 0, 240, 480)


def test_what_is_too_small_for_a_view_is_none() -> None:
    assert background(truth(300, 300, (0, 0, 300, 260))) is None  # 40 pixels wide
    assert background(truth(300, 300, (0, 0, 300, 240))) is None  # of 57 x 300 a view shows 57 x 85
    assert background(truth(300, 300, (0, 0, 300, 210))) == (0, 212, 300, 300)
    assert background(truth(1000, 1000, (0, 0, 1000, 930))) is None
    assert background(truth(300, 300, (0, 0, 300, 300))) is None


@given(st.integers(1, 300), st.integers(1, 300), st.integers(0, 2**32 - 1))
def test_there_is_never_hair_in_it(height: int, width: int, seed: int) -> None:
    draws = np.random.default_rng(seed)
    mask = torch.from_numpy((draws.random((height, width)) < 0.001).astype(np.uint8))
    box = background(mask)
    if box:
        top, left, bottom, right = box
        assert not mask[top:bottom, left:right].any()
        assert (bottom - top) * (right - left) >= 0.08 * height * width


@pytest.fixture
def portraits(tmp_path: Path) -> Source:
    """Two photos: white "hair" on the left, black on the right; the second's black starts later."""
    for kind in ("images", "masks"):
        (tmp_path / kind).mkdir()
    for name, split in (("a", 60), ("b", 100)):
        hair = np.zeros((120, 200), np.uint8)
        hair[:, :split] = 255
        Image.fromarray(hair).convert("RGB").save(tmp_path / "images" / f"{name}.png")
        Image.fromarray(hair).save(tmp_path / "masks" / f"{name}.png")
    return Source(f"folder:{tmp_path}", "", weight=4.0)


STILL = Augment(rotate=0, color=0, grey=0, blur=0, jpeg=0)


def with_portraits(recipe: Recipe, portraits: Source, **augment: float) -> Photos:
    varied = dataclasses.replace(STILL, **augment)  # type: ignore[arg-type]
    stage = Stage(size=64, area=(0.5, 1.0), batch=8)
    return Photos(dataclasses.replace(recipe, train=(portraits,), stages=(stage,), augment=varied))


def views(photos: Photos, epochs: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    stage = photos.recipe.stages[0]
    batches = [next(photos.batches(stage, epoch)) for epoch in range(epochs)]
    photo, mask = (torch.cat(planes) for planes in zip(*batches, strict=True))
    return photo, mask


def test_views_of_backgrounds_hold_no_hair_and_none_of_its_colour(recipe: Recipe, portraits: Source) -> None:
    photos = with_portraits(recipe, portraits, background=1.0)
    assert [(number, index) for number, index, _ in photos.backgrounds] == [(0, 0), (0, 1)]
    photo, mask = views(photos)
    assert photo.float().mean() < 3  # photos are kept smaller, and the hair's border is smoothed then
    assert not mask.any()


def test_they_are_as_often_as_the_recipe_says(recipe: Recipe, portraits: Source) -> None:
    _, mask = views(with_portraits(recipe, portraits, background=0.4), epochs=20)
    # Of half a photo and more, of which 60 or 100 of 200 columns are hair, few views show none by themselves.
    without = float((mask == 1).flatten(1).any(dim=1).logical_not().float().mean())
    assert 0.3 < without < 0.55
    assert (views(with_portraits(recipe, portraits, background=0.0))[1] == 1).any()


def test_portraits_lie_on_each_others_backgrounds(recipe: Recipe, portraits: Source) -> None:
    """Scenes without a photo that holds no hair: hair is white, all around and below it black."""
    photos = with_portraits(recipe, portraits, scene=1.0)
    photo, mask = views(photos)
    assert 0.005 < float((mask == 1).float().mean()) < 0.3
    assert ((photo[:, 0] > 127) == (mask == 1)).float().mean() > 0.98
    again = with_portraits(recipe, portraits, scene=1.0)
    assert torch.equal(views(again)[0], photo)


def test_scenes_keep_to_photos_without_hair_where_there_are_some(recipe: Recipe, portraits: Source) -> None:
    folder = Path(portraits.data.removeprefix("folder:"))
    Image.new("RGB", (90, 70)).save(folder / "images" / "c.png")
    Image.new("L", (90, 70)).save(folder / "masks" / "c.png")
    whole = (0, 2, None)
    assert with_portraits(recipe, portraits, scene=1.0).grounds == [whole]
    both = with_portraits(recipe, portraits, scene=1.0, background=0.1)
    assert both.grounds == [whole]
    assert [(number, index) for number, index, _ in both.backgrounds] == [(0, 0), (0, 1)]


def test_teachers_say_nothing_of_backgrounds(recipe: Recipe, portraits: Source, tmp_path: Path) -> None:
    """What they take for hair there, the mask knows better."""
    photos = with_portraits(recipe, portraits, background=1.0)
    photos.lessons = Lessons(tmp_path / "lessons")
    for item in photos.datasets[0].items:
        place = photos.lessons.place(photos.datasets[0], item)
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (50, 30), 230).save(place)
    _, both = views(photos, epochs=2)
    assert both.shape[1] == 2
    assert not both.any()


@pytest.mark.parametrize("name", ["scene", "background", "dye"])
def test_who_tells_classes_apart_has_no_views_of_what_is_no_hair(recipe: Recipe, name: str) -> None:
    with pytest.raises(
        UsageError, match=f"augment: {name} asks what is hair, and the network tells 3 classes apart"
    ):
        dataclasses.replace(
            recipe, net=dataclasses.replace(recipe.net, classes=3), augment=Augment(**{name: 0.2})
        )


def test_photos_full_of_hair_make_no_scene(recipe: Recipe, tmp_path: Path) -> None:
    for kind, mode in (("images", "RGB"), ("masks", "L")):
        (tmp_path / kind).mkdir()
        Image.new(mode, (80, 80), "white").save(tmp_path / kind / "a.png")
    source = Source(f"folder:{tmp_path}", "")
    for name in ("scene", "background"):
        with pytest.raises(
            UsageError,
            match=f"tiny: augment: {name} is 0.2, but no training photo shows enough that is no hair",
        ):
            with_portraits(recipe, source, **{name: 0.2})
