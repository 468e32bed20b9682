"""The mix of data sets as batches: decoded once, kept in memory, varied afresh every epoch."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from hairseg.classes import to_plain
from hairseg.data import DataSet, common_classes, open_data
from hairseg.data.check import read_all
from hairseg.training.augment import build_augment, vary
from hairseg.training.recipe import Recipe, Source, Stage

Pair = tuple[Tensor, Tensor]


def open_sources(sources: tuple[Source, ...], classes: int) -> list[DataSet]:
    """The data sets of a mix, in the recipe's order, for a network of ``classes`` logits."""
    return [open_data(source.data, source.split, source.skip_tags, classes) for source in sources]


class Photos:
    """All training photos in memory, no larger than training can use.

    Args:
        recipe: names the data and the sizes.

    Attributes:
        classes: names and colours of the classes as plain values; empty for hair.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        # A crop of the smallest share should still hold the training size's pixels, within reason.
        side = max(int(stage.size / math.sqrt(stage.area[0])) for stage in recipe.stages)
        limit = min(side, 2 * max(stage.size for stage in recipe.stages))

        def keep(photo: NDArray[np.uint8], truth: NDArray[np.uint8]) -> Pair:
            return _shrink(photo, truth, limit)

        datasets = open_sources(recipe.train, recipe.net.classes)
        judged = open_sources(recipe.validate, recipe.net.classes)
        self.classes = to_plain(common_classes([*datasets, *judged]))
        self.sets = [read_all(dataset.items, keep) for dataset in datasets]

    def __len__(self) -> int:
        return sum(
            _share(source.weight, len(pairs))
            for source, pairs in zip(self.recipe.train, self.sets, strict=True)
        )

    def order(self, epoch: int) -> list[tuple[int, int]]:
        """(set, photo) of one epoch: each set as often as its weight says, all shuffled."""
        chosen = []
        for number, (source, pairs) in enumerate(zip(self.recipe.train, self.sets, strict=True)):
            count = _share(source.weight, len(pairs))
            # One endless row of shuffled passes, cut into epochs: every photo is seen equally often.
            first = epoch * count
            chosen += [(number, self._pass(number, place)) for place in range(first, first + count)]
        generator = np.random.default_rng([self.recipe.seed, epoch])
        return [chosen[i] for i in generator.permutation(len(chosen))]

    def _pass(self, number: int, place: int) -> int:
        round_number, index = divmod(place, len(self.sets[number]))
        generator = np.random.default_rng([self.recipe.seed, number, round_number])
        return int(generator.permutation(len(self.sets[number]))[index])

    def batches(self, stage: Stage, epoch: int) -> Iterator[Pair]:
        """Batches of one epoch: photo (N, 3, size, size) uint8, truth (N, size, size) uint8."""
        # "fork" shares the photos with the workers without a copy; other systems augment in this process.
        workers = self.recipe.workers if sys.platform == "linux" else 0
        loader = DataLoader(
            _Epoch(self, stage, epoch),
            batch_size=stage.batch,
            drop_last=True,  # a last batch of one photo would starve the batch norm
            num_workers=workers,
            multiprocessing_context="fork" if workers else None,
            prefetch_factor=4 if workers else None,
        )
        yield from loader


class _Epoch(Dataset[Pair]):
    """One epoch's variations, by position."""

    def __init__(self, photos: Photos, stage: Stage, epoch: int) -> None:
        self.photos = photos
        self.order = photos.order(epoch)
        self.epoch = epoch
        self.transform = build_augment(stage.size, stage.area, photos.recipe.augment)

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, position: int) -> Pair:
        number, index = self.order[position]
        photo, truth = self.photos.sets[number][index]
        state = np.random.SeedSequence([self.photos.recipe.seed, self.epoch, position]).generate_state(1)
        return vary(self.transform, photo, truth, int(state[0]))


def _share(weight: float, count: int) -> int:
    return max(1, round(weight * count))


def _shrink(photo: NDArray[np.uint8], truth: NDArray[np.uint8], limit: int) -> Pair:
    """(3, h, w) and (h, w) tensors with an area of at most ``limit`` squared."""
    height, width = photo.shape[:2]
    factor = min(1.0, limit / math.sqrt(height * width))
    if factor < 1:
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
        photo = np.asarray(Image.fromarray(photo).resize(size, Image.Resampling.BILINEAR))
        truth = np.asarray(Image.fromarray(truth).resize(size, Image.Resampling.NEAREST))
    return torch.from_numpy(photo.copy()).permute(2, 0, 1).contiguous(), torch.from_numpy(truth.copy())
