"""Many photos through one segmenter: whether memory stays flat.

    python benchmarks/soak.py samples/*.jpg [--count 20000] [--threads 1] [--folder] [--png curve.png]

The photos are made on the way from the ones named: cut, resized to 32 to 400 px a side in every proportion, as JPEG,
PNG or WebP, one in a hundred damaged. With ``--folder`` they are written to a temporary folder first, and a process of
``hairseg FOLDER -o OUT/`` does them. Prints resident memory, open files and threads along the way; exit code 1 if the
median memory of the last half of the readings is over that of the first half by more than ``--bound``. Ctrl-C ends it
with the verdict on what was done. Linux only: it reads /proc.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from hairseg.errors import HairsegError
from hairseg.segmenter import Segmenter

FORMATS = ("JPEG", "JPEG", "PNG", "WEBP")
DAMAGED = 100


@dataclass(frozen=True)
class Reading:
    """A process after so many photos: resident memory in MB, open files, threads."""

    photos: int
    memory: float
    files: int
    threads: int


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--model", default="hairseg-small")
    parser.add_argument("--readings", type=int, default=200, help="how often memory is read")
    parser.add_argument(
        "--bound", type=float, default=8.0, help="MB that the last half may be over the first"
    )
    parser.add_argument("--folder", action="store_true", help="through the command line, from files to files")
    parser.add_argument("--png", type=Path, help="draw the curve (needs matplotlib)")
    options = parser.parse_args()
    samples = [Image.open(path).convert("RGB") for path in options.photos]
    way = folder_readings if options.folder else stream_readings
    every = max(1, options.count // options.readings)
    readings: list[Reading] = []
    print(f"{'photos':>8}{'memory MB':>12}{'files':>7}{'threads':>9}")
    with suppress(KeyboardInterrupt):
        for reading in way(samples, options.count, options.model, options.threads, every):
            readings.append(reading)
            # The others are for the curve and the verdict.
            if len(readings) % max(1, options.readings // 20) == 1:
                print(row(reading), flush=True)
    if len(readings) < 4:
        sys.exit("too few readings for a verdict: let it run longer")
    print(row(readings[-1]))
    if options.png:
        draw(readings, options.png)
    half = len(readings) // 2
    first, last = (statistics.median(r.memory for r in part) for part in (readings[:half], readings[half:]))
    flat = last - first <= options.bound
    print(
        f"median of the first half {first:.1f} MB, of the last half {last:.1f} MB: {last - first:+.1f} MB, "
        f"{'within' if flat else 'OVER'} the bound of {options.bound:g} MB; "
        f"highest {max(r.memory for r in readings):.1f} MB"
    )
    sys.exit(not flat)


def made(samples: list[Image.Image], count: int) -> Iterator[bytes]:
    """The files of ``count`` photos, the same ones at every run."""
    for number in range(count):
        rng = np.random.default_rng(number)
        sample = samples[number % len(samples)]
        left, top = rng.integers(0, sample.width // 2), rng.integers(0, sample.height // 2)
        width, height = rng.integers(32, 401, 2)
        cut = sample.crop((left, top, left + sample.width // 2, top + sample.height // 2))
        file = io.BytesIO()
        cut.resize((width, height)).save(file, FORMATS[number % len(FORMATS)], quality=85)
        data = file.getvalue()
        yield data[: len(data) // 2] if number % DAMAGED == DAMAGED - 1 else data


def stream_readings(
    samples: list[Image.Image], count: int, model: str, threads: int, every: int
) -> Iterator[Reading]:
    """This process, while photos go through ``Segmenter.stream``."""
    segmenter = Segmenter(model, threads)
    failed = 0
    for number, hair in enumerate(segmenter.stream(made(samples, count), errors="yield"), start=1):
        if isinstance(hair, HairsegError):
            failed += 1
        else:
            hair.to_dict(rle=True)  # everything that is computed when it is asked for, besides pictures
        if number % every == 0:
            yield read("self", number)
    print(f"{count} photos, {failed} of them damaged and named")


def folder_readings(
    samples: list[Image.Image], count: int, model: str, threads: int, every: int
) -> Iterator[Reading]:
    """A process of the command line, while it does a folder."""
    with TemporaryDirectory() as place:
        folder = Path(place, "photos")
        folder.mkdir()
        for number, data in enumerate(made(samples, count)):
            Path(folder, f"{number:06d}.jpg").write_bytes(data)
        command = [sys.executable, "-m", "hairseg", str(folder), "-o", f"{place}/masks/", "--json", "-q"]
        command += ["--model", model, "--threads", str(threads)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            assert process.stdout is not None
            yield from _beside(process.stdout, process.pid, every)
        masks = sum(1 for _ in Path(place, "masks").iterdir())
    print(f"{count} photos, {masks} masks, exit code {process.returncode}")


def _beside(lines: Iterable[bytes], pid: int, every: int) -> Iterator[Reading]:
    """Readings of a process that prints a line for each photo."""
    for number, line in enumerate(lines, start=1):
        json.loads(line)
        if number % every == 0:
            with suppress(OSError, ValueError):  # it may just have ended
                yield read(str(pid), number)


def read(process: str, photos: int) -> Reading:
    """A process as /proc shows it now."""
    lines = Path("/proc", process, "status").read_text(encoding="ascii", errors="replace").splitlines()
    entries = dict(line.split(":", 1) for line in lines)
    memory, threads = int(entries["VmRSS"].split()[0]), int(entries["Threads"])
    files = sum(1 for _ in Path("/proc", process, "fd").iterdir())
    return Reading(photos, memory / 1024, files, threads)


def row(reading: Reading) -> str:
    """A line of the table."""
    return f"{reading.photos:>8}{reading.memory:>12.1f}{reading.files:>7}{reading.threads:>9}"


def draw(readings: list[Reading], path: Path) -> None:
    """The curve as a picture."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
    axes.plot([r.photos for r in readings], [r.memory for r in readings], linewidth=1.2)
    axes.set(xlabel="photos", ylabel="resident memory, MB", xlim=(0, None), ylim=(0, None))
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
