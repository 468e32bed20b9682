"""How often a block was begun: what kills its worker must not do so for ever."""

from __future__ import annotations

import json
import os
import platform

from hairseg.cluster.plan import Block
from hairseg.cluster.store import Store


def begin(target: Store, block: Block) -> int:
    """Note that a block is begun here, and say for the how many-th time.

    The note names the process, for those who look for it.
    """
    try:
        count = int(json.loads(target.read(_name(block)))["attempt"]) + 1
    except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        count = 1  # none yet, or a note that no process of ours wrote
    note = {"attempt": count, "pid": os.getpid(), "machine": platform.node()}
    target.write(_name(block), json.dumps(note).encode())
    return count


def end(target: Store, block: Block) -> None:
    """The block's rows are written."""
    target.remove(_name(block))


def _name(block: Block) -> str:
    return f"attempts/{block.number:06d}.json"
