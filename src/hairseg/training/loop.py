"""The training loop: stages of epochs, one checkpoint each, the best on the validation photos kept."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from hairseg.data import DataSet
from hairseg.data.check import check
from hairseg.errors import HairsegError, UsageError
from hairseg.net import PSPNet, build
from hairseg.net.files import load_tensors
from hairseg.training.allocator import keep_freed_memory
from hairseg.training.batches import Pair, Photos, open_sources
from hairseg.training.checkpoint import read_checkpoint, read_state, write_state, write_weights
from hairseg.training.depthwise import speed_up_depthwise
from hairseg.training.loss import segmentation_loss
from hairseg.training.optimize import MovingAverage, build_optimizer, rate_factor, set_rate
from hairseg.training.precision import autocast, has_fast_bfloat16
from hairseg.training.pretrained import imagenet_weights
from hairseg.training.recipe import Recipe, Stage
from hairseg.training.run import Run
from hairseg.training.validate import validate

Report = Callable[[str], None]
Progress = Callable[[int, int, float], None]


class TrainingError(HairsegError):
    """Training cannot go on: the loss is not a number."""


def train(
    recipe: Recipe,
    run: Run,
    resume: bool = False,
    report: Report = print,
    progress: Progress = lambda step, total, loss: None,
    decoded: Photos | None = None,
) -> dict[str, Any]:
    """Train a recipe in a run folder.

    Args:
        recipe: what to train.
        run: where; from :meth:`Run.create` or :meth:`Run.newest`.
        resume: go on from the run's last checkpoint; the next losses are those of an undisturbed run.
        report: told one line per epoch.
        progress: told steps done, steps in all, and the loss, after every step.
        decoded: the training photos, if a run with the same data, stages and augmentation has them already.

    Returns:
        The best epoch's line of ``metrics.jsonl`` (the last one's without validation photos).
    """
    keep_freed_memory()
    if recipe.bf16 and not has_fast_bfloat16():
        report("this CPU has no bfloat16 arithmetic: training in float32")
    torch.manual_seed(recipe.seed)
    net = _start(recipe)
    for stage in recipe.stages:
        net.check_size(stage.size, stage.size)
    average = MovingAverage(net, recipe.ema)
    speed_up_depthwise(net)
    optimizer = build_optimizer(net, recipe)
    done, best = 0, -1.0
    if resume:
        old, facts = read_state(run.last, net, average, optimizer)
        _same(old, recipe)
        done, best = int(facts["epochs"]), float(facts["best"])
        run.forget_after(done)
    validation = open_sources(recipe.validate, recipe.net.classes)
    for dataset in validation:
        check(dataset.items)
    red, green, blue = (round(255 * level) for level in net.backbone.mean)
    padding = (red, green, blue)
    photos = Photos(recipe, padding) if decoded is None else decoded.of(recipe, padding)
    plan = list(_plan(recipe))
    steps = [len(photos) // stage.batch for stage in plan]
    if not steps or min(steps) == 0:
        raise UsageError(
            f"{recipe.name}: {len(photos)} photos and {len(plan)} epochs leave nothing to train on: "
            "give at least one stage, and a batch no larger than the photos of an epoch"
        )
    trainer = _Trainer(net, average, optimizer, recipe, sum(steps[:done]), sum(steps), progress)
    for epoch in range(done, len(plan)):
        begun = time.perf_counter()
        stage = plan[epoch]
        torch.manual_seed(recipe.seed * 100_003 + epoch)  # dropout; augmentation seeds itself
        loss = trainer.epoch(photos.batches(stage, epoch), stage)
        line = {"epoch": epoch + 1, "size": stage.size, "loss": loss, "seconds": time.perf_counter() - begun}
        if _is_due(epoch, len(plan), recipe, validation):
            line |= validate(average.net, recipe.fit, validation, recipe.bf16)
        score = line.get("iou", float(epoch + 1) if not validation else -1.0)
        if score > best:
            best = score
            write_weights(run.best, average.net, recipe, epoch=epoch + 1, scores=line, **photos.classes)
        run.log(**line)
        write_state(run.last, net, average, optimizer, recipe, epochs=epoch + 1, best=best)
        report(_sentence(line, len(plan)))
    return _best(run.lines())


def _start(recipe: Recipe) -> PSPNet:
    net = build(recipe.net)
    if recipe.pretrained.endswith(".safetensors"):
        other, _, _ = read_checkpoint(Path(recipe.pretrained))
        load_tensors(net, other.state_dict(), Path(recipe.pretrained))
    elif recipe.pretrained == "imagenet":
        net.backbone.load_imagenet(imagenet_weights(net.backbone.imagenet_name))
    elif recipe.pretrained != "none":
        raise UsageError(
            f"pretrained is {recipe.pretrained!r}: use imagenet, none, or a .safetensors checkpoint"
        )
    return net.to(memory_format=torch.channels_last)


def _plan(recipe: Recipe) -> Iterator[Stage]:
    """The stage of every epoch."""
    for stage in recipe.stages:
        yield from [stage] * stage.epochs


@dataclasses.dataclass
class _Trainer:
    """What changes from step to step."""

    net: PSPNet
    average: MovingAverage
    optimizer: torch.optim.Optimizer
    recipe: Recipe
    step: int
    steps: int
    progress: Progress

    def epoch(self, batches: Iterator[Pair], stage: Stage) -> float:
        """One epoch; returns its mean loss."""
        mean = torch.tensor(self.net.backbone.mean).view(1, 3, 1, 1)
        std = torch.tensor(self.net.backbone.std).view(1, 3, 1, 1)
        self.net.train()
        losses: list[float] = []
        for photo, truth in batches:
            set_rate(self.optimizer, stage.rate * rate_factor(self.step, self.steps, self.recipe))
            batch = ((photo.float() / 255 - mean) / std).contiguous(memory_format=torch.channels_last)
            losses.append(self._learn(batch, truth))
            self.step += 1
            self.average.update(self.net, self.step)
            self.progress(self.step, self.steps, losses[-1])
        return sum(losses) / len(losses)

    def _learn(self, batch: torch.Tensor, truth: torch.Tensor) -> float:
        """One step on a normalised batch; returns its loss."""
        loss = self._loss(batch, truth)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise TrainingError(
                f"the loss is {value} at step {self.step}: lower the learning rates; "
                "the last epoch's checkpoint is kept"
            )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return value

    def _loss(self, batch: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        """The head's loss, and the auxiliary head's by its weight (section 3.3 of the paper)."""
        dice, edge = self.recipe.dice, self.recipe.edge
        if self.net.auxiliary is None:
            with autocast(self.recipe.bf16):
                logits = self.net(batch)
            return segmentation_loss(logits, truth, dice, edge)
        with autocast(self.recipe.bf16):
            logits, auxiliary = self.net.with_auxiliary(batch)
        weight = self.recipe.auxiliary_weight
        return segmentation_loss(logits, truth, dice, edge) + weight * segmentation_loss(
            auxiliary, truth, dice, edge
        )


def _is_due(epoch: int, epochs: int, recipe: Recipe, validation: list[DataSet]) -> bool:
    last = epoch + 1 == epochs
    return bool(validation) and (last or (epoch + 1) % recipe.validate_every == 0)


def _same(old: Recipe, new: Recipe) -> None:
    """A resumed run keeps its recipe: anything else would make its numbers unrepeatable."""
    before, after = dataclasses.asdict(old), dataclasses.asdict(new)
    changed = [key for key in before if before[key] != after[key] and key != "workers"]
    if changed:
        raise UsageError(
            f"--resume: the recipe differs from the run's in {', '.join(changed)}; start a new run"
        )


def _best(lines: list[dict[str, Any]]) -> dict[str, Any]:
    scored = [line for line in lines if "iou" in line]
    return max(scored, key=lambda line: line["iou"]) if scored else lines[-1]


def _sentence(line: dict[str, Any], epochs: int) -> str:
    score = f", IoU {line['iou']:.4f}, validation loss {line['validation_loss']:.4f}" if "iou" in line else ""
    return f"epoch {line['epoch']}/{epochs} at {line['size']} px: loss {line['loss']:.4f}{score}, {line['seconds']:.0f} s"
