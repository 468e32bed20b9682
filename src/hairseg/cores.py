"""How many cores this process may use."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

# More threads than any machine has cores for one of them: a number that was mistyped.
MOST_THREADS = 1024
_SIBLINGS = "/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
_QUOTA = Path("/sys/fs/cgroup/cpu.max")


@cache
def physical_cores() -> int:
    """Physical cores that this process is allowed to run on; at least 1.

    Two hardware threads of one core share its arithmetic units, so a second one gains a network nothing.
    Affinity and a container's quota are respected where the system tells them; elsewhere logical cores count.
    """
    if hasattr(os, "sched_getaffinity"):
        cores = len({_siblings(cpu) for cpu in os.sched_getaffinity(0)})
    else:
        cores = os.cpu_count() or 1
    return max(1, min(cores, _quota(cores)))


def _siblings(cpu: int) -> str:
    """The hardware threads that share a core with ``cpu``; itself where that is unknown."""
    try:
        return Path(_SIBLINGS.format(cpu)).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return str(cpu)


def _quota(otherwise: int) -> int:
    """Whole cores that a container's quota (cgroup v2) grants."""
    try:
        limit, period = _QUOTA.read_text(encoding="ascii").split()
        return round(int(limit) / int(period))
    except (OSError, ValueError):  # no such file, or "max"
        return otherwise
