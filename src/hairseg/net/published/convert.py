"""A published PSPNet's weights -> our network: which one it is, our names for its tensors, and what does not fit.

The tensors of a file lie under any prefix (``module.`` of DataParallel, ``model.`` of Lightning), with or without
the auxiliary head, with or without ``num_batches_tracked``. Everything that gives logits must fit exactly.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hairseg.errors import ModelError, UsageError
from hairseg.net.backbones import IMAGENET_MEAN, IMAGENET_STD
from hairseg.net.build import NetConfig, build
from hairseg.net.files import write_tensors
from hairseg.net.presets import preset
from hairseg.net.pspnet import PSPNet
from hairseg.net.published.fitting import check, fill, has_auxiliary, some
from hairseg.net.published.formats import Format
from hairseg.net.published.mmseg import MMSEG, named_classes, preprocessing
from hairseg.net.published.reading import read_published
from hairseg.net.published.seed import SEED
from hairseg.net.published.semseg import SEMSEG
from hairseg.net.published.smp import SMP

FORMATS = (SEMSEG, MMSEG, SMP, SEED)
# What no tensor shows, and a caller may know better than the preset.
UNSEEN = (
    "bins",
    "pooling",
    "output_stride",
    "contract_dilation",
    "dilate_second",
    "concat",
    "align_corners",
    "align_logits",
    "dropout",
    "auxiliary",
)


@dataclass(frozen=True)
class Converted:
    """A published network as one of ours.

    Attributes:
        net: with the published weights, float32, in eval mode.
        config: its description.
        preset: which of the presets it is, or is closest to.
        left_out: what the file holds besides, and gives no logits: unused stages, another head, the auxiliary
            head where it is not whole, as parts or as names of tensors.
        classes: names and colours of its classes where the file has them, for the header.
    """

    net: PSPNet
    config: NetConfig
    preset: str
    left_out: tuple[str, ...]
    classes: dict[str, list[str]]

    def write(self, path: Path, **facts: Any) -> None:
        """Write a file that :func:`hairseg.net.load` reads, with ``facts`` in its header."""
        header = {
            "net": dataclasses.asdict(self.config),
            "preset": self.preset,
            "mean": list(self.net.backbone.mean),
            "std": list(self.net.backbone.std),
            **self.classes,
            **facts,
        }
        write_tensors(path, dict(self.net.state_dict()), header)


def convert(path: Path, **changes: Any) -> Converted:
    """The network in a published file.

    Args:
        path: .pth, .pt, .ckpt or .safetensors, of semseg, mmsegmentation, segmentation_models.pytorch or the
            seed's upstream.
        changes: fields of NetConfig that no tensor shows, those in ``UNSEEN``, for example ``bins``.

    Raises:
        UsageError: a change of what the tensors show.
        ModelError: missing, damaged, not a format that is known, or its tensors do not fit; says which.
    """
    state, entries = read_published(path)
    try:
        return from_state(state, entries, **changes)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error


def from_state(
    state: Mapping[str, Tensor], entries: Mapping[str, Any] | None = None, **changes: Any
) -> Converted:
    """The network of a published state dict; changes and errors as of :func:`convert`.

    Args:
        state: tensors by their published names, under any prefix.
        entries: what the file holds beside them.
        changes: fields of NetConfig that no tensor shows.
    """
    for name in changes:
        if name not in UNSEEN:
            raise UsageError(f"{name} is seen in the file: what can be given is {', '.join(UNSEEN)}")
    entries = entries or {}
    kind, tensors, beside = recognise(state)
    config = _config(kind, tensors, entries, changes)
    with torch.device("meta"):  # shapes alone: the weights come from the file
        net = build(config)
    if config.auxiliary and not has_auxiliary(kind, config, net, tensors):
        net, config = net.without_auxiliary(), dataclasses.replace(config, auxiliary=False)
    left_out = check(kind, config, net, tensors)
    fill(kind, config, net, tensors)
    net.backbone.mean, net.backbone.std = preprocessing(entries) or (IMAGENET_MEAN, IMAGENET_STD)
    return Converted(
        net.eval(), config, kind.preset, (*beside, *left_out), named_classes(entries, config.classes)
    )


def recognise(state: Mapping[str, Tensor]) -> tuple[Format, dict[str, Tensor], tuple[str, ...]]:
    """Which format a state dict is of, its tensors without their prefix, and the names of those that have none.

    Raises:
        ModelError: none that is known, or several networks.
    """
    found = []
    for kind in FORMATS:
        tensors = {_today(name, kind): value for name, value in state.items()}
        ends = (
            (name, marker) for name in tensors for marker in kind.markers if f".{name}".endswith(f".{marker}")
        )
        prefixes = Counter(name.removesuffix(marker) for name, marker in ends)
        found += [(kind, tensors, prefix) for prefix, markers in prefixes.items() if markers > 1]
    if not found:
        known = ", ".join(kind.preset for kind in FORMATS)
        raise ModelError(f"no published PSPNet that is known ({known}): its tensors are called {some(state)}")
    if len(found) > 1:
        places = " and ".join(repr(prefix) for _, _, prefix in found)
        raise ModelError(f"holds several networks, under {places}: save the state dict of one of them")
    kind, tensors, prefix = found[0]
    inside = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
    beside = tuple(name for name in tensors if not name.startswith(prefix))
    if beside and prefix.startswith("module."):  # DataParallel leaves nothing outside
        raise ModelError(f"holds tensors beside the network under {prefix!r}: {some(beside)}")
    return kind, inside, beside


def _today(name: str, kind: Format) -> str:
    for pattern, replacement in kind.older:
        name = re.sub(pattern, replacement, name)
    return name


def _config(
    kind: Format, tensors: Mapping[str, Tensor], entries: Mapping[str, Any], changes: dict[str, Any]
) -> NetConfig:
    shapes = {name: tuple(value.shape) for name, value in tensors.items()}
    found = {name: value for name, value in kind.fields(shapes, entries).items() if value is not None}
    fields = found | changes
    if "bins" not in fields:
        raise ModelError(
            f"its pyramid has another number of levels than {kind.preset}'s, and no tensor shows their sizes: "
            "give them, for example --bins '[1, 2, 4]'"
        )
    if kind.auxiliary:
        fields.setdefault("auxiliary", any(name.startswith(kind.auxiliary) for name in tensors))
    return preset(kind.preset, **fields)
