"""A recipe: one frozen dataclass; its fields are the keys of the TOML file and the flags of ``hairseg train``."""

from __future__ import annotations

import copy
import dataclasses
import math
import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from hairseg.errors import UsageError
from hairseg.fit import Fit
from hairseg.net.build import NetConfig
from hairseg.net.presets import expand
from hairseg.training.ranges import above_zero, shares, within
from hairseg.training.table import from_table

# Section 5.1 of the paper.
AUXILIARY = 0.4

# Between the sides of a stage's batches: the coarsest stride, so that features keep lying alike.
SIDE_STEP = 32
# Of `[distil] reduce`: a view of 448 pixels has 112 left.
LARGEST_REDUCTION = 4

# Keys of ``[augment]`` that say how often something is done.
PROBABILITIES = (
    *("flip", "rotate", "turn", "color", "grey", "blur", "jpeg"),
    *("light", "grain", "dye", "dye_other", "mosaic", "scene", "background", "pieces"),
)
# A run's draws come from it and from an epoch's number, in 64 bits.
LARGEST_SEED = 2**32 - 1
# What each key of a recipe's top may not be below.
LEAST = {
    **dict.fromkeys(
        ("backbone_rate", "head_rate", "weight_decay", "warmup", "dice", "edge", "seed", "workers"), 0
    ),
    **dict.fromkeys(("validate_every", "accumulate"), 1),
}


@dataclass(frozen=True)
class Source:
    """One data set of the mix.

    Attributes:
        data: ``figaro1k:PATH`` or ``folder:PATH``; ``$HAIRSEG_DATA`` and other variables are expanded.
        split: the data set's own name for the part, a list in its ``splits/``, or a path to a list.
        weight: how often each photo is seen in an epoch; 0.3 is another 30 % of the set every epoch.
        skip_tags: photos with one of these tags are left out.
    """

    data: str
    split: str = "train"
    weight: float = 1.0
    skip_tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        above_zero(self.data, "weight", self.weight)


@dataclass(frozen=True)
class Stage:
    """A run of epochs at one input size.

    Attributes:
        epochs: how many.
        size: side in pixels of the square training crops.
        smallest: each batch draws its side from here to ``size``, in steps of 32 pixels, so that heads of every size
            are seen in every epoch; 0: ``size`` alone.
        area: smallest and largest share of the photo's area that a view shows.
        batch: photos per step, over all processes.
        rate: factor on the learning rates.
    """

    epochs: int = 20
    size: int = 256
    area: tuple[float, float] = (0.3, 1.0)
    batch: int = 8
    rate: float = 1.0
    smallest: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.smallest <= self.size:
            raise UsageError(
                f"a stage's smallest side is {self.smallest} px beside a size of {self.size}: give one up to its size, "
                "or 0 for that size alone"
            )
        if min(self.epochs, self.size, self.batch) < 1:
            raise UsageError(
                f"a stage has {self.epochs} epochs of {self.size} px in batches of {self.batch}: "
                "give positive numbers"
            )
        shares("a stage", "area", self.area, "[0.3, 1.0]")
        within("a stage", "rate", self.rate)

    @property
    def sides(self) -> tuple[int, ...]:
        """The sides in pixels that a batch may have, the largest first."""
        return tuple(range(self.size, (self.smallest or self.size) - 1, -SIDE_STEP))


@dataclass(frozen=True)
class Augment:
    """How a training photo is varied; probabilities in [0, 1].

    Attributes:
        crop: ``view`` shows a share of the photo's area, resized (the stage's ``area``, and ``aspect`` here);
            ``paper`` is the paper's (section 5.1): the photo is scaled, turned and cropped, and what lies
            beyond it is the mean colour and ignored.
        scale: smallest and largest factor on the photo's own size in the paper's crop.
        aspect: the view's aspect is stretched by up to this factor either way.
        flip: mirrored left to right.
        rotate: probability of a rotation.
        degrees: its largest angle.
        turn: probability of a turn by 90, 180 or 270 degrees: people lie down and hang upside down.
        color: probability of a change of brightness, contrast, saturation (and, rarely, hue).
        grey: turned to grey.
        blur: Gaussian blur,
        blur_sigma: of a deviation between these, in pixels of the view. What is out of focus is blurred by 1 % of its
            side and more, which is 4 pixels of a view of 400.
        jpeg: compressed as JPEG
        jpeg_quality: of a quality between these.
        light: other light (``camera.py``): dark or glaring, contrast, colour.
        grain: a sensor's noise, of up to 35 levels of 255.
        dye: the hair, where the mask says that it is, in another colour (``dyes.py``): white, grey, any.
        dye_other: something that is no hair in another colour: all that has the colour of a random place there. So a
            strange colour says nothing of what is hair.

        The next four exclude each other, in this order: what is said of a share is of the views that none of those
        before took.

        mosaic: views that are put together of 2 x 2 or 4 x 4 smaller views of other photos: small heads, several
            people, and scenes that hold hair. Photos without any are most often scenes; where all that shows hair is
            a large head, a network learns to find nothing in a scene.
        mosaic_area: smallest and largest share of a photo's area that a view of a mosaic shows; the stage's ``area``
            where it is left out.
        scene: views of a photo without hair on which one to four whole photos lie: small heads too, each with what it
            belongs to, and more that is no hair than a mosaic shows. Where all training photos hold hair, the largest
            upright part without any of one of them takes the place of such a photo.
        scene_sides: smallest and largest width of such a photo, as shares of the view's.
        background: views of that part of any photo, for who has no photos without hair: walls, clothes, hands.
        pieces: views on which one to three pieces of other photos lie, cut from what is no hair in them: clothes,
            walls and faces where hair could be. Only for views that are none of the above.
    """

    crop: Literal["view", "paper"] = "view"
    scale: tuple[float, float] = (0.5, 2.0)
    aspect: float = 1.2
    flip: float = 0.5
    rotate: float = 0.5
    degrees: float = 20.0
    turn: float = 0.0
    color: float = 0.7
    grey: float = 0.1
    blur: float = 0.1
    blur_sigma: tuple[float, float] = (0.3, 1.5)
    jpeg: float = 0.1
    jpeg_quality: tuple[int, int] = (30, 90)
    light: float = 0.0
    grain: float = 0.0
    dye: float = 0.0
    dye_other: float = 0.0
    mosaic: float = 0.0
    mosaic_area: tuple[float, float] | None = None
    scene: float = 0.0
    scene_sides: tuple[float, float] = (0.2, 0.5)
    background: float = 0.0
    pieces: float = 0.0

    def __post_init__(self) -> None:
        for name in PROBABILITIES:
            within("augment", name, getattr(self, name), 0, 1)
        within("augment", "degrees", self.degrees, 0, 180)
        within("augment", "aspect", self.aspect, 1)
        if self.mosaic_area is not None:
            shares("augment", "mosaic_area", self.mosaic_area, "[0.8, 1.0]")
        if not 0 < self.scale[0] <= self.scale[1] < math.inf:
            raise UsageError(
                f"augment: scale is {list(self.scale)}: give the smallest and the largest factor, such as [0.5, 2.0]"
            )
        if not 0 < self.blur_sigma[0] <= self.blur_sigma[1] < math.inf:
            raise UsageError(
                f"augment: blur_sigma is {list(self.blur_sigma)}: give the smallest and the largest deviation in pixels, "
                "such as [0.3, 1.5]"
            )
        if not 1 <= self.jpeg_quality[0] <= self.jpeg_quality[1] <= 100:
            raise UsageError(
                f"augment: jpeg_quality is {list(self.jpeg_quality)}: give the lowest and the highest quality, such as "
                "[30, 90]"
            )
        if not 0 < self.scene_sides[0] <= self.scene_sides[1] <= 1:
            raise UsageError(
                f"augment: scene_sides is {list(self.scene_sides)}: give the smallest and the largest share of the "
                "view's side, such as [0.2, 0.5]"
            )


@dataclass(frozen=True)
class Distil:
    """What a network learns from other networks' answers, beside the masks (Hinton et al., arXiv 1503.02531).

    Attributes:
        teachers: models of this project: a packaged one's name, an exported ``.onnx``, a checkpoint, or a recipe
            (``.toml``), which is trained first. Their probabilities for a photo and for its mirror image are
            averaged. None: the masks alone.
        share: of the teachers in the cross-entropy's target, in [0, 1]; the rest is the mask's.
        sizes: of the canvases, in pixels, on which every teacher is asked; the answers are averaged. None: on the
            canvas of its own recipe.
        imitate: of what the training starts from, with all of its channels, in the cross-entropy's target, in [0, 1]; the
            rest is as above. It is asked about each view as it is varied: what it knows of things that are no hair, and
            no mask tells, is not lost with the channels that are left out. 0: it is not asked.
        imitate_of: another model than what the training starts from, as ``teachers``; empty for none.
        reduce: how many times smaller, in side, the network that learns sees each view, beside what it imitates, which
            sees the stage's ``size``: a small network is asked on a small canvas, and taught what is right there. 1: as
            large.
        features: weight of the squared error of the features that the network's parts hand on, beside those of what is
            imitated (Romero et al., "FitNets", arXiv 1412.6550), in units of their variance. Features say more of a
            photo than the answer does, so that fewer photos tell as much. 0: they are not compared.
    """

    teachers: tuple[str, ...] = ()
    share: float = 0.5
    sizes: tuple[int, ...] = ()
    imitate: float = 0.0
    imitate_of: str = ""
    reduce: float = 1.0
    features: float = 0.0

    def __post_init__(self) -> None:
        for size in self.sizes:
            Fit(size=size)  # refuses what no canvas can have
        if not 0 <= self.share <= 1:
            raise UsageError(f"distil: share is {self.share:g}: give a number from 0 (the mask alone) to 1")
        within("distil", "imitate", self.imitate, 0, 1)
        if not self.features >= 0:
            raise UsageError(f"distil: features is {self.features:g}: give a weight, 0 or more")
        if not 1 <= self.reduce <= LARGEST_REDUCTION:
            raise UsageError(
                f"distil: reduce is {self.reduce:g}: give a number from 1 to {LARGEST_REDUCTION}"
            )
        if (self.imitate_of or self.reduce != 1) and not self.imitate:
            raise UsageError(
                "distil: imitate_of and reduce say how imitate is meant: give imitate, too, or leave them out"
            )
        if self.features and (self.imitate_of or self.reduce != 1):
            raise UsageError(
                "distil: features are compared with those of what the training starts from, at one size: leave "
                "imitate_of and reduce out, or features"
            )
        if self.features and not self.imitate:
            raise UsageError(
                "distil: features are those of what is imitated: give imitate, too, or leave features out"
            )


@dataclass(frozen=True)
class Recipe:
    """Everything that a training run depends on, besides the photos.

    Attributes:
        name: name of the model and of the run, which files and folders are called by.
        net: the network.
        train: the mix of training data.
        validate: the photos on which checkpoints are compared; empty to keep the last one.
        stages: epochs and sizes, one after another; the learning rate falls over all of them together.
        fit: how a photo becomes a canvas in validation and in the exported model.
        augment: how training photos are varied.
        pretrained: ``imagenet``, ``none``, or a model of this project to start from: a packaged one's name, an
            exported ``.onnx`` file, a checkpoint, or another recipe (``.toml``), which is trained first.
        fresh: parts of the network that start anew beside such a model, by the beginnings of their names, such as
            ``pyramid`` or ``decoder.reduce``: what the model has not, or has in another shape.
        trainable: parts of the network that learn, named likewise; the rest stays as the training found it, its batch
            norms' statistics too. None: all learn.
        still_norms: batch norms keep the statistics that they start with, and dropout is off, as in what ships: for a
            model that finds hair already and learns at low rates. So it is in any case where that model is imitated.
        distil: other networks to learn from.
        optimizer: ``adamw`` or ``sgd``.
        backbone_rate: learning rate of the pretrained backbone.
        head_rate: learning rate of the new layers.
        weight_decay: on weights of convolutions; not on norms and biases, unless
        decay_all: on them too, as in the paper's code.
        schedule: ``poly`` (power 0.9, the paper's section 5.1) or ``cosine``, per step.
        warmup: steps of linear warm-up.
        dice: weight of the Dice loss beside cross-entropy.
        edge: extra weight of pixels near the true edge in the cross-entropy.
        auxiliary: weight of the auxiliary head's loss; without it 0.4 (the paper's section 5.1) where the network
            has that head.
        ema: decay of the moving average of the weights, which is what is validated and shipped; 0 for none.
        keep: share, in [0, 1), of the model that the training started from in the weights that are validated and
            shipped: what it could do on other photos is not lost; 0 for none.
        keep_of: another model instead, of which that share is kept: a checkpoint (``.safetensors``) or a recipe
            (``.toml``) that is trained first, from which the training descends, or which started from where it
            did: the mean of two such can be better than either (Wortsman et al., "Model soups", ICML 2022).
            Weights that never were the same have no mean that works.
        bf16: autocast to bfloat16 where the CPU has it in hardware; float32 elsewhere.
        seed: of everything random.
        validate_every: epochs between validations; the last epoch is always validated.
        accumulate: parts in which a step's batch is computed one after another, for less memory; batch norm sees a
            part.
        in_memory: keep the decoded training photos in memory; false reads them again in every epoch, for sets
            that are larger than the memory.
        workers: helpers of each process that read and augment.
    """

    name: str
    net: NetConfig = field(default_factory=NetConfig)
    train: tuple[Source, ...] = (Source("figaro1k:$HAIRSEG_DATA/figaro1k", "train756"),)
    validate: tuple[Source, ...] = (Source("figaro1k:$HAIRSEG_DATA/figaro1k", "val84"),)
    stages: tuple[Stage, ...] = (Stage(),)
    fit: Fit = field(default_factory=Fit)
    augment: Augment = field(default_factory=Augment)
    pretrained: str = "imagenet"
    fresh: tuple[str, ...] = ()
    trainable: tuple[str, ...] = ()
    still_norms: bool = False
    distil: Distil = field(default_factory=Distil)
    optimizer: Literal["adamw", "sgd"] = "adamw"
    backbone_rate: float = 3e-4
    head_rate: float = 1e-3
    weight_decay: float = 1e-2
    decay_all: bool = False
    schedule: Literal["poly", "cosine"] = "poly"
    warmup: int = 100
    dice: float = 0.5
    edge: float = 0.0
    auxiliary: float | None = None
    ema: float = 0.998
    keep: float = 0.0
    keep_of: str = ""
    bf16: bool = True
    seed: int = 0
    validate_every: int = 1
    accumulate: int = 1
    in_memory: bool = True
    workers: int = 1

    def __post_init__(self) -> None:
        if not is_file_name(self.name):
            raise UsageError(
                f"name is {self.name!r}: files are called by it, so give a word without / and \\"
            )
        for name, least in LEAST.items():
            within("", name, getattr(self, name), least)
        within("", "seed", self.seed, 0, LARGEST_SEED)
        if not self.stages:
            raise UsageError("stages is empty: give at least one, with its epochs and its size")
        if not 0 <= self.ema < 1:
            raise UsageError(f"ema is {self.ema:g}: give a decay from 0 (none) to below 1, such as 0.998")
        if not 0 <= self.keep < 1:
            raise UsageError(f"keep is {self.keep:g}: give a share from 0 (none) to below 1, such as 0.3")
        if self.keep and (self.fresh or self.pretrained in ("imagenet", "none")):
            raise UsageError(
                f"keep is {self.keep:g}, but not all weights start from a model that could be kept: set pretrained to "
                "one, without fresh parts, or leave keep out"
            )
        if self.keep_of and not (self.keep and self.keep_of.endswith((".toml", ".safetensors"))):
            raise UsageError(
                f"keep_of is {self.keep_of!r} beside keep = {self.keep:g}: give a .toml recipe or a .safetensors "
                "checkpoint, and the share of it as keep, or leave keep_of out"
            )
        if self.keep_of and not self.pretrained.endswith((".toml", ".safetensors")):
            raise UsageError(
                f"keep_of beside pretrained = {self.pretrained!r}: an exported model's batch norms are measured anew "
                "by every training that starts from it, and no two of these have a mean that works; start from a "
                ".toml recipe or a .safetensors checkpoint"
            )
        if (self.distil.teachers or self.distil.imitate) and self.net.classes != 1:
            raise UsageError(
                f"distil: teachers know hair alone, and the network tells {self.net.classes} classes apart: "
                "leave them out"
            )
        if self.distil.imitate and not self.distil.imitate_of and self.pretrained in ("none", "imagenet"):
            raise UsageError(
                f"distil: imitate is {self.distil.imitate:g} beside pretrained = {self.pretrained!r}, which finds no "
                "hair: start from a model of this project, or name one as imitate_of"
            )
        if self.still_norms and self.pretrained == "none":
            raise UsageError(
                "still_norms beside pretrained = 'none': there are no statistics yet that norms could keep; leave it out"
            )
        about_hair = [name for name in ("dye", "scene", "background") if getattr(self.augment, name)]
        if about_hair and self.net.classes != 1:
            raise UsageError(
                f"augment: {about_hair[0]} asks what is hair, and the network tells {self.net.classes} classes apart: "
                "leave it out"
            )
        if self.auxiliary is None:
            return
        if not self.net.auxiliary:
            raise UsageError(
                f"auxiliary = {self.auxiliary:g} weighs the loss of an auxiliary head, but the network has none: "
                "set auxiliary = true under [net], or leave the weight out"
            )
        if not 0 <= self.auxiliary < math.inf:
            raise UsageError(
                f"auxiliary is {self.auxiliary:g}: give a weight of 0 or more, such as {AUXILIARY}"
            )

    @property
    def auxiliary_weight(self) -> float:
        """The weight of the auxiliary loss, given or by default; 0 for a network without that head."""
        if self.auxiliary is None:
            return AUXILIARY if self.net.auxiliary else 0.0
        return self.auxiliary


def is_file_name(name: str) -> bool:
    """Whether a file of that name lies where it is put: no way out of its folder, nothing that a terminal acts on."""
    return (
        name.isprintable()
        and name == name.strip()
        and not set(name) & set("/\\")
        and name not in ("", ".", "..")
    )


def read_recipe(path: Path, overrides: dict[str, Any] | None = None) -> Recipe:
    """The recipe in a TOML file, with flags on top.

    Args:
        path: the TOML file; its name is the default for ``name``.
        overrides: dotted keys, for example ``{"seed": 1, "fit.size": 320}``.

    Raises:
        UsageError: missing, not TOML, an unknown key (the nearest known one is named) or a wrong value.
    """
    return recipe_of(read_table(path), path, overrides)


def read_table(path: Path, kind: str = "recipe") -> dict[str, Any]:
    """The values of a TOML file; ``kind`` says in the message what was looked for.

    Raises:
        UsageError: missing, or not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise UsageError(f"{path}: no such {kind}") from error
    except (ValueError, RecursionError, OSError) as error:  # TOML's and UTF-8's errors are ValueErrors
        raise UsageError(f"{path}: not a readable TOML file ({error})") from error


def recipe_of(
    values: dict[str, Any], path: Path, overrides: dict[str, Any] | None = None, where: str = ""
) -> Recipe:
    """A recipe from the values of its file, with overrides on top.

    Args:
        values: as :func:`read_table` gives them; they stay as they are.
        path: of the file: its name is the default for ``name``, and lists of photo names stand beside it.
        overrides: dotted keys, for example ``{"seed": 1, "fit.size": 320}``.
        where: what a message names; the file by default.

    Raises:
        UsageError: an unknown key (the nearest known one is named) or a wrong value.
    """
    where = where or str(path)
    table = copy.deepcopy(values)
    for key, value in (overrides or {}).items():
        _put(table, key, value, where)
    table.setdefault("name", path.stem)
    if isinstance(table.get("net"), dict):
        table["net"] = expand(table["net"], where)
    recipe = from_table(Recipe, table, where)
    if recipe.pretrained.endswith(".toml"):
        recipe = dataclasses.replace(recipe, pretrained=_beside(recipe.pretrained, path.parent))
    if recipe.keep_of:
        recipe = dataclasses.replace(recipe, keep_of=_beside(recipe.keep_of, path.parent))
    teachers = tuple(_beside(one, path.parent) for one in recipe.distil.teachers)
    imitate_of = _beside(recipe.distil.imitate_of, path.parent)
    distil = dataclasses.replace(recipe.distil, teachers=teachers, imitate_of=imitate_of)
    recipe = dataclasses.replace(recipe, distil=distil)
    train, judged = (
        tuple(beside(one, path.parent) for one in part) for part in (recipe.train, recipe.validate)
    )
    return dataclasses.replace(recipe, train=train, validate=judged)


def beside(source: Source, place: Path) -> Source:
    """A list of photo names given as a relative path stands beside the recipe, wherever the run starts."""
    if source.split.endswith(".txt"):
        return dataclasses.replace(source, split=_beside(source.split, place))
    return source


def _beside(name: str, place: Path) -> str:
    """A relative path as one from here, if there is such a file in ``place``."""
    return str(place / name) if os.path.isfile(place / name) else name  # noqa: PTH113 - never raises


def _put(table: dict[str, Any], dotted: str, value: Any, where: str) -> None:
    *groups, last = dotted.split(".")
    for key in groups:
        inner: Any = table.setdefault(key, {})
        if not isinstance(inner, dict):
            raise UsageError(
                f"{where}: {dotted!r} is no key, since {key!r} is no table: give {key!r} as a whole"
            )
        table = inner
    table[last] = value
