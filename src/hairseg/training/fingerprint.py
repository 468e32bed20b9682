"""What a run was trained on, to the byte: ``photos.txt`` in its folder, one line a photo.

A run that goes on with other photos than it began with would have numbers that nobody can repeat. So the checksums of
all photos and masks are written when a run begins, compared when it is resumed, and looked at again after every epoch:
by size and time first, which costs next to nothing, by checksum only where these differ.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from hairseg.data import DataSet, Item
from hairseg.errors import DataError
from hairseg.printable import printable
from hairseg.training.processes import Processes

SHOWN = 5
# Hexadecimal digits kept of each SHA-256.
DIGITS = 16

Stamp = tuple[int, int]


class Fingerprint:
    """The photos and masks of a run.

    Args:
        datasets: for training, then for validation; in the recipe's order.
        processes: that share the reading.

    Attributes:
        lines: checksum and name of each, in order.

    Raises:
        DataError: one cannot be read.
    """

    def __init__(self, datasets: Sequence[DataSet], processes: Processes) -> None:
        self.processes = processes
        self.items: list[tuple[str, Item]] = [
            (f"{dataset.name}/{printable(item.name)}", item) for dataset in datasets for item in dataset.items
        ]
        self.stamps = processes.map(lambda one: _stamps(one[1]), self.items)
        self.digests = processes.map(lambda one: _digest(one[1]), self.items)

    @property
    def lines(self) -> list[str]:
        """As they stand in ``photos.txt``."""
        return [f"{digest}  {name}" for digest, (name, _) in zip(self.digests, self.items, strict=True)]

    def compare(self, before: list[str]) -> None:
        """Refuse other photos than those of the lines ``before``.

        Raises:
            DataError: says how many are gone, new or changed, and names some.
        """
        if before == self.lines:
            return
        old, new = ({line[DIGITS + 2 :]: line[:DIGITS] for line in lines} for lines in (before, self.lines))
        changes = {
            "gone": [name for name in old if name not in new],
            "new": [name for name in new if name not in old],
            "changed": [name for name in new if old.get(name, new[name]) != new[name]],
        }
        said = [f"{len(names)} {how} ({_some(names)})" for how, names in changes.items() if names]
        raise DataError(
            f"the photos are not those that this run began with: {', '.join(said) or 'they stand in another order'}; "
            "restore them to go on, or start a new run"
        )

    def check(self) -> None:
        """Look whether a photo or a mask changed since this object was made.

        Raises:
            DataError: names them.
        """
        found = self.processes.map(self._changed, range(len(self.items)))
        names = [name for (name, _), changed in zip(self.items, found, strict=True) if changed]
        if names:
            raise DataError(
                f"{len(names)} photos or their masks changed during training ({_some(names)}); the checkpoint of the "
                "epoch before is kept: restore them and go on with --resume, or start a new run"
            )

    def _changed(self, index: int) -> bool:
        item = self.items[index][1]
        try:
            return _stamps(item) != self.stamps[index] and _digest(item) != self.digests[index]
        except DataError:
            return True


def _files(item: Item) -> list[Path]:
    return [item.photo] if item.mask is None else [item.photo, item.mask]


def _stamps(item: Item) -> list[Stamp]:
    """Size and time of the files."""
    try:
        found = [path.stat() for path in _files(item)]
    except OSError as error:
        raise DataError(f"{printable(item.photo)} or its mask cannot be read ({error.strerror})") from error
    return [(one.st_size, one.st_mtime_ns) for one in found]


def _digest(item: Item) -> str:
    """Checksum of the files' bytes, the photo's and the mask's."""
    total = hashlib.sha256()
    try:
        for path in _files(item):
            with path.open("rb") as file:
                total.update(hashlib.file_digest(file, "sha256").digest())
    except OSError as error:
        raise DataError(f"{printable(item.photo)} or its mask cannot be read ({error.strerror})") from error
    return total.hexdigest()[:DIGITS]


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
