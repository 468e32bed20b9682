"""Helper processes that read an epoch's photos ahead, and how a training goes on without them.

A helper may be killed, for want of memory as a rule, or be stuck in a disk that does not answer. What a batch holds
does not depend on who reads it, so the process then reads the rest of the epoch itself: slower, the same numbers.
"""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import active_children
from multiprocessing.process import BaseProcess
from threading import Event, Thread
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from hairseg.report import say

# How long a batch may take before helpers count as stuck, and how long they may take to leave; seconds.
PATIENCE = 300.0
GOODBYE = 10.0

_LOST = object()

Collate = Callable[[list[Any]], Any]


def read_batches(
    dataset: Dataset[Any], shares: Sequence[list[int]], workers: int, device: torch.device, collate: Collate
) -> Iterator[Any]:
    """Batches of a data set, in order, whatever happens to the helpers.

    Args:
        dataset: gives the same for an index in every process.
        shares: the indices of each batch.
        workers: how many helpers read ahead; 0 for none.
        device: that the batches go to.
        collate: makes a batch of what the data set gives.

    Yields:
        what ``collate`` gives, in pinned memory for a GPU.

    Raises:
        Exception: of the data set or of ``collate``.
    """
    pin = device.type == "cuda"
    done = 0
    if workers:
        ahead: DataLoader[Any] = DataLoader(
            dataset,
            batch_sampler=shares,
            pin_memory=pin,
            num_workers=workers,
            multiprocessing_context="fork",
            prefetch_factor=4,
            collate_fn=collate,
        )
        with contextlib.closing(_Helpers(ahead, device)) as helpers:
            for batch in helpers.batches(len(shares)):
                done += 1
                yield batch
    # A loader draws from torch's global generator once, as dropout does: the second one of an epoch must not.
    own = torch.Generator() if workers else None
    if done < len(shares):
        yield from DataLoader(
            dataset, batch_sampler=shares[done:], pin_memory=pin, collate_fn=collate, generator=own
        )


class _Helpers:
    """A loader with helper processes, in a thread of its own.

    The thread may wait for ever, in more places than torch's own time limit covers: a batch's memory is fetched from the
    helper that made it, and a lock that a helper died with stays locked. And torch does not install its handler of
    SIGCHLD from there, which would raise in the middle of whatever the main thread does when a helper dies.

    Args:
        loader: to be read once.
        device: that its batches go to.
    """

    def __init__(self, loader: DataLoader[Any], device: torch.device) -> None:
        self.helpers: list[BaseProcess] = []
        self._device = device
        self._closed = Event()
        self._ready: queue.Queue[Any] = queue.Queue(maxsize=1)
        self._thread = Thread(target=self._read, args=(loader,), daemon=True)
        self._thread.start()

    def _read(self, loader: DataLoader[Any]) -> None:
        card = self._device.type == "cuda"
        try:
            # A thread begins with the first GPU, and would pin memory for it.
            with torch.cuda.device(self._device) if card else contextlib.nullcontext():
                before = active_children()
                batches = iter(loader)
                self.helpers = [child for child in active_children() if child not in before]
                for batch in batches:
                    self._ready.put(batch)
                    if self._closed.is_set():
                        return
        except Exception:  # whatever it is: whoever reads without helpers meets a real mistake again
            self._ready.put(
                _LOST
            )  # not the error, whose frames would keep torch's iterator for the main thread

    def batches(self, count: int) -> Iterator[Any]:
        """Up to ``count`` batches; fewer where a helper is lost, which is said."""
        for _ in range(count):
            try:
                batch = self._ready.get(timeout=PATIENCE)
            except queue.Empty:
                self._lost(f"is stuck, no batch came in {PATIENCE:.0f} s")
                return
            if batch is _LOST:
                self._lost("ended, for want of memory as a rule: lower workers if it happens again")
                return
            yield batch

    def _lost(self, how: str) -> None:
        for helper in self.helpers:
            helper.kill()
        say(
            f"a helper process that reads photos {how}; the rest of the epoch is read without helpers, more slowly"
        )

    def close(self) -> None:
        """Let the helpers go, by force if they do not."""
        self._closed.set()
        with contextlib.suppress(queue.Empty):
            self._ready.get_nowait()  # room for a batch that the thread is about to put
        self._thread.join(GOODBYE)
        for helper in self.helpers:
            helper.kill()
