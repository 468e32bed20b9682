"""Pieces of other photos' background on a view."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from hairseg.data import IGNORE
from hairseg.training.batches import Photos
from hairseg.training.pieces import lay, outline
from hairseg.training.recipe import Augment, Recipe, Source, Stage


@given(st.integers(8, 200), st.integers(0, 2**32 - 1))
def test_an_outline_lies_in_its_square_and_is_neither_empty_nor_full(side: int, seed: int) -> None:
    shape = outline(side, np.random.default_rng(seed))
    assert shape.shape == (side, side)
    assert 0.01 < shape.mean() < 0.9
    assert not shape[[0, 0, -1, -1], [0, -1, 0, -1]].any()
    np.testing.assert_array_equal(shape, outline(side, np.random.default_rng(seed)))


def test_some_outlines_have_a_hole() -> None:
    def holed(shape: np.ndarray[tuple[int, int], np.dtype[np.bool_]]) -> bool:
        image = Image.fromarray(np.pad(shape, 1).astype(np.uint8)).copy()
        ImageDraw.floodfill(image, (0, 0), 1)  # all around it
        return bool((np.asarray(image) == 0).any())

    found = [holed(outline(64, np.random.default_rng(seed))) for seed in range(200)]
    assert 30 < sum(found) < 100


def plain(
    height: int, width: int, level: int, truth: int, *lessons: int
) -> tuple[torch.Tensor, torch.Tensor]:
    planes = torch.stack(
        [torch.full((height, width), value, dtype=torch.uint8) for value in (truth, *lessons)]
    )
    return torch.full((3, height, width), level, dtype=torch.uint8), planes if lessons else planes[0]


def test_a_piece_covers_what_is_below_it() -> None:
    photo, truth = plain(4, 6, 10, 1)
    over, background = plain(2, 2, 200, 0)
    shape = np.array([[True, True], [True, False]])
    laid, found = lay((photo, truth), (over, background), shape, top=1, left=3)
    expected = torch.ones(4, 6, dtype=torch.uint8)
    expected[1, 3] = expected[1, 4] = expected[2, 3] = 0
    assert torch.equal(found, expected)
    assert torch.equal(laid, torch.where(expected == 0, 200, 10).to(torch.uint8).expand(3, 4, 6))
    assert (truth == 1).all()  # the view is left as it was
    assert (photo == 10).all()


@pytest.mark.parametrize("truth", [1, IGNORE])
def test_hair_and_what_nobody_decided_on_is_not_cut_out(truth: int) -> None:
    view = plain(4, 4, 10, 1)
    laid, found = lay(view, plain(4, 4, 200, truth), np.ones((4, 4), bool), 0, 0)
    assert torch.equal(laid, view[0])
    assert torch.equal(found, view[1])


def test_teachers_know_of_the_piece_and_keep_their_hair_out_of_it() -> None:
    view = plain(2, 2, 10, 1, 250)
    over, truth = plain(2, 2, 200, 0, 5)
    truth[1, 0, 0] = 100  # a teacher's doubt
    laid, found = lay(view, (over, truth), np.ones((2, 2), bool), 0, 0)
    assert found.tolist() == [[[1, 0], [0, 0]], [[250, 0], [0, 0]]]
    assert laid[0].tolist() == [[10, 200], [200, 200]]


def test_views_have_pieces_of_the_mix_on_them(recipe: Recipe, tmp_path: Path) -> None:
    """White photos without hair give white pieces, on photos of a red block of "hair" on noise."""
    white = Source(_white(tmp_path), "", weight=4)
    stage = Stage(size=96, area=(1.0, 1.0), batch=8)
    still = Augment(rotate=0, color=0, grey=0, blur=0, jpeg=0)

    def first(pieces: float) -> tuple[torch.Tensor, torch.Tensor]:
        augment = dataclasses.replace(still, pieces=pieces)
        made = dataclasses.replace(recipe, train=(*recipe.train, white), stages=(stage,), augment=augment)
        return next(Photos(made).batches(stage, 0))

    photo, truth = first(1.0)
    bare, bare_truth = first(0.0)
    changed = (photo != bare).any(dim=1)
    assert photo.shape == bare.shape
    assert 0.005 < changed.float().mean() < 0.4
    assert not (truth[changed] == 1).any()
    assert torch.equal(truth[~changed], bare_truth[~changed])
    under = changed & (bare_truth == 1)
    assert under.any()  # hair was covered
    assert (photo == 255).all(dim=1)[changed].any()
    again, _ = first(1.0)
    assert torch.equal(photo, again)


def _white(folder: Path) -> str:
    for kind in ("images", "masks"):
        (folder / kind).mkdir()
    for name in ("a", "b"):
        Image.new("RGB", (100, 100), (255,) * 3).save(folder / "images" / f"{name}.png")
        Image.new("L", (100, 100)).save(folder / "masks" / f"{name}.png")
    return f"folder:{folder}"
