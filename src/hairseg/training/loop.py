"""The training loop: stages of epochs, one checkpoint each, the best on the validation photos kept."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from hairseg.data.check import check
from hairseg.errors import UsageError
from hairseg.net import PSPNet
from hairseg.printable import printable
from hairseg.training.alike import INDIFFERENT, changed
from hairseg.training.allocator import keep_freed_memory
from hairseg.training.batches import Photos, open_sources
from hairseg.training.checkpoint import read_checkpoint, read_state, write_state, write_weights
from hairseg.training.depthwise import speed_up_depthwise
from hairseg.training.fingerprint import Fingerprint
from hairseg.training.freeze import freeze
from hairseg.training.imitate import IMITATED, Imitated, another, itself, shrunk
from hairseg.training.lessons import LESSONS, teach
from hairseg.training.narrow import narrow
from hairseg.training.norms import synchronise
from hairseg.training.optimize import MovingAverage, build_optimizer
from hairseg.training.precision import has_fast_bfloat16
from hairseg.training.processes import Processes
from hairseg.training.recipe import Recipe, Stage
from hairseg.training.run import Run, open_run, replace
from hairseg.training.start import earlier, kept, start
from hairseg.training.step import Learner, Progress, normalised
from hairseg.training.unfold import spread
from hairseg.training.validate import validate

Report = Callable[[str], None]
# Training photos on which the batch norms of an exported model are measured.
MEASURED = 64
# Training photos on which the hidden channels that a network does without are found, and how many are looked at at once.
REGRESSED = 256
PART = 8


def train(
    recipe: Recipe,
    run: Run,
    resume: bool = False,
    report: Report = print,
    progress: Progress = lambda step, total, loss: None,
    decoded: Photos | None = None,
    processes: Processes | None = None,
    shelf: Path | None = None,
) -> dict[str, Any]:
    """Train a recipe in a run folder.

    Args:
        recipe: what to train.
        run: where; from :meth:`Run.create`, :meth:`Run.newest` or :meth:`Run.at`.
        resume: go on from the run's last checkpoint; the next losses are those of an undisturbed run.
        report: told one line per epoch, by the first process.
        progress: told steps done, steps in all, and the loss, after every step, by the first process.
        decoded: the training photos, if a run with the same data, stages and augmentation has them already.
        processes: that share every batch, from :func:`~hairseg.training.processes.joined`; None for one.
        shelf: where the recipes are trained that have to come first; None for the run's own folder. One that several
            recipes of a chain ask for is trained once.

    Returns:
        The best epoch's line of ``metrics.jsonl`` (the last one's without validation photos).

    Raises:
        UsageError: the recipe does not fit together, or another one began the run.
        DataError: photos are broken, or not those that the run began with.
        TrainingError: the loss is not a number.
        OutputError: a file of the run cannot be written.
    """
    keep_freed_memory()
    processes = processes or Processes()
    if not processes.first:
        report, progress = lambda line: None, lambda step, total, loss: None
    if recipe.bf16 and not has_fast_bfloat16(processes.device):
        report(f"this {processes.device.type} has no bfloat16 arithmetic: training in float32")
    # A resume brings its own weights, and its lessons; what they came from may be gone.
    shelf = shelf or run.folder
    first = {} if resume else _trained_first(recipe, shelf, report, progress, processes)
    others = _Others(
        begins="none" if resume else first.get(recipe.pretrained, recipe.pretrained),
        kept="" if resume else first.get(recipe.keep_of, recipe.keep_of),
        imitated=first.get(recipe.distil.imitate_of, recipe.distil.imitate_of),
        resume=resume,
    )
    teachers = [first.get(name, name) for name in recipe.distil.teachers]
    job = processes.agree(lambda: _Job(recipe, run, processes, decoded, others, report))
    if teachers:
        job.photos.lessons = teach(
            teachers,
            job.photos.datasets,
            run.folder / LESSONS,
            processes,
            report,
            recipe.distil.sizes,
            job.data.digests,
        )
    done = processes.agree(job.resume) if resume else 0
    processes.from_first(lambda: _begin(run, job.data, done))
    plan = [stage for stage in recipe.stages for _ in range(stage.epochs)]
    steps = [len(job.photos) // stage.batch for stage in plan]
    learner = Learner(
        job.net,
        job.average,
        job.optimizer,
        recipe,
        processes,
        sum(steps[:done]),
        sum(steps),
        progress,
        job.imitated,
    )
    for epoch in range(done, len(plan)):
        line = job.epoch(learner, epoch, plan[epoch], last=epoch + 1 == len(plan))
        job.keep(line)
        report(_sentence(line, len(plan)))
    return processes.from_first(lambda: _best(run.lines()))


def _trained_first(
    recipe: Recipe, shelf: Path, report: Report, progress: Progress, processes: Processes
) -> dict[str, str]:
    """The checkpoints of what ``recipe`` calls recipes, by their names: trained in folders of the shelf, or were."""
    waiting = processes.agree(lambda: earlier(recipe))
    return {name: _inside(shelf, first, report, progress, processes) for name, first in waiting.items()}


def _inside(shelf: Path, recipe: Recipe, report: Report, progress: Progress, processes: Processes) -> str:
    """Train ``recipe`` in its folder of the shelf, as far as it is not; returns its best checkpoint."""
    run, begun = processes.from_first(lambda: open_run(recipe, shelf, shelf / recipe.name))
    epochs = sum(stage.epochs for stage in recipe.stages)
    if processes.from_first(lambda: begun and len(run.lines()) == epochs):
        processes.agree(lambda: _unchanged(recipe, run, processes))
    else:
        report(f"{recipe.name} first, {epochs} epochs, in {run.folder}")
        train(recipe, run, begun, report, progress, processes=processes, shelf=shelf)
    return str(run.best)


def _unchanged(recipe: Recipe, run: Run, processes: Processes) -> None:
    """Refuse what another recipe, or other photos, made of a folder: it would stand in for what is asked for."""
    _, old, _ = read_checkpoint(run.best)
    if named := _differences(old, recipe):
        raise UsageError(
            f"{printable(run.folder)}: {printable(recipe.name)} was trained here by another recipe, which differs in "
            f"{', '.join(named)}: remove the folder to train it again"
        )
    if run.photos.is_file():
        sets = open_sources(recipe.train + recipe.validate, recipe.net.classes)
        Fingerprint(sets, processes).compare(run.photos.read_text(encoding="utf-8").splitlines())


@dataclass(frozen=True)
class _Others:
    """Models that a training has to do with, as it finds them: names and paths, empty for none.

    Attributes:
        begins: what the network starts from.
        kept: the checkpoint of which a share is kept, if not what the network starts from.
        imitated: what is asked about every view, if not what the network starts from.
        resume: the run's folder has what the training needs of them.
    """

    begins: str
    kept: str
    imitated: str
    resume: bool


class _Job:
    """What a training works with, the same in every process.

    Args:
        recipe: what to train.
        run: where.
        processes: that share every batch.
        decoded: the training photos, if another run has them already.
        others: the models that it has to do with.
        report: told what is done before the first epoch.
    """

    def __init__(
        self,
        recipe: Recipe,
        run: Run,
        processes: Processes,
        decoded: Photos | None,
        others: _Others,
        report: Report,
    ) -> None:
        self.recipe, self.run, self.processes = recipe, run, processes
        torch.manual_seed(recipe.seed)
        begun = start(recipe, others.begins)
        self.net, self.seen = begun.net, list(begun.seen)
        for stage in recipe.stages:
            smallest = shrunk(stage.sides[-1], recipe.distil.reduce)
            self.net.check_size(smallest, smallest)
        red, green, blue = (round(255 * level) for level in self.net.backbone.mean)
        padding = (red, green, blue)
        shared = decoded is not None and decoded.of(recipe, padding)
        self.photos = shared or Photos(recipe, padding, processes)
        _check_batches(recipe, len(self.photos), processes)
        whole = begun.wide or self.net
        if begun.folded:
            photo = self.photos.sample(recipe.stages[0], MEASURED)
            spread(whole, begun.folded, normalised(photo, self.net.backbone))
        self.imitated = self._imitated(whole, others) if recipe.distil.imitate else None
        if begun.wide:
            report("leaving hidden channels out, by what they are worth on training photos")
            parts = torch.split(self.photos.sample(recipe.stages[0], REGRESSED), PART)
            lost = narrow(whole, self.net, (normalised(part, self.net.backbone) for part in parts))
            report(f"hidden channels left out in {len(lost)} places, where {_most(lost)} is lost at most")
        freeze(self.net, recipe)
        self.net = self.net.to(processes.device).to(memory_format=torch.channels_last)
        other = kept(recipe, others.kept) if others.kept else None
        if other:
            other = other.to(processes.device).to(memory_format=torch.channels_last)
        self.average = MovingAverage(self.net, recipe.ema, recipe.keep, other)
        if processes.device.type == "cpu":
            speed_up_depthwise(self.net)
        synchronise(self.net, processes)
        self.optimizer = build_optimizer(self.net, recipe)
        self.best = -1.0
        self.validation = open_sources(recipe.validate, recipe.net.classes)
        judged = [item for dataset in self.validation for item in dataset.items]
        processes.agree(lambda: check(judged[processes.rank :: processes.count]))
        self.data = Fingerprint([*self.photos.datasets, *self.validation], processes)

    def _imitated(self, whole: PSPNet, others: _Others) -> Imitated:
        """What is asked about every view."""
        path = self.run.folder / IMITATED
        if others.imitated:
            learner = self.net.backbone
            return another(others.imitated, learner, self.recipe, path, others.resume, self.processes)
        return itself(whole, self.recipe, path, others.resume, self.processes)

    def resume(self) -> int:
        """Take over the run's last checkpoint; returns the epochs that are done."""
        old, facts = read_state(self.run.last, self.net, self.average, self.optimizer)
        _same(old, self.recipe)
        self.best = float(facts["best"])
        self.seen = list(facts.get("seen", ()))
        return int(facts["epochs"])

    def epoch(self, learner: Learner, epoch: int, stage: Stage, last: bool) -> dict[str, Any]:
        """Train one epoch and score it where that is due; returns its line of ``metrics.jsonl``."""
        begun = time.perf_counter()
        # Dropout, another one in each process; augmentation seeds itself.
        torch.manual_seed(self.recipe.seed * 100_003 + epoch + self.processes.rank * 1_000_000_007)
        batches = self.photos.batches(stage, epoch, self.processes)
        loss = learner.epoch(batches, stage, lambda step: self.photos.names(stage, epoch, step))
        line = {"epoch": epoch + 1, "size": stage.size, "loss": loss, "seconds": time.perf_counter() - begun}
        if self.validation and (last or (epoch + 1) % self.recipe.validate_every == 0):
            line |= validate(
                self.average.shipped(), self.recipe.fit, self.validation, self.recipe.bf16, self.processes
            )
        self.data.check()
        return line

    def keep(self, line: dict[str, Any]) -> None:
        """Write what an epoch gave, by the first process; the others wait."""
        score = line.get("iou", float(line["epoch"]) if not self.validation else -1.0)
        better, self.best = score > self.best, max(score, self.best)

        def write() -> None:
            if better:
                facts = {"epoch": line["epoch"], "scores": line, "seen": self.seen, **self.photos.classes}
                write_weights(self.run.best, self.average.shipped(), self.recipe, **facts)
            self.run.log(**line)
            state = (self.net, self.average, self.optimizer, self.recipe)
            write_state(self.run.last, *state, epochs=line["epoch"], best=self.best, seen=self.seen)

        self.processes.from_first(write)


def _most(lost: dict[str, float]) -> str:
    """The largest loss and where it is, as a person reads it."""
    name = max(lost, key=lambda place: lost[place], default="")
    return f"{lost[name]:.1%} of what {name} hands on" if name else "nothing"


def _begin(run: Run, data: Fingerprint, done: int) -> None:
    """Compare the photos with those of the run's beginning, or note them, and drop what is after its checkpoint."""
    if done and run.photos.is_file():
        data.compare(run.photos.read_text(encoding="utf-8").splitlines())
    else:
        replace(run.photos, "\n".join(data.lines) + "\n")
    run.forget_after(done)


def _check_batches(recipe: Recipe, photos: int, processes: Processes) -> None:
    """Say before an epoch is spent that there is nothing to train on, or that a batch cannot be divided."""
    largest = max((stage.batch for stage in recipe.stages), default=0)
    if not 0 < largest <= photos:
        epochs = sum(stage.epochs for stage in recipe.stages)
        raise UsageError(
            f"{recipe.name}: {photos} photos and {epochs} epochs leave nothing to train on: "
            "give at least one stage, and a batch no larger than the photos of an epoch"
        )
    for stage in recipe.stages:
        if stage.batch % (recipe.accumulate * processes.count):
            raise UsageError(
                f"{recipe.name}: a batch of {stage.batch} photos cannot be divided into {recipe.accumulate} parts "
                f"for {processes.count} processes: change batch or accumulate, or start another number of processes"
            )


def _same(old: Recipe, new: Recipe) -> None:
    """A resumed run keeps its recipe: anything else would make its numbers unrepeatable."""
    if named := _differences(old, new):
        raise UsageError(
            f"--resume: the recipe differs from the run's in {', '.join(named)}; start a new run"
        )


def _differences(old: Recipe, new: Recipe) -> list[str]:
    """The keys that change what comes out."""
    different = changed(dataclasses.asdict(old), dataclasses.asdict(new))
    return [key for key in different if key not in INDIFFERENT]


def _best(lines: list[dict[str, Any]]) -> dict[str, Any]:
    scored = [line for line in lines if "iou" in line]
    return max(scored, key=lambda line: line["iou"]) if scored else lines[-1]


def _sentence(line: dict[str, Any], epochs: int) -> str:
    score = f", IoU {line['iou']:.4f}, validation loss {line['validation_loss']:.4f}" if "iou" in line else ""
    return f"epoch {line['epoch']}/{epochs} at {line['size']} px: loss {line['loss']:.4f}{score}, {line['seconds']:.0f} s"
