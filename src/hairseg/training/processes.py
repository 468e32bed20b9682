"""The processes of one training: one of them on this machine, or many on several, started by ``torchrun``.

``torchrun`` gives every process its number in the environment (RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR,
MASTER_PORT); nothing else is needed of it, so another launcher that sets these serves as well. What MPI's launchers say
instead is understood too: ``mpirun``, and ``accelerate launch``, which takes it to start several processes on CPUs.
Processes on CPUs talk through gloo, on NVIDIA GPUs through NCCL. Started without them, a training is one process, and
nothing here costs anything.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch import distributed as dist

from hairseg.errors import HairsegError, UsageError
from hairseg.training.precision import best_device

# How long a process waits for another: reading a large data set takes some longer than others.
PATIENCE = timedelta(minutes=30)
LAUNCHER = "start it with torchrun"
# Open MPI's name of each number, and that of MPICH and Intel MPI.
MPI = {
    "WORLD_SIZE": ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE"),
    "RANK": ("OMPI_COMM_WORLD_RANK", "PMI_RANK"),
    "LOCAL_RANK": ("OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID"),
    "LOCAL_WORLD_SIZE": ("OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS"),
}

T = TypeVar("T")
S = TypeVar("S")


class LostProcessError(HairsegError):
    """Another process of the training ended, so this one cannot go on."""


class SaidElsewhereError(HairsegError):
    """What is wrong is said by the first process; the others end with its exit code and are silent.

    Args:
        message: what is wrong.
        exit_code: of the first process.
    """

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code

    def __reduce__(self) -> tuple[type[SaidElsewhereError], tuple[str, int]]:
        # It is sent to the others where one :meth:`Processes.agree` stands in another.
        return type(self), (str(self), self.exit_code)


@dataclass(frozen=True)
class Processes:
    """This process among those of a training.

    Attributes:
        rank: its number; 0 writes and reports.
        count: how many there are.
        device: where it computes.
    """

    rank: int = 0
    count: int = 1
    device: torch.device = field(default_factory=best_device)

    @property
    def first(self) -> bool:
        """Whether this is the one that writes and reports."""
        return self.rank == 0

    def map(self, function: Callable[[S], T], items: Sequence[S]) -> list[T]:
        """``function`` of every item, in their order: each process does its share, all get everything.

        Raises:
            HairsegError: of the first process that met one; :class:`SaidElsewhereError` in the others.
        """
        own = self.all(lambda: [function(item) for item in items[self.rank :: self.count]])
        return [own[index % self.count][index // self.count] for index in range(len(items))]

    def all(self, function: Callable[[], T]) -> list[T]:
        """What ``function`` gives in each process, by rank.

        Raises:
            HairsegError: as for :meth:`map`.
        """
        return self._gather(self.agree(function))

    def agree(self, function: Callable[[], T]) -> T:
        """What ``function`` gives here, if it fails in no process.

        Raises:
            HairsegError: as for :meth:`map`.
        """
        if self.count == 1:
            return function()
        error: HairsegError | None = None
        try:
            value = function()
        except HairsegError as caught:
            error = caught
        broken = next((one for one in self._gather(error) if one is not None), None)
        if broken is not None:
            raise broken if self.first else SaidElsewhereError(str(broken), broken.exit_code)
        return value

    def _gather(self, value: T) -> list[T]:
        if self.count == 1:
            return [value]
        found: list[Any] = [None] * self.count
        dist.all_gather_object(found, value)
        return found

    def from_first(self, function: Callable[[], T]) -> T:
        """What ``function`` gives in the first process; the others do not call it.

        Raises:
            HairsegError: as for :meth:`map`.
        """
        return self.all(lambda: function() if self.first else None)[0]  # type: ignore[return-value]

    def sum(self, values: Tensor) -> Tensor:
        """The sum over the processes of a tensor, through which gradients flow."""
        if self.count == 1:
            return values
        total: Tensor = _Sum.apply(values)
        return total

    def mean(self, value: float) -> float:
        """The mean over the processes of a number."""
        if self.count == 1:
            return value
        total = torch.tensor(value, dtype=torch.float64, device=self.device)
        dist.all_reduce(total)
        return float(total) / self.count


class _Sum(torch.autograd.Function):
    """A sum over processes: each of them has the same result, so each gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:  # noqa: ARG004 - torch's signature
        total = values.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:  # noqa: ARG004 - torch's signature
        total = gradients[0].clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total


@contextmanager
def joined() -> Iterator[Processes]:
    """Meet the other processes of the training, if there are any.

    Raises:
        UsageError: the launcher's variables are incomplete, or a process finds no GPU of its own.
        LostProcessError: another process ended in the meantime.
    """
    _understand_mpi()
    count = _variable("WORLD_SIZE", 1)
    if count == 1:
        yield Processes()
        return
    rank, local = _variable("RANK"), _variable("LOCAL_RANK", 0)
    device = _device(local)
    try:
        dist.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE)
    except (RuntimeError, ValueError) as error:
        raise UsageError(
            f"process {rank} of {count} did not meet the others ({_first_line(error)}): {LAUNCHER}"
        ) from error
    try:
        yield Processes(rank, count, device)
    except RuntimeError as error:
        if not is_lost(error):
            raise
        raise LostProcessError(
            f"process {rank} of {count}: another process of the training ended; the last epoch's checkpoint is "
            "kept, go on from it with --resume"
        ) from error
    # Left alone after an error: the others may be gone, and a goodbye would wait for them.
    dist.destroy_process_group()


def is_lost(error: RuntimeError) -> bool:
    """Whether torch says, in one of its many ways, that another process does not answer."""
    text = str(error).lower()
    return isinstance(error, dist.DistError) or any(
        word in text
        for word in (
            "connection closed",
            "connection reset",
            "connection refused",
            "gloo",
            "nccl",
            "timed out",
        )
    )


def _device(local: int) -> torch.device:
    """The GPU of this process, or the CPU where there is none.

    Raises:
        UsageError: a machine has GPUs, but fewer than processes.
    """
    if best_device().type != "cuda":
        return torch.device("cpu")
    if local >= torch.cuda.device_count():
        raise UsageError(
            f"process {local} of this machine has no GPU of its own, there are {torch.cuda.device_count()}: "
            "lower --nproc-per-node"
        )
    torch.cuda.set_device(local)
    return torch.device("cuda", local)


def _understand_mpi() -> None:
    """Say in torchrun's words what an MPI launcher says in its own.

    Raises:
        UsageError: its processes are on several machines, and nothing says which of them is the first.
    """
    if "WORLD_SIZE" in os.environ:
        return
    for name, others in MPI.items():
        found = next((os.environ[other] for other in others if other in os.environ), None)
        if found is not None:
            os.environ[name] = found
    if _variable("WORLD_SIZE", 1) == 1 or "MASTER_ADDR" in os.environ:
        return
    if os.environ.get("LOCAL_WORLD_SIZE") != os.environ["WORLD_SIZE"]:
        raise UsageError(
            "mpirun's processes are on several machines: set MASTER_ADDR to the first one's address and MASTER_PORT "
            "to a free port there"
        )
    os.environ["MASTER_ADDR"] = "127.0.0.1"
    os.environ.setdefault("MASTER_PORT", "29500")


def _variable(name: str, default: int | None = None) -> int:
    text = os.environ.get(name, "" if default is None else str(default))
    if not text.isdigit():
        raise UsageError(
            f"WORLD_SIZE says that there are several processes, but {name} is {text!r}: {LAUNCHER}"
        )
    return int(text)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
