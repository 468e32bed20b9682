"""The packaged models, and what an ONNX file says about itself.

Each ``NAME.onnx`` beside this file carries its own preprocessing, threshold, data, licence and scores in its
metadata; ``SHA256SUMS`` (as ``sha256sum`` writes it) holds the checksums and ``NAME.md`` the card.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hairseg.classes import Classes, make_classes
from hairseg.errors import ModelError, UsageError
from hairseg.fit import Fit
from hairseg.models.contained import is_contained
from hairseg.printable import printable

if TYPE_CHECKING:
    import onnxruntime

DEFAULT = "hairseg-int8"
FOLDER = Path(__file__).parent
FORMAT = 1

_REINSTALL = "install it again: pip install --force-reinstall hairseg"

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class ModelInfo:
    """What a model says about itself.

    Attributes:
        name: short name, that of the file without ``.onnx`` for packaged ones.
        path: the ONNX file.
        architecture: the network in a few words.
        mean, std: of each colour, for input in [0, 1].
        fit: how a photo becomes the model's canvas.
        threshold: a probability from here on is hair.
        color_share: that of the photo's own colours in the probability near the border, 0 to 1.
        classes: what the outputs mean.
        colors: of the classes, ``#rrggbb``; empty for hair.
        data: the sets that it was trained on.
        licence: of the weights.
        parameters: their number.
        multiply_adds: for one canvas of ``fit.size`` x ``fit.size``.
        recipe: the file that trained it.
        scores: set and split (``figaro1k:test``) to measure to value.
        more: entries that this version of hairseg does not know.
    """

    name: str
    path: Path
    architecture: str
    mean: Triple
    std: Triple
    fit: Fit
    threshold: float = 0.5
    color_share: float = 0.0
    classes: tuple[str, ...] = ("hair",)
    colors: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    licence: str = ""
    parameters: int = 0
    multiply_adds: int = 0
    recipe: str = ""
    scores: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def scene_classes(self) -> Classes:
        """Names and colours of the classes.

        Raises:
            ValueError: they do not fit together.
        """
        return make_classes(self.classes, self.colors)

    @property
    def bytes(self) -> int:
        """Size of the file."""
        return self.path.stat().st_size

    def sha256(self) -> str:
        """Checksum of the file, hexadecimal."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def list_models() -> list[ModelInfo]:
    """The packaged models, the default first.

    Raises:
        ModelError: one of them is damaged.
    """
    names = sorted(packaged(), key=lambda name: (name != DEFAULT, name))
    return [read_info(find_model(name)) for name in names]


def packaged() -> dict[str, Path]:
    """Name and file of every model in the package."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.onnx"))}


def find_model(model: str | os.PathLike[str] | None = None) -> Path:
    """The file of a model.

    Args:
        model: name of a packaged model, path of an ONNX file, or None for the default.

    Raises:
        ModelError: there is none, a packaged one does not have its checksum, or another one is no ONNX file or
            names further files to be read.
    """
    known = packaged()
    if model is None or os.fspath(model) in known:
        name = DEFAULT if model is None else os.fspath(model)
        if name not in known:
            raise ModelError(f"the packaged model {name!r} is missing: {_REINSTALL}")
        _verify(known[name])
        return known[name]
    path = Path(model)
    if os.path.isfile(path):  # noqa: PTH113 - which says no where pathlib raises
        _check_contained(path)
        return path
    shown = printable(model)
    if path.suffix == ".onnx" or len(path.parts) > 1:
        what = "is a folder" if os.path.isdir(path) else "does not exist"  # noqa: PTH112
        raise ModelError(f"the model file {shown} {what}: name a file that `hairseg export` wrote")
    import difflib

    near = difflib.get_close_matches(shown, known, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    names = ", ".join(known) or "none is packaged"
    raise ModelError(f"model {shown!r} is unknown: {hint}use a packaged one ({names}) or an .onnx file")


def spelled(path: Path) -> str:
    """What :func:`find_model` finds a model's file by, in another process too."""
    return path.stem if packaged().get(path.stem) == path else str(path.absolute())


def _check_contained(path: Path) -> None:
    """Refuse a model that would have the runtime read other files."""
    try:
        contained = is_contained(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{printable(path)} is not a working ONNX model ({error}): export it with `hairseg export`"
        ) from error
    if not contained:
        raise ModelError(
            f"{printable(path)} keeps weights in other files: save it as one file, or export it with "
            "`hairseg export`"
        )


def _verify(path: Path) -> None:
    """Refuse a packaged model whose bytes are not those that were shipped."""
    sums = {}
    listing = path.with_name("SHA256SUMS")
    if listing.is_file():
        for line in listing.read_text(encoding="utf-8").splitlines():
            checksum, _, name = line.partition(" ")
            sums[name.lstrip(" *")] = checksum
    if path.name not in sums:
        raise ModelError(f"the packaged model {path.name} has no checksum in {listing.name}: {_REINSTALL}")
    # At once: piece by piece this thread would ask for the interpreter's lock, and wait beside imports, for each.
    if hashlib.sha256(path.read_bytes()).hexdigest() != sums[path.name]:
        raise ModelError(f"the packaged model {path.name} is damaged, its checksum differs: {_REINSTALL}")


def read_info(path: Path) -> ModelInfo:
    """What the ONNX file at ``path`` says about itself.

    Raises:
        ModelError: it is damaged or not one of ours.
    """
    from hairseg.session import open_session

    # The metadata alone is wanted: skip the work on the graph.
    return info_of(open_session(path, threads=1, optimise=False), path)


def info_of(session: onnxruntime.InferenceSession, path: Path) -> ModelInfo:
    """What the model of an open session says about itself; ``path`` is its file.

    Raises:
        ModelError: its ``hairseg`` entry is missing or wrong.
    """
    try:
        metadata = dict(session.get_modelmeta().custom_metadata_map)
    except UnicodeDecodeError as error:
        raise ModelError(
            f"{printable(path)} is not a hairseg model, its metadata is no text: export it again"
        ) from error
    return parse_info(metadata, path)


def parse_info(metadata: Mapping[str, str], path: Path) -> ModelInfo:
    """:class:`ModelInfo` from an ONNX file's ``metadata_props``.

    Raises:
        ModelError: the ``hairseg`` entry is missing or wrong.
    """
    shown = printable(path)
    if "hairseg" not in metadata:
        raise ModelError(f"{shown} is not a hairseg model: export one with `hairseg export`")
    try:
        entry = dict(json.loads(metadata["hairseg"]))
        written = int(entry.pop("format"))
        if written > FORMAT:
            raise ModelError(
                f"{shown} is of format {written}, newer than this hairseg: pip install -U hairseg"
            )
        return _info(entry, path)
    except (
        *(KeyError, ValueError, TypeError, AttributeError, OverflowError, RecursionError),
        UsageError,
    ) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else printable(str(error))
        raise ModelError(
            f"{shown} is not a hairseg model, its metadata is wrong ({reason}): "
            "export it with `hairseg export`"
        ) from error


def _info(entry: dict[str, Any], path: Path) -> ModelInfo:
    """Checked fields of the metadata; raises a built-in error for a wrong one."""
    info = ModelInfo(
        name=printable(str(entry.pop("name"))),
        path=path,
        architecture=printable(str(entry.pop("architecture", ""))),
        mean=_triple("mean", entry.pop("mean")),
        std=_triple("std", entry.pop("std")),
        fit=_fit(entry.pop("fit")),
        threshold=float(entry.pop("threshold", 0.5)),
        color_share=float(entry.pop("color_share", 0.0)),
        classes=tuple(map(str, entry.pop("classes", ["hair"]))),
        colors=tuple(map(str, entry.pop("colors", []))),
        data=tuple(printable(str(one)) for one in entry.pop("data", [])),
        licence=printable(str(entry.pop("licence", ""))),
        parameters=int(entry.pop("parameters", 0)),
        multiply_adds=int(entry.pop("multiply_adds", 0)),
        recipe=printable(str(entry.pop("recipe", ""))),
        scores={str(split): dict(values) for split, values in dict(entry.pop("scores", {})).items()},
        more=entry,
    )
    if not 0 <= info.threshold <= 1:
        raise ValueError(f"threshold {info.threshold} is not in [0, 1]")
    if not 0 <= info.color_share <= 1:
        raise ValueError(f"color_share {info.color_share} is not in [0, 1]")
    if min(info.std) <= 0:
        raise ValueError("std is not positive")
    if not info.scene_classes:
        raise ValueError("it has no classes")
    return info


def _fit(entry: dict[str, Any]) -> Fit:
    """What :meth:`hairseg.fit.Fit.described` wrote."""
    return Fit(entry["mode"], int(entry["size"]), int(entry["multiple"]), float(entry.get("enlarge", 1.0)))


def _triple(name: str, values: Any) -> Triple:
    """Three numbers, one a colour."""
    if len(values) != 3:
        raise ValueError(f"{name} does not have 3 values")
    red, green, blue = map(float, values)
    if not math.isfinite(red + green + blue):
        raise ValueError(f"{name} is not finite")
    return red, green, blue
