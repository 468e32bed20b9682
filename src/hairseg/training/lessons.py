"""Lessons: what teachers say of the training photos, computed once, kept beside the run, varied with the masks.

A mean over several networks, each asked about the photo and about its mirror image, is right more often than any one
of them, and a network that learns it keeps a part of that (Hinton et al., "Distilling the Knowledge in a Neural
Network", arXiv 1503.02531). Its doubt at hair's edges is a better target than a mask that decided by chance.
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from hairseg.data import DataSet, Item, read_item
from hairseg.errors import DataError, ModelError, OutputError, UsageError
from hairseg.fit import Fit, fit, unfit
from hairseg.models import find_model, packaged
from hairseg.network import Network
from hairseg.printable import printable
from hairseg.save import write
from hairseg.training.checkpoint import read_checkpoint
from hairseg.training.predict import on_canvas
from hairseg.training.processes import Processes
from hairseg.tta import Run, both_ways

# The folder of a run that keeps them.
LESSONS = "lessons"
SUFFIX = ".png"
# In that folder: checksums of the photos that the answers are about.
ASKED = "asked.txt"


class Lessons:
    """Teachers' answers in a folder, one 8-bit image a photo.

    Args:
        folder: made by :func:`teach`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def place(self, dataset: DataSet, item: Item) -> Path:
        """The image of one photo."""
        return self.folder / dataset.name.replace(":", "-") / f"{item.name}{SUFFIX}"

    def beside(self, truth: Tensor, dataset: DataSet, index: int) -> Tensor:
        """The truth and the teachers' answer.

        Args:
            truth: (h, w) uint8, of the photo's size or smaller.
            dataset: of the photo.
            index: of the photo in it.

        Returns:
            (2, h, w) uint8: the truth, and the probability in 255ths.

        Raises:
            DataError: the answer cannot be read any more.
        """
        place = self.place(dataset, dataset.items[index])
        height, width = truth.shape
        try:
            with Image.open(place) as image:
                answer = np.array(image.convert("L").resize((width, height), Image.Resampling.BILINEAR))
        except OSError as error:
            raise DataError(
                f"{printable(place)}: a teacher's answer cannot be read ({error}): remove it and start the training again"
            ) from error
        return torch.stack([truth, torch.from_numpy(answer)])


def teach(
    teachers: Sequence[str],
    datasets: Sequence[DataSet],
    folder: Path,
    processes: Processes,
    report: Callable[[str], None],
    sizes: Sequence[int] = (),
    digests: Sequence[str] = (),
) -> Lessons:
    """Ask the teachers about every photo that the folder has no answer for.

    Args:
        teachers: packaged models' names, ``.onnx`` files, or checkpoints.
        datasets: training photos.
        folder: of the answers.
        processes: that share the photos.
        report: told how many there are to ask about.
        sizes: of the canvases in pixels on which each teacher is asked; its own where there are none.
        digests: checksums of the photos and their masks, in the data sets' order: an answer about a photo that has
            changed since is none. Empty: nobody looks.

    Raises:
        UsageError: a teacher's name is none, or two data folders of one name hold photos of one name.
        ModelError: its file is missing, damaged, or tells other classes than hair.
        DataError: a photo cannot be read any more.
        OutputError: the folder cannot be written.
    """
    lessons = Lessons(folder)
    wanted = [(lessons.place(dataset, item), item) for dataset in datasets for item in dataset.items]
    photo_of: dict[Path, Path] = {}
    for place, item in wanted:
        if photo_of.setdefault(place, item.photo) != item.photo:
            raise UsageError(
                f"distil: answers about {printable(photo_of[place])} and {printable(item.photo)} would be one file, "
                "since they and their data folders are called the same: rename one of the folders"
            )

    def open_questions() -> list[tuple[Path, Item]]:
        if digests:
            _forget_changed(folder, [place for place, _ in wanted], digests)
        return sorted({place: item for place, item in wanted if not place.is_file()}.items())

    # By one process for all: when the others look, the first answers may be there.
    missing = processes.from_first(open_questions)
    if missing:
        report(f"asking {len(teachers)} teachers about {len(missing)} photos")
    processes.agree(lambda: _ask(teachers, missing[processes.rank :: processes.count], sizes))
    return lessons


def _forget_changed(folder: Path, places: Sequence[Path], digests: Sequence[str]) -> None:
    """Remove answers about photos that were others, and note what is answered from now on."""
    asked = folder / ASKED
    now = {
        place.relative_to(folder).as_posix(): digest for place, digest in zip(places, digests, strict=False)
    }
    try:
        before = asked.read_text(encoding="utf-8").splitlines() if asked.is_file() else []
        noted = {name: digest for digest, _, name in (line.partition("  ") for line in before)}
        for name, digest in now.items():
            if noted.get(name, digest) != digest:
                (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(
            f"{printable(folder)}: teachers' answers cannot be removed ({error.strerror})"
        ) from error
    # Before anybody is asked: whatever moment this is stopped at, an answer that is there is about the photo noted.
    write("".join(f"{digest}  {name}\n" for name, digest in now.items()).encode(), asked)


def _ask(teachers: Sequence[str], wanted: Sequence[tuple[Path, Item]], sizes: Sequence[int]) -> None:
    own = [_teacher(name) for name in teachers] if wanted else []
    voices = [(run, dataclasses.replace(how, size=size)) for run, how in own for size in sizes] or own
    for place, item in wanted:
        photo, truth = read_item(item)
        # Where there is no hair at all, nobody needs to be asked: a teacher could only be wrong.
        found = answer(voices, photo) if (truth == 1).any() else np.zeros((1, 1), np.float32)
        png = io.BytesIO()
        Image.fromarray(np.rint(255 * found).astype(np.uint8)).save(png, "PNG")
        write(png.getvalue(), place)


def answer(voices: Sequence[tuple[Run, Fit]], photo: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The mean probability of hair over the teachers, each asked both ways, on the largest of their canvases.

    Args:
        voices: the networks, and how each makes a canvas of a photo.
        photo: (H, W, 3) uint8.

    Returns:
        (h, w) float32 in [0, 1].
    """
    height, width = max(how.canvas_size(*photo.shape[:2]) for _, how in voices)
    total = np.zeros((height, width), np.float32)
    for run, how in voices:
        total += unfit(both_ways(run, fit(photo, how)), height, width)
    mean: NDArray[np.float32] = total / np.float32(len(voices))
    return mean


def _teacher(name: str) -> tuple[Run, Fit]:
    if name.endswith(".safetensors"):
        net, recipe, _ = read_checkpoint(Path(name))
        if recipe.net.classes == 1:
            logits = on_canvas(net)
            return lambda canvas: torch.sigmoid(logits(canvas))[0].cpu().numpy(), recipe.fit
        classes = recipe.net.classes
    elif name.endswith(".onnx") or name in packaged():
        network = Network(find_model(name), torch.get_num_threads())
        if len(network.info.classes) == 1:
            return lambda canvas: network(canvas)[0], network.info.fit
        classes = len(network.info.classes)
    elif name.endswith(".toml"):
        raise UsageError(
            f"distil: answers of teacher {printable(name)} are missing from the run's folder {LESSONS}, and a run "
            "that is resumed does not train it again: put them back, or start a new run"
        )
    else:
        raise UsageError(
            f"distil: teacher {name!r} is unknown: use a packaged model's name, an exported .onnx file, a .safetensors "
            "checkpoint, or the .toml recipe to train first"
        )
    raise ModelError(f"distil: teacher {name} tells {classes} classes apart: give one that finds hair")
