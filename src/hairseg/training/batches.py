"""The mix of data sets as batches: decoded once and kept in memory, or read anew; varied afresh every epoch."""

from __future__ import annotations

import copy
import dataclasses
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset, default_collate
from torchvision.transforms import v2

from hairseg.classes import to_plain
from hairseg.data import DataSet, Item, common_classes, open_data, read_item
from hairseg.data.check import check, read_all
from hairseg.errors import DataError, UsageError
from hairseg.training.augment import GREY, build_augment, vary
from hairseg.training.backgrounds import Box, background, part
from hairseg.training.dyes import dye, dye_other
from hairseg.training.lessons import Lessons
from hairseg.training.paper_crop import RGB
from hairseg.training.pieces import MOST_PIECES, PIECE_SIDES, lay, outline
from hairseg.training.processes import Processes
from hairseg.training.readers import read_batches
from hairseg.training.recipe import Recipe, Source, Stage

Pair = tuple[Tensor, Tensor]

# Tell draws with the same seed apart: a step's side, a photo's mosaic, a scene, pieces on a view, a dye, a background.
SIDES = 1
MOSAICS = 2
SCENES = 3
PIECES = 4
DYES = 5
BACKGROUNDS = 6
# Views in a row of a mosaic.
GRIDS = (2, 4)
# Photos on a scene.
MOST_GUESTS = 4
# Of the area of a photo that lies on a scene.
WHOLE = (0.8, 1.0)
# A photo by its set and number, and what of it is shown; None for all of it.
Ground = tuple[int, int, Box | None]
Keep = Callable[[NDArray[np.uint8], NDArray[np.uint8]], Pair]


def open_sources(sources: tuple[Source, ...], classes: int) -> list[DataSet]:
    """The data sets of a mix, in the recipe's order, for a network of ``classes`` logits."""
    return [open_data(source.data, source.split, source.skip_tags, classes) for source in sources]


class Photos:
    """All training photos, in memory or on the disk, no larger than training can use.

    Args:
        recipe: names the data and the sizes.
        padding: the mean colour of the backbone's photos, which the paper's crop shows beyond the photo.
        processes: of the training, which all keep all photos in memory, or share the first look at those on the
            disk; None for one.

    Attributes:
        datasets: the training sets.
        classes: names and colours of the classes as plain values; empty for hair.
        lessons: what teachers say of the photos; None without teachers.
    """

    def __init__(self, recipe: Recipe, padding: RGB = GREY, processes: Processes | None = None) -> None:
        self.recipe = recipe
        self.padding = padding
        self.lessons: Lessons | None = None
        self.datasets = open_sources(recipe.train, recipe.net.classes)
        judged = open_sources(recipe.validate, recipe.net.classes)
        self.classes = to_plain(common_classes([*self.datasets, *judged]))
        self.sets = [self._read(dataset.items, processes or Processes()) for dataset in self.datasets]
        self.grounds, self.backgrounds = self._without_hair()

    def of(self, recipe: Recipe, padding: RGB = GREY) -> Photos:
        """The same photos, decoded once, for a recipe whose data, stages and augmentation are the same."""
        other = copy.copy(self)
        other.recipe, other.padding = recipe, padding
        return other

    def _read(self, items: tuple[Item, ...], processes: Processes) -> Sequence[Pair]:
        keep = _keep(self.recipe)
        if self.recipe.in_memory:
            return processes.agree(lambda: read_all(items, keep))
        processes.agree(lambda: check(items[processes.rank :: processes.count]))
        return _OnDisk(items, keep)

    def _without_hair(self) -> tuple[list[Ground], list[Ground]]:
        """What scenes lie on (photos without hair, or else the backgrounds), and the backgrounds of all others."""
        augment = self.recipe.augment
        grounds: list[Ground] = []
        backgrounds: list[Ground] = []
        if not (augment.scene or augment.background):
            return grounds, backgrounds
        for number, pairs in enumerate(self.sets):
            for index in range(len(pairs)):
                truth = pairs[index][1]
                if not (truth == 1).any():
                    grounds.append((number, index, None))
                elif (augment.background or not grounds) and (box := background(truth)):
                    backgrounds.append((number, index, box))
        for what, share, found in (
            ("scene", augment.scene, grounds or backgrounds),
            ("background", augment.background, backgrounds),
        ):
            if share and not found:
                raise UsageError(
                    f"{self.recipe.name}: augment: {what} is {share:g}, but no training photo shows enough that is no "
                    f"hair: add some that do, or leave {what} out"
                )
        return grounds or backgrounds, backgrounds

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
        count = len(self.sets[number])
        round_number, index = divmod(place, count)
        return int(_shuffled(self.recipe.seed, number, round_number, count)[index])

    def names(self, stage: Stage, epoch: int, step: int) -> list[str]:
        """The photos of one step of an epoch."""
        chosen = self.order(epoch)[step * stage.batch : (step + 1) * stage.batch]
        return [self.datasets[number].items[index].name for number, index in chosen]

    def batches(self, stage: Stage, epoch: int, processes: Processes | None = None) -> Iterator[Pair]:
        """This process's share of an epoch, a part of a step at a time.

        Args:
            stage: of the epoch.
            epoch: its number, from 0.
            processes: that share every part; None for one.

        Yields:
            photo (N, 3, size, size) uint8, truth (N, size, size) uint8, with N the stage's batch divided by the
            recipe's parts and by the processes; with lessons truth is (N, 2, size, size), as they say.

        Raises:
            DataError: a photo cannot be read any more.
        """
        processes = processes or Processes()
        workers = self.recipe.workers if _may_fork(processes) else 0
        epoch_photos = _Epoch(self, stage, epoch)
        for batch in read_batches(
            epoch_photos, self._shares(stage, processes), workers, processes.device, _collate
        ):
            if isinstance(batch, DataError):
                raise batch
            yield batch

    def sample(self, stage: Stage, count: int) -> Tensor:
        """The first photos of the first epoch, as many as there are up to ``count``.

        Returns:
            (N, 3, size, size) uint8, varied as in training.

        Raises:
            DataError: a photo cannot be read any more.
        """
        epoch_photos = _Epoch(self, dataclasses.replace(stage, smallest=0), 0)
        batch = _collate([epoch_photos[place] for place in range(min(count, len(epoch_photos)))])
        if isinstance(batch, DataError):
            raise batch
        photo: Tensor = batch[0]
        return photo

    def _shares(self, stage: Stage, processes: Processes) -> list[list[int]]:
        """Places in the epoch's order; the last photos are left out: a batch of one would starve the batch norm."""
        part = stage.batch // self.recipe.accumulate
        share = part // processes.count
        parts = len(self) // stage.batch * self.recipe.accumulate
        firsts = [number * part + processes.rank * share for number in range(parts)]
        return [[*range(first, first + share)] for first in firsts]


def _may_fork(processes: Processes) -> bool:
    """Whether workers augment: "fork" shares the photos with them without a copy, and other systems have none.

    Processes that share a machine's cores already use all of them, and gloo's threads make a fork unsafe: a lock
    that one of them holds at that moment stays locked in the worker.
    """
    return sys.platform == "linux" and (processes.count == 1 or processes.device.type == "cuda")


class _Epoch(Dataset[Pair | DataError]):
    """One epoch's variations, by position; or what is wrong with the photo, which no worker should raise."""

    def __init__(self, photos: Photos, stage: Stage, epoch: int) -> None:
        self.photos = photos
        self.order = photos.order(epoch)
        self.epoch = epoch
        self.stage = stage
        self._transforms: dict[tuple[int, tuple[float, float]], v2.Compose] = {}

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, position: int) -> Pair | DataError:
        augment, side = self.photos.recipe.augment, self._side(position)
        draws = self._generator(position, MOSAICS)
        if draws.random() < augment.mosaic:
            return self._mosaic(position, side, draws)
        draws = self._generator(position, SCENES)
        if draws.random() < augment.scene:
            return self._scene(position, side, draws)
        draws = self._generator(position, BACKGROUNDS)
        if draws.random() < augment.background:
            return self._background(self.photos.backgrounds, position, side, draws)
        view = self._view(position, self._transform(side, self.stage.area), 0)
        draws = self._generator(position, PIECES)
        if isinstance(view, DataError) or draws.random() >= augment.pieces:
            return view
        return self._with_pieces(view, draws)

    def _with_pieces(self, view: Pair, draws: np.random.Generator) -> Pair | DataError:
        """The view with background of other photos of the epoch lying on it."""
        side = view[0].shape[-1]
        for number in range(1 + int(draws.integers(MOST_PIECES))):
            small = _rounded(side * draws.uniform(*PIECE_SIDES))
            place = int(draws.integers(len(self)))
            piece = self._view(place, self._transform(small, self.stage.area), number + MOST_GUESTS)
            if isinstance(piece, DataError):
                return piece
            top, left = (int(corner) for corner in draws.integers(side - small + 1, size=2))
            view = lay(view, piece, outline(small, draws), top, left)
        return view

    def _mosaic(self, position: int, side: int, draws: np.random.Generator) -> Pair | DataError:
        """Rows of smaller views, the photo's own among them."""
        grid = int(draws.choice(GRIDS))
        others = [int(place) for place in draws.integers(len(self), size=grid * grid - 1)]
        transform = self._transform(
            -(-side // grid), self.photos.recipe.augment.mosaic_area or self.stage.area
        )
        views = [self._view(place, transform, number) for number, place in enumerate([position, *others])]
        broken = next((view for view in views if isinstance(view, DataError)), None)
        if broken:
            return broken
        shuffled = [views[int(number)] for number in draws.permutation(len(views))]
        photo, truth = (_tiled(list(planes), grid, side) for planes in zip(*shuffled, strict=True))
        return photo, truth

    def _scene(self, position: int, side: int, draws: np.random.Generator) -> Pair | DataError:
        """A photo without hair, on which the photo and up to three others of the epoch lie."""
        augment = self.photos.recipe.augment
        below = self._background(self.photos.grounds, position, side, draws)
        if isinstance(below, DataError):
            return below
        photo, truth = (planes.clone() for planes in below)  # what was kept may be seen through a view
        others = [int(place) for place in draws.integers(len(self), size=int(draws.integers(MOST_GUESTS)))]
        for number, place in enumerate([position, *others]):
            small = _rounded(side * draws.uniform(*augment.scene_sides))
            top, left = (int(corner) for corner in draws.integers(side - small + 1, size=2))
            guest = self._view(place, self._transform(small, WHOLE), number)
            if isinstance(guest, DataError):
                return guest
            at = (..., slice(top, top + small), slice(left, left + small))
            photo[at], truth[at] = guest
        return photo, truth

    def _background(
        self, grounds: list[Ground], position: int, side: int, draws: np.random.Generator
    ) -> Pair | DataError:
        """A photo without hair, or what is without hair in one."""
        number, index, box = grounds[int(draws.integers(len(grounds)))]
        box = box and part(box, draws)
        return self._shown(
            (number, index), self._transform(side, self.stage.area), position, MOST_GUESTS, box=box
        )

    def _view(self, position: int, transform: v2.Compose, number: int) -> Pair | DataError:
        """A photo of the epoch, varied; ``number`` tells the views of one place apart."""
        return self._shown(self.order[position], transform, position, *([number] if number else []))

    def _shown(
        self, chosen: tuple[int, int], transform: v2.Compose, *key: int, box: Box | None = None
    ) -> Pair | DataError:
        """A photo, or what of it is in ``box`` and holds no hair, varied by the numbers of ``key``."""
        which, index = chosen
        try:
            photo, truth = self.photos.sets[which][index]
        except DataError as error:
            return error
        draws = np.random.default_rng([self.photos.recipe.seed, self.epoch, DYES, *key])
        if draws.random() < self.photos.recipe.augment.dye:
            photo = dye(photo, truth, draws)
        if draws.random() < self.photos.recipe.augment.dye_other:
            photo = dye_other(photo, truth, draws)
        if self.photos.lessons is not None:
            truth = self.photos.lessons.beside(truth, self.photos.datasets[which], index)
        if box is not None:
            top, left, bottom, right = box
            # A teacher could only be wrong there.
            photo, truth = (
                photo[:, top:bottom, left:right],
                torch.zeros_like(truth[..., top:bottom, left:right]),
            )
        state = np.random.SeedSequence([self.photos.recipe.seed, self.epoch, *key]).generate_state(1)
        return vary(transform, photo, truth, int(state[0]))

    def _transform(self, side: int, area: tuple[float, float]) -> v2.Compose:
        if (side, area) not in self._transforms:
            photos = self.photos
            self._transforms[side, area] = build_augment(side, area, photos.recipe.augment, photos.padding)
        return self._transforms[side, area]

    def _side(self, position: int) -> int:
        """That of the photo's step: all parts of a step, on all processes, have one side."""
        sides = self.stage.sides
        if len(sides) == 1:
            return sides[0]
        return sides[int(self._generator(position // self.stage.batch, SIDES).integers(len(sides)))]

    def _generator(self, number: int, what: int) -> np.random.Generator:
        return np.random.default_rng([self.photos.recipe.seed, self.epoch, number, what])


def _rounded(side: float) -> int:
    """A side in steps of 8 pixels, as a transform is kept for every size."""
    return max(8, int(side) // 8 * 8)


def _tiled(planes: list[Tensor], grid: int, side: int) -> Tensor:
    """Squares (..., c, c) as ``grid`` rows of ``grid``, cut to (..., side, side)."""
    rows = [torch.cat(planes[first : first + grid], dim=-1) for first in range(0, len(planes), grid)]
    return torch.cat(rows, dim=-2)[..., :side, :side].contiguous()


class _OnDisk(Sequence[Pair]):
    """Photos that are read when they are asked for.

    Args:
        items: of one data set.
        keep: what is kept of a photo and its truth.
    """

    def __init__(self, items: tuple[Item, ...], keep: Keep) -> None:
        self.items = items
        self.keep = keep

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Pair:  # type: ignore[override]  # nobody slices
        return self.keep(*read_item(self.items[index]))


def _collate(pairs: list[Pair | DataError]) -> Any:
    """The pairs as one batch, or the first of what is wrong with them."""
    broken = next((pair for pair in pairs if isinstance(pair, DataError)), None)
    return broken or default_collate(pairs)


@lru_cache(maxsize=8)
def _shuffled(seed: int, number: int, round_number: int, count: int) -> NDArray[np.int64]:
    """One pass over a set of ``count`` photos."""
    return np.random.default_rng([seed, number, round_number]).permutation(count)


def _keep(recipe: Recipe) -> Keep:
    """What training keeps of a photo: the paper's crop scales its own size; a view needs no more than it shows."""
    if recipe.augment.crop == "paper":
        return _tensors
    # A crop of the smallest share should still hold the training size's pixels, within reason.
    side = max(int(stage.size / math.sqrt(stage.area[0])) for stage in recipe.stages)
    limit = min(side, 2 * max(stage.size for stage in recipe.stages))
    return lambda photo, truth: _shrink(photo, truth, limit)


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
    return _tensors(photo, truth)


def _tensors(photo: NDArray[np.uint8], truth: NDArray[np.uint8]) -> Pair:
    """(3, h, w) and (h, w) tensors."""
    return torch.from_numpy(photo.copy()).permute(2, 0, 1).contiguous(), torch.from_numpy(truth.copy())
