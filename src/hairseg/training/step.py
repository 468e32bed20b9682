"""One step of training: forward, backward, update; in parts and on several processes where that is asked for."""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from hairseg.errors import HairsegError
from hairseg.net import PSPNet
from hairseg.net.backbones import Backbone
from hairseg.training.batches import Pair
from hairseg.training.freeze import to_training
from hairseg.training.imitate import Imitated, as_large, reduced
from hairseg.training.loss import feature_loss, hair_loss, segmentation_loss
from hairseg.training.optimize import MovingAverage, rate_factor, set_rate
from hairseg.training.precision import autocast
from hairseg.training.processes import Processes
from hairseg.training.recipe import Recipe, Stage

Progress = Callable[[int, int, float], None]
SHOWN = 32


class TrainingError(HairsegError):
    """Training cannot go on: the loss is not a number."""


class Objective(nn.Module):
    """The loss of a batch: the head's, and the auxiliary head's by its weight (section 3.3 of the paper).

    Of several processes each gives the same loss, that of all their photos, but for the Dice of hair, which is a mean
    over photos: the mean over processes is that of all in either case.

    Args:
        net: the network.
        recipe: names the weights of the losses.
        processes: that share a batch.
        imitated: what the recipe's ``imitate`` is the share of; None for nothing.
    """

    def __init__(
        self, net: PSPNet, recipe: Recipe, processes: Processes, imitated: Imitated | None = None
    ) -> None:
        super().__init__()
        self.net = net
        self.recipe = recipe
        self.processes = processes
        self.imitated = imitated

    def forward(self, batch: Tensor, truth: Tensor) -> Tensor:
        """Normalised photos (N, 3, H, W) and truth (N, H, W) uint8 to a scalar.

        With teachers, truth is (N, 2, H, W): the mask, and their probability in 255ths.
        """
        taught, whole = None, batch
        batch, truth = reduced(batch, truth, self.recipe.distil.reduce)
        if truth.ndim == 4:
            truth, answer = truth.unbind(dim=1)
            taught = torch.lerp((truth == 1).float(), answer.float() / 255, self.recipe.distil.share)
        if self.imitated is None:
            outputs, apart = self._outputs(batch), None
        else:
            outputs, said, apart = self._beside(self.imitated, whole, batch)
            target = (truth == 1).float() if taught is None else taught
            taught = torch.lerp(target, said, self.recipe.distil.imitate)
        losses = [
            segmentation_loss(logits, truth, self.recipe.dice, self.recipe.edge, self.processes.sum)
            if taught is None
            else hair_loss(logits, truth, self.recipe.dice, self.recipe.edge, self.processes.sum, taught)
            for logits in outputs
        ]
        loss = losses[0] if len(losses) == 1 else losses[0] + self.recipe.auxiliary_weight * losses[1]
        return loss if apart is None else loss + self.recipe.distil.features * apart

    def _outputs(self, batch: Tensor) -> list[Tensor]:
        """Logits of each head."""
        with autocast(self.recipe.bf16, self.processes.device):
            return [self.net(batch)] if self.net.auxiliary is None else [*self.net.with_auxiliary(batch)]

    def _beside(
        self, imitated: Imitated, whole: Tensor, batch: Tensor
    ) -> tuple[list[Tensor], Tensor, Tensor | None]:
        """Logits of each head, the probability that is imitated, and how far the features are apart where that counts.

        Args:
            imitated: what is asked.
            whole: the views as they are, which it sees.
            batch: the views as the network that learns sees them.
        """
        with torch.no_grad():
            said, theirs = imitated(whole)
            said = as_large(said, batch)
        if not self.recipe.distil.features:
            return self._outputs(batch), said, None
        with autocast(self.recipe.bf16, self.processes.device):
            outputs, ours = self.net.with_features(batch)
            return outputs, said, feature_loss(ours, theirs)


@dataclass
class Learner:
    """What changes from step to step.

    Attributes:
        net: in training.
        average: of its weights.
        optimizer: of its weights.
        recipe: what is trained.
        processes: that share every batch.
        step: how many are done.
        steps: how many there are in all.
        progress: told both, and the loss, after every step.
        imitated: what it learns from on every view; None for nothing.
    """

    net: PSPNet
    average: MovingAverage
    optimizer: torch.optim.Optimizer
    recipe: Recipe
    processes: Processes
    step: int
    steps: int
    progress: Progress
    imitated: Imitated | None = None
    objective: nn.Module = field(init=False)

    def __post_init__(self) -> None:
        self.objective = Objective(self.net, self.recipe, self.processes, self.imitated)
        if self.processes.count > 1:
            # Gradients are averaged over the processes while the backward pass still runs.
            cards = [self.processes.device] if self.processes.device.type == "cuda" else None
            self.objective = DistributedDataParallel(self.objective, device_ids=cards)

    def epoch(self, batches: Iterator[Pair], stage: Stage, names: Callable[[int], list[str]]) -> float:
        """One epoch.

        Args:
            batches: of this process, ``recipe.accumulate`` of them a step.
            stage: of the epoch.
            names: of the photos of a step of the epoch, for the message when its loss is no number.

        Returns:
            The mean loss.

        Raises:
            TrainingError: a loss is no number; the weights are those before its step.
        """
        # What it started from is asked as it ships, so it is compared with this network as that would ship.
        itself = self.imitated is not None and not self.recipe.distil.imitate_of
        if itself or self.recipe.still_norms:
            self.net.eval()
        else:
            to_training(self.net)
        losses: list[float] = []
        while parts := list(itertools.islice(batches, self.recipe.accumulate)):
            set_rate(self.optimizer, stage.rate * rate_factor(self.step, self.steps, self.recipe))
            losses.append(self._learn(parts))
            if not math.isfinite(losses[-1]):
                raise TrainingError(self._no_number(losses[-1], names(len(losses) - 1)))
            self.optimizer.step()
            self.step += 1
            self.average.update(self.net, self.step)
            self.progress(self.step, self.steps, losses[-1])
        return sum(losses) / len(losses)

    def _learn(self, parts: list[Pair]) -> float:
        """Gradients of one step, and its loss over all processes."""
        self.optimizer.zero_grad(set_to_none=True)
        total = 0.0
        for number, (photo, truth) in enumerate(parts, 1):
            with self._quiet() if number < len(parts) else contextlib.nullcontext():
                loss = self.objective(
                    normalised(photo.to(self.processes.device, non_blocking=True), self.net.backbone),
                    truth.to(self.processes.device),
                )
                total += float(loss.detach())
                (loss / len(parts) if len(parts) > 1 else loss).backward()
        return self.processes.mean(total / len(parts))

    def _quiet(self) -> contextlib.AbstractContextManager[None]:
        """Gradients add up here, and the other processes hear of them with the last part only."""
        parallel = self.objective
        return (
            parallel.no_sync() if isinstance(parallel, DistributedDataParallel) else contextlib.nullcontext()
        )

    def _no_number(self, loss: float, names: list[str]) -> str:
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        return (
            f"the loss is {loss} at step {self.step}, on {', '.join(names[:SHOWN])}{more}: lower the learning rates, "
            "or look at these photos and their masks; the last epoch's checkpoint is kept"
        )


def normalised(photo: Tensor, backbone: Backbone) -> Tensor:
    """Photos (N, 3, H, W) uint8 as ``backbone`` takes them: float32, less its mean, divided by its deviation."""
    mean = torch.tensor(backbone.mean, device=photo.device).view(1, 3, 1, 1)
    std = torch.tensor(backbone.std, device=photo.device).view(1, 3, 1, 1)
    return ((photo.float() / 255 - mean) / std).contiguous(memory_format=torch.channels_last)
