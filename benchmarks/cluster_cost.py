"""What a million photos cost on a cluster: core-hours and money, from a run of ``hairseg cluster run`` on this machine.

    python benchmarks/cluster_cost.py samples/*.jpg [--count 1000] [--side 800] [--workers N] [--threads 1]
        [--model NAME] [--per-core-hour 0.04] [--currency USD]

Copies of the photos, each shifted a little so that no two are equal, go into a temporary folder, and one run does them.
Core-hours of a million photos are workers x threads x seconds / photos x 1,000,000 / 3600. Seconds are those that the
command reports: from the start of the workers, which load their models, so a small ``--count`` makes photos look dearer
than they are. The price of a core-hour is yours to give: what a cloud asks for a machine an hour, by its cores.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from folder_run import fill
from peers_speed import resized


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--side", type=int, default=800, help="longer side of the photos in pixels")
    parser.add_argument("--workers", type=int)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--model", default="hairseg-int8")
    parser.add_argument("--per-core-hour", type=float, help="price; without it only core-hours are printed")
    parser.add_argument("--currency", default="USD")
    options = parser.parse_args()
    with TemporaryDirectory() as place:
        folder = Path(place) / "photos"
        folder.mkdir()
        fill(folder, [resized(path, options.side) for path in options.photos], options.count, damaged=0)
        summary = run(folder, Path(place) / "rows", options)
    print(f"{options.model}, {options.count} photos of {options.side} px: {summary['seconds']:.1f} s\n")
    print(table(summary, options.per_core_hour, options.currency))


def run(photos: Path, rows: Path, options: argparse.Namespace) -> dict[str, Any]:
    """The summary of ``hairseg cluster run``.

    Raises:
        RuntimeError: it fails, or leaves photos undone.
    """
    command = [sys.executable, "-m", "hairseg", "cluster", "run", str(photos), str(rows), "--json", "--quiet"]
    command += ["--threads", str(options.threads), "--model", options.model]
    command += [] if options.workers is None else ["--workers", str(options.workers)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    summary: dict[str, Any] = json.loads(done.stdout) if done.stdout else {}
    if done.returncode or summary.get("left") or summary.get("failed"):
        raise RuntimeError(done.stderr or done.stdout)
    return summary


def core_hours(summary: dict[str, Any]) -> float:
    """Of a million photos."""
    cores = summary["workers"] * summary["threads"]
    return float(cores * summary["seconds"] / summary["photos"] * 1e6 / 3600)


def table(summary: dict[str, Any], price: float | None, currency: str) -> str:
    """Markdown, a row."""
    hours = core_hours(summary)
    head = ["workers", "threads each", "photos a second", "core-hours a million photos"]
    cells = [str(summary["workers"]), str(summary["threads"])]
    cells += [f"{summary['photos'] / summary['seconds']:.2f}", f"{hours:.0f}"]
    if price is not None:
        head.append(f"a million photos at {price:g} {currency} a core-hour")
        cells.append(f"{hours * price:.2f} {currency}")
    return "\n".join((f"| {' | '.join(head)} |", "|" + "---:|" * len(head), f"| {' | '.join(cells)} |"))


if __name__ == "__main__":
    main()
