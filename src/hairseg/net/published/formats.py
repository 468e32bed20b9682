"""What a published format of PSPNet is: its names for our tensors, and what the shapes say.

Every format names the same parts differently. Which network a file holds is read from the names and shapes
of its tensors alone, except for what no tensor shows (bins, dilation, align_corners): that is the preset's,
unless the file carries the settings that it was trained with.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hairseg.errors import ModelError
from hairseg.net.build import NetConfig
from hairseg.net.resnet import Stem

Shapes = Mapping[str, tuple[int, ...]]
# Pairs of a pattern at the start of our name and what stands there in theirs, the first match counts.
Names = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Format:
    """One published format.

    Attributes:
        preset: its name among the presets.
        markers: tensors that tell it; a file that holds two of them is taken for this format.
        fields: shapes and the file's other entries -> fields of NetConfig that differ from the preset's; None
            where nothing tells. Raises ModelError where no network of ours is like it.
        names: the network -> how its tensors are called.
        auxiliary: what the names of the auxiliary head begin with; empty where there is none.
        leftovers: beginnings of names of parts that give no logits.
        older: patterns and replacements that turn names of older releases into today's.
        zeros: our names of biases that some releases do without; absent ones are 0.
    """

    preset: str
    markers: tuple[str, ...]
    fields: Callable[[Shapes, Mapping[str, Any]], dict[str, Any]]
    names: Callable[[NetConfig], Names]
    auxiliary: str = ""
    leftovers: tuple[str, ...] = ()
    older: Names = ()
    zeros: str = ""

    def theirs(self, ours: str, names: Names) -> str:
        """The format's name for one of our tensors."""
        for pattern, replacement in names:
            renamed, count = re.subn(f"^{pattern}", replacement, ours, count=1)
            if count:
                return renamed
        raise AssertionError(f"{self.preset} has no name for {ours}")


def vote(shapes: Shapes, *places: tuple[str, int]) -> int | None:
    """What most of the tensors say that a number is; None where none of them is there.

    One tensor of a wrong shape is then reported as such, rather than believed.

    Args:
        shapes: of all tensors.
        places: names, and the axis whose length is the number; the first counts where they are divided.
    """
    said = [shapes[name][axis] for name, axis in places if axis < len(shapes.get(name, ()))]
    return Counter(said).most_common(1)[0][0] if said else None


def norm(prefix: str) -> list[tuple[str, int]]:
    """Where a batch norm says how many channels it has."""
    return [(f"{prefix}.{part}", 0) for part in ("weight", "bias", "running_mean", "running_var")]


def auxiliary_width(shapes: Shapes, convolution: str, normed: str) -> int | None:
    """Channels of an auxiliary head; None where they are the usual quarter of its stage's."""
    width = vote(shapes, *norm(normed), (f"{convolution}.weight", 0))
    stage = vote(shapes, (f"{convolution}.weight", 1))
    return None if width is None or stage is None or width == stage // 4 else width


def bins(levels: int) -> tuple[int, ...] | None:
    """The grid sizes of a pyramid of that many levels, which no tensor shows: the paper's four, or none."""
    return {0: (), 4: (1, 2, 3, 6)}.get(levels)


def count(shapes: Shapes, pattern: str) -> int:
    """How many numbers follow ``pattern`` at the start of a name, counted from 0."""
    numbers = [re.match(rf"{pattern}(\d+)\.", name) for name in shapes]
    return max((int(number[1]) for number in numbers if number), default=-1) + 1


# timm's name: 3 convolutions in a block, blocks in each stage, channels of layer1's 3x3 and of its input.
_RESNETS: dict[str, tuple[bool, tuple[int, ...], tuple[int, int]]] = {
    "resnet18": (False, (2, 2, 2, 2), (64, 64)),
    "resnet34": (False, (3, 4, 6, 3), (64, 64)),
    "resnet50": (True, (3, 4, 6, 3), (64, 64)),
    "resnet101": (True, (3, 4, 23, 3), (64, 64)),
    "resnet152": (True, (3, 8, 36, 3), (64, 64)),
    "resnext50_32x4d": (True, (3, 4, 6, 3), (128, 4)),
    "resnext101_32x8d": (True, (3, 4, 23, 3), (256, 8)),
    "wide_resnet50_2": (True, (3, 4, 6, 3), (128, 128)),
    "wide_resnet101_2": (True, (3, 4, 23, 3), (128, 128)),
}


def resnet(shapes: Shapes, stages: tuple[str, ...]) -> str:
    """timm's name of the ResNet whose stages have names that begin with ``stages``.

    Args:
        shapes: of all tensors.
        stages: what the names of layer1, layer2 ... begin with; stages that are not there are not compared.

    Raises:
        ModelError: none of the known ones.
    """
    depths = tuple(depth for stage in stages if (depth := count(shapes, re.escape(stage))))
    three = f"{stages[0]}0.conv3.weight" in shapes
    same = {
        name: inner
        for name, (bottleneck, known, inner) in _RESNETS.items()
        if depths and bottleneck == three and known[: len(depths)] == depths
    }
    if not same:
        blocks = f"stages of {', '.join(map(str, depths))} blocks" if depths else "no stages of a ResNet"
        raise ModelError(f"its backbone has {blocks}; known are {', '.join(_RESNETS)}")
    inner = shapes.get(f"{stages[0]}0.conv2.weight", ())[:2]
    # An unknown width is left to the comparison of shapes, which says it tensor by tensor.
    return next((name for name, known in same.items() if known == inner), next(iter(same)))


def stem(shapes: Shapes, convolutions: str, second_stage: str) -> Stem:
    """A ResNet's stem.

    Args:
        shapes: of all tensors.
        convolutions: what the names of a deep stem's convolutions begin with, before their index.
        second_stage: what the names of layer2 begin with.
    """
    width = vote(
        shapes, (f"{convolutions}0.weight", 0), (f"{convolutions}3.weight", 0), *norm(f"{convolutions}1")
    )
    if width is None:
        return "7x7"
    if width == 64:
        return "deep"
    # A pooling without weights stands before the convolution that downsamples, and takes the index 0.
    return "vd" if len(shapes.get(f"{second_stage}0.downsample.1.weight", ())) == 4 else "v1c"
