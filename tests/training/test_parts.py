from __future__ import annotations

import dataclasses
import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from hairseg.data import IGNORE
from hairseg.net import build
from hairseg.net.efficientnet import EvenSameConv2d
from hairseg.training.augment import build_augment, vary
from hairseg.training.batches import Photos
from hairseg.training.depthwise import FastDepthwise, FastEvenSame, speed_up_depthwise
from hairseg.training.loss import hair_loss, soft_dice
from hairseg.training.optimize import MovingAverage, build_optimizer, rate_factor
from hairseg.training.predict import predictor
from hairseg.training.recipe import Augment, Recipe, Source, Stage

# ---- loss


def test_perfect_and_hopeless_logits() -> None:
    truth = torch.tensor([[[0, 1], [1, IGNORE]]], dtype=torch.uint8)
    right = torch.tensor([[[[-50.0, 50.0], [50.0, 50.0]]]])
    assert hair_loss(right, truth, dice=0.5).item() == pytest.approx(0, abs=1e-6)
    # Every pixel that counts costs 50 nats; Dice is (0 + 1) / (1 + 2 + 1).
    assert hair_loss(-right, truth, dice=0.5).item() == pytest.approx(50 + 0.5 * 0.75, rel=1e-5)


def test_ignored_pixels_do_not_teach() -> None:
    truth = torch.tensor([[[0, IGNORE], [IGNORE, 1]]], dtype=torch.uint8)
    logits = torch.zeros(1, 1, 2, 2, requires_grad=True)
    hair_loss(logits, truth, dice=1.0, edge=1.0).backward()
    assert logits.grad is not None
    assert (logits.grad[0, 0] != 0).tolist() == [[True, False], [False, True]]


def test_cross_entropy_is_torchs() -> None:
    logits, truth = torch.randn(2, 1, 6, 5), torch.randint(0, 2, (2, 6, 5), dtype=torch.uint8)
    expected = F.binary_cross_entropy_with_logits(logits[:, 0], truth.float())
    assert torch.allclose(hair_loss(logits, truth, dice=0), expected)


def test_an_empty_photo_rightly_left_empty_is_perfect() -> None:
    zero, one = torch.zeros(1, 4, 4), torch.ones(1, 4, 4)
    assert soft_dice(zero, zero, one).item() == 1


def test_pixels_near_the_edge_weigh_more_and_ignored_ones_make_no_edge() -> None:
    logits = torch.randn(1, 1, 1, 12)
    truth = torch.tensor([[[0, 0, 0, 0, 1, 1, 1, 1, 1, IGNORE, IGNORE, IGNORE]]], dtype=torch.uint8)
    weight = torch.tensor([1.0, 1, 3, 3, 3, 3, 1, 1, 1, 0, 0, 0])
    target = (truth == 1).float()
    nats = F.binary_cross_entropy_with_logits(logits[:, 0], target, weight, reduction="sum")
    assert torch.allclose(hair_loss(logits, truth, dice=0, edge=2), nats / weight.sum())


# ---- depthwise


@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (5, 1), (3, 2), (5, 2)])
@pytest.mark.parametrize("same", [False, True])
def test_the_faster_backward_pass_gives_the_same_gradients(kernel: int, stride: int, same: bool) -> None:
    kind = EvenSameConv2d if same else nn.Conv2d
    plain = kind(6, 6, kernel, stride, 0 if same else kernel // 2, groups=6, bias=False)
    fast = kind(6, 6, kernel, stride, 0 if same else kernel // 2, groups=6, bias=False)
    fast.load_state_dict(plain.state_dict())
    speed_up_depthwise(fast)
    assert type(fast) is (FastEvenSame if same else FastDepthwise)
    x = torch.randn(2, 6, 12, 10)
    results = []
    for convolution in (plain, fast):
        own = x.clone().requires_grad_()
        out = convolution(own)
        out.square().sum().backward()
        results.append((out, own.grad, convolution.weight.grad))
    for ours, theirs in zip(*results, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-5)


def test_only_plain_depthwise_convolutions_are_changed() -> None:
    layers = [
        nn.Conv2d(4, 4, 3),
        nn.Conv2d(4, 8, 3, groups=4, bias=False),
        nn.Conv2d(4, 4, 3, groups=4),
        nn.Conv2d(4, 4, 3, groups=4, bias=False, dilation=2),
    ]
    speed_up_depthwise(nn.Sequential(*layers))
    assert {type(layer) for layer in layers} == {nn.Conv2d}


# ---- augmentation


def half_red() -> tuple[torch.Tensor, torch.Tensor]:
    photo = torch.zeros(3, 40, 60, dtype=torch.uint8)
    photo[0, :, 30:] = 255
    truth = torch.zeros(40, 60, dtype=torch.uint8)
    truth[:, 30:] = 1
    return photo, truth


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_photo_and_truth_move_together(seed: int) -> None:
    geometry = Augment(rotate=1.0, color=0, grey=0, blur=0, jpeg=0)
    photo, truth = vary(build_augment(48, (0.3, 1.0), geometry), *half_red(), seed)
    assert photo.shape == (3, 48, 48)
    assert set(truth.unique().tolist()) <= {0, 1, IGNORE}
    sure = truth != IGNORE
    wrong = ((photo[0] > 127) != (truth == 1)) & sure
    # Only the line between both, which bilinear and nearest draw half a pixel apart, and the corners' rim.
    assert wrong.float().mean() < 0.06


@pytest.mark.parametrize("size", [48, 96, 150])
def test_the_truth_lies_where_the_photo_does(size: int) -> None:
    """To a tenth of a pixel; torchvision's own resize of a mask is off by half of one, down and to the right."""
    generator = torch.Generator().manual_seed(1)
    rows, columns = torch.meshgrid(torch.arange(97), torch.arange(97), indexing="ij")
    off = []
    for seed in range(60):
        middle = torch.rand(2, generator=generator) * 40 + 28
        truth = ((rows - middle[0]) ** 2 + (columns - middle[1]) ** 2 < 20**2).to(torch.uint8)
        photo = (255 * truth).expand(3, -1, -1).contiguous()
        still = Augment(flip=0, rotate=0, color=0, grey=0, blur=0, jpeg=0)
        seen, mask = vary(build_augment(size, (0.9, 1.0), still), photo, truth, seed)
        off.append(centre(mask.float()) - centre(seen[0].float()))
    assert torch.stack(off).mean(dim=0).abs().max() < 0.1


def centre(plane: torch.Tensor) -> torch.Tensor:
    """Row and column of the centre of what is there."""
    rows, columns = torch.meshgrid(*(torch.arange(side) for side in plane.shape), indexing="ij")
    return torch.stack([(plane * rows).sum(), (plane * columns).sum()]) / plane.sum()


def test_a_seed_decides_everything() -> None:
    transform = build_augment(32, (0.3, 1.0), Augment(jpeg=0.5, blur=0.5))
    once, again, other = (vary(transform, *half_red(), seed) for seed in (7, 7, 8))
    assert torch.equal(once[0], again[0])
    assert torch.equal(once[1], again[1])
    assert not torch.equal(once[0], other[0])


def test_augmentation_leaves_the_global_random_state_alone() -> None:
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    vary(build_augment(32, (0.3, 1.0), Augment()), *half_red(), 1)
    assert torch.equal(before, torch.random.get_rng_state())


# ---- the mix


def test_a_weight_is_how_often_a_photo_is_seen(recipe: Recipe) -> None:
    source = recipe.train[0]
    mix = (dataclasses.replace(source, weight=2.0), dataclasses.replace(source, weight=0.25))
    photos = Photos(dataclasses.replace(recipe, train=mix))
    assert len(photos) == 18
    orders = [photos.order(epoch) for epoch in range(4)]
    for order in orders:
        for index in range(8):
            assert order.count((0, index)) == 2
    # A quarter each epoch, another one every time: four epochs see every photo once.
    assert sorted(index for order in orders for number, index in order if number == 1) == list(range(8))
    assert orders[0] != orders[1]
    assert photos.order(1) == orders[1]


def test_photos_are_kept_no_larger_than_training_needs(recipe: Recipe, tmp_path: Path) -> None:
    from PIL import Image

    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    Image.new("RGB", (400, 900)).save(tmp_path / "images" / "a.jpg")
    Image.new("L", (400, 900)).save(tmp_path / "masks" / "a.png")
    photos = Photos(dataclasses.replace(recipe, train=(Source(f"folder:{tmp_path}", ""),)))
    photo, truth = photos.sets[0][0]
    assert photo.shape[1:] == truth.shape
    # 96 px crops of 60 % of the area: 124 x 124 pixels hold enough.
    assert math.sqrt(photo.shape[1] * photo.shape[2]) == pytest.approx(96 / math.sqrt(0.6), rel=0.02)


def test_every_batch_of_a_stage_draws_its_side(recipe: Recipe) -> None:
    stage = Stage(size=160, smallest=64, area=(0.6, 1.0), batch=2)
    assert stage.sides == (160, 128, 96, 64)
    assert Stage(size=100, smallest=50).sides == (100, 68)
    assert Stage(size=100).sides == (100,)
    photos = Photos(dataclasses.replace(recipe, stages=(stage,)))
    drawn = [
        [
            photo.shape[-1]
            for photo, truth in photos.batches(stage, epoch)
            if photo.shape[-2:] == truth.shape[-2:]
        ]
        for epoch in range(12)
    ]
    assert all(len(sides) == 4 for sides in drawn)
    assert {side for sides in drawn for side in sides} == set(stage.sides)
    assert len({tuple(sides) for sides in drawn}) > 6
    # A resumed epoch draws the same; parts of a step, and processes that share it, have the step's side.
    again = dataclasses.replace(recipe, stages=(stage,), accumulate=2)
    parts = [photo.shape[-1] for photo, _ in Photos(again).batches(stage, 5)]
    assert parts == [side for side in drawn[5] for _ in range(2)]
    # What the start measures is one batch of one side.
    assert photos.sample(stage, 8).shape == (8, 3, 160, 160)


def test_a_mosaic_shows_smaller_views(recipe: Recipe) -> None:
    """A view is a red block of "hair" on noise: a mosaic holds several, with their truth and what teachers say."""
    still = Augment(rotate=0, color=0, grey=0, blur=0, jpeg=0, mosaic=1.0)
    stage = Stage(size=100, area=(0.9, 1.0), batch=4)
    photos = Photos(dataclasses.replace(recipe, stages=(stage,), augment=still))
    photo, truth = next(photos.batches(stage, 0))
    assert photo.shape == (4, 3, 100, 100)
    assert truth.shape == (4, 100, 100)
    red = (photo[:, 0] > 150) & (photo[:, 1] < 100)
    sure = truth != IGNORE
    assert ((truth == 1) == red)[sure].float().mean() > 0.9
    blocks = [int(connected(plane.numpy() == 1)) for plane in truth]
    assert min(blocks) >= 4
    assert max(blocks) > 4
    again, _ = next(Photos(dataclasses.replace(recipe, stages=(stage,), augment=still)).batches(stage, 0))
    assert torch.equal(photo, again)
    whole, _ = next(
        Photos(
            dataclasses.replace(recipe, stages=(stage,), augment=dataclasses.replace(still, mosaic=0))
        ).batches(stage, 0)
    )
    assert not torch.equal(photo, whole)


def test_a_mosaic_may_show_whole_photos_where_views_show_parts(recipe: Recipe) -> None:
    """The red block is a fixed share of a whole photo, and any share of a small part of it."""
    stage = Stage(size=96, area=(0.05, 0.1), batch=8)

    def hair(**more: object) -> float:
        still = Augment(rotate=0, color=0, grey=0, blur=0, jpeg=0, mosaic=1.0, **more)  # type: ignore[arg-type]
        photos = Photos(dataclasses.replace(recipe, stages=(stage,), augment=still))
        _, truth = next(photos.batches(stage, 0))
        # Of the smallest tiles, which a view of a tenth of a photo can fill.
        tiles = (truth == 1).float().reshape(8, 4, 24, 4, 24).mean(dim=(2, 4))
        return float(tiles.max() - tiles.min())

    assert hair(mosaic_area=(1.0, 1.0)) < 0.9 < hair() == hair(mosaic_area=(0.05, 0.1))


def without_hair(folder: Path, shade: int) -> Source:
    """Two flat photos without hair."""
    from PIL import Image

    for kind in ("images", "masks"):
        (folder / kind).mkdir()
    for name in ("a", "b"):
        Image.new("RGB", (100, 100), (shade,) * 3).save(folder / "images" / f"{name}.png")
        Image.new("L", (100, 100)).save(folder / "masks" / f"{name}.png")
    return Source(f"folder:{folder}", "", weight=0.5)


def test_photos_lie_on_a_scene(recipe: Recipe, tmp_path: Path) -> None:
    """Scenes are black; a guest is a red block of "hair" on noise, or black itself."""
    still = Augment(rotate=0, color=0, grey=0, blur=0, jpeg=0, scene=1.0)
    stage = Stage(size=100, area=(1.0, 1.0), batch=8)
    mix = (*recipe.train, without_hair(tmp_path, 0))
    photos = Photos(dataclasses.replace(recipe, train=mix, stages=(stage,), augment=still))
    kept = [photo.clone() for pairs in photos.sets for photo, _ in pairs]
    assert photos.grounds == [(1, 0, None), (1, 1, None)]
    black = hair = 0.0
    guests = set()
    for epoch in range(12):
        photo, truth = next(photos.batches(stage, epoch))
        assert photo.shape == (8, 3, 100, 100)
        red = (photo[:, 0] > 150) & (photo[:, 1] < 100)
        assert ((truth == 1) == red).float().mean() > 0.99
        black += float((photo.sum(dim=1) == 0).float().mean()) / 12
        hair += float((truth == 1).float().mean()) / 12
        guests |= {int(connected(plane.numpy() == 1)) for plane in truth}
    assert 0.4 < black < 0.95
    assert 0.01 < hair < 0.3
    assert {1, 2, 3} <= guests <= set(range(12))  # one guest may cover the middle of another
    assert all(
        torch.equal(old, photo)
        for old, photo in zip(kept, (photo for pairs in photos.sets for photo, _ in pairs), strict=True)
    )
    again = Photos(dataclasses.replace(recipe, train=mix, stages=(stage,), augment=still))
    assert torch.equal(next(again.batches(stage, 11))[0], photo)


def test_photos_on_a_scene_are_as_wide_as_the_recipe_says(recipe: Recipe, tmp_path: Path) -> None:
    """The share of a black scene that is not black, where one guest lies on it, is that of its square."""
    mix = (*recipe.train, without_hair(tmp_path, 0))

    def guests(sides: tuple[float, float]) -> list[float]:
        still = Augment(rotate=0, color=0, grey=0, blur=0, jpeg=0, scene=1.0, scene_sides=sides)
        stage = Stage(size=160, area=(1.0, 1.0), batch=8)
        photos = Photos(dataclasses.replace(recipe, train=mix, stages=(stage,), augment=still))
        seen = [planes for epoch in range(8) for planes in next(photos.batches(stage, epoch))[0]]
        return [float((photo.sum(dim=0) > 0).float().mean()) ** 0.5 for photo in seen]

    narrow, wide = guests((0.1, 0.15)), guests((0.45, 0.5))
    assert max(narrow) <= 0.3  # four of 0.15 side by side
    assert max(narrow) > 0.1
    # Guests without hair are black, too, and hide others: most scenes show one or more of the full width.
    assert sum(share > 0.44 for share in wide) > len(wide) / 2
    assert max(wide) > 0.6


def test_quarter_turns_move_pixels_and_change_none() -> None:
    photo = torch.arange(3 * 8 * 8, dtype=torch.uint8).reshape(3, 8, 8)
    truth = torch.arange(64, dtype=torch.uint8).reshape(8, 8)
    still = Augment(flip=0, rotate=0, color=0, grey=0, blur=0, jpeg=0, aspect=1)
    turning = dataclasses.replace(still, turn=1.0)
    turns = set()
    for seed in range(30):
        turned, true = vary(build_augment(8, (1.0, 1.0), turning), photo, truth, seed)
        (quarters,) = [k for k in range(4) if torch.equal(torch.rot90(photo, k, (1, 2)), turned)]
        assert torch.equal(torch.rot90(truth, quarters), true)
        turns.add(quarters)
    assert turns == {1, 2, 3}
    assert torch.equal(vary(build_augment(8, (1.0, 1.0), still), photo, truth, 0)[0], photo)


def connected(plane: np.ndarray) -> int:  # type: ignore[type-arg]
    """How many pieces there are, by rows of a flood."""
    left, pieces = {(int(y), int(x)) for y, x in np.argwhere(plane)}, 0
    while left:
        pieces += 1
        edge = [left.pop()]
        while edge:
            y, x = edge.pop()
            for near in ((y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)):
                if near in left:
                    left.remove(near)
                    edge.append(near)
    return pieces


# ---- optimiser


def test_rates_rise_then_fall_to_nothing(recipe: Recipe) -> None:
    for schedule in ("poly", "cosine"):
        chosen = dataclasses.replace(recipe, warmup=10, schedule=schedule)
        factors = [rate_factor(step, 100, chosen) for step in range(101)]
        assert factors[0] == pytest.approx(0.1)
        assert factors[9] == factors[10] == 1
        assert all(after < before for before, after in itertools.pairwise(factors[10:]))
        assert factors[100] == 0
    # Half way: (1 - 0.5) ** 0.9, section 5.1 of the paper.
    assert rate_factor(55, 100, dataclasses.replace(recipe, warmup=10)) == pytest.approx(0.5**0.9)


def test_new_layers_learn_faster_and_norms_do_not_decay(recipe: Recipe) -> None:
    net = build(recipe.net)
    groups = build_optimizer(net, recipe).param_groups
    assert sum(len(group["params"]) for group in groups) == len(list(net.parameters()))
    new = {id(parameter) for parameter in net.new_parameters()}
    for group in groups:
        is_new = {id(parameter) in new for parameter in group["params"]}
        assert is_new == {group["peak"] == recipe.head_rate}
        assert {parameter.ndim > 1 for parameter in group["params"]} == {group["weight_decay"] > 0}


def test_moving_average_by_hand(recipe: Recipe) -> None:
    net = build(recipe.net)
    average = MovingAverage(net, decay=0.75)
    with torch.no_grad():
        net.head.bias.add_(8.0)
        net.backbone.body.bn1.running_mean.fill_(3.0)  # type: ignore[union-attr,operator]
    net.backbone.body.bn1.num_batches_tracked.fill_(7)  # type: ignore[union-attr,operator]
    start = float(average.net.head.bias)  # type: ignore[arg-type]
    average.update(net, step=1000)
    assert float(average.net.head.bias) == pytest.approx(start + 2.0)  # type: ignore[arg-type]
    assert average.net.backbone.body.bn1.running_mean.tolist()[0] == 0.75  # type: ignore[union-attr]
    assert int(average.net.backbone.body.bn1.num_batches_tracked) == 7  # type: ignore[union-attr,arg-type]


def test_predictor_gives_the_photos_own_size(recipe: Recipe) -> None:
    probability = predictor(build(recipe.net), recipe.fit)(np.zeros((37, 81, 3), np.uint8))
    assert probability.shape == (37, 81)
    assert probability.dtype == np.float32
    assert 0 <= probability.min() <= probability.max() <= 1
