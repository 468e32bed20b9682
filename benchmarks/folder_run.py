"""A folder of many photos, some of them damaged, through the command line; and the plain loop beside it.

    python benchmarks/folder_run.py samples/*.jpg [--count 1000] [--damaged 30] [--side 800] [--threads 1 2]
        [--peer PATH.py] [--model NAME]

Copies of the photos, each shifted a little so that no two are equal, go into a temporary folder; the damaged
ones are cut off, emptied, or text. Prints masks written, failures listed, the exit code, photos a second, and
the plain loop's (read, one photo at a time, save): ours in one process, the seed's network in torch where that is
installed, and the peer's. With ``--threads`` the folder is done once for each number of threads, for throughput against
core count.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hairseg.cores import physical_cores
from hairseg.segmenter import Segmenter

sys.path.insert(0, str(Path(__file__).parent))
from peers_accuracy import load_peer
from peers_speed import resized, seed_in_torch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--damaged", type=int, default=30)
    parser.add_argument("--side", type=int, default=800)
    parser.add_argument("--loop", type=int, default=60, help="photos of the plain loops")
    parser.add_argument("--peer", type=Path)
    parser.add_argument("--model", default="hairseg-int8")
    parser.add_argument("--threads", type=int, nargs="+", help="default: once, with all physical cores")
    options = parser.parse_args()
    with TemporaryDirectory() as place:
        folder, out = Path(place) / "photos", Path(place) / "masks"
        folder.mkdir()
        fill(folder, [resized(path, options.side) for path in options.photos], options.count, options.damaged)
        rate = max(
            folder_rate(folder, out, options.count, number, options.model)
            for number in options.threads or [None]
        )
        good = [path for path in sorted(folder.iterdir()) if path.stem.isdigit()][: options.loop]
        loops: dict[str, Callable[[NDArray[np.uint8]], NDArray[np.float32]]] = {
            "our plain loop": Segmenter(options.model).probability
        }
        if importlib.util.find_spec("torch"):
            loops["the plain loop of the seed's network, torch"] = seed_in_torch(
                Segmenter().info.fit, physical_cores()
            )
        if options.peer:
            loops[f"the plain loop of {options.peer.stem}"] = load_peer(options.peer)
        for name, predict in loops.items():
            plain = loop(predict, good, Path(place) / "mask.png")
            print(f"{name}: {plain:.1f} photos a second; the folder is {rate / plain:.2f}x")


def folder_rate(folder: Path, out: Path, count: int, threads: int | None, model: str) -> float:
    """Photos a second of ``hairseg FOLDER``; prints what came of them."""
    command = [sys.executable, "-m", "hairseg", "--json", "--force", str(folder), "-o", f"{out}/"]
    command += ["-m", model]
    if threads is not None:
        command += ["--threads", str(threads)]
    begun = time.perf_counter()
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - begun
    failed = sum("error" in json.loads(line) for line in ran.stdout.splitlines())
    masks = len(list(out.glob("*.png")))
    print(
        f"hairseg FOLDER, {'all cores' if threads is None else f'{threads} threads'}: {masks} masks, "
        f"{failed} failures listed, exit code {ran.returncode}; {count / seconds:.1f} photos a second",
        flush=True,
    )
    return count / seconds


def fill(folder: Path, photos: list[NDArray[np.uint8]], count: int, damaged: int) -> None:
    every = max(1, count // damaged) if damaged else count + 1
    broken = 0
    for number in range(count):
        photo = np.roll(photos[number % len(photos)], number // len(photos), axis=1)
        path = folder / f"{number:05d}.jpg"
        Image.fromarray(photo).save(path, quality=90)
        if number % every == every - 1 and broken < damaged:
            data = path.read_bytes()
            path.unlink()
            damage = (data[: len(data) // 2], b"", b"not a photo")[broken % 3]
            (folder / f"broken{number:05d}.jpg").write_bytes(damage)
            broken += 1


def loop(predict: Callable[[NDArray[np.uint8]], NDArray[np.float32]], paths: list[Path], out: Path) -> float:
    """Photos a second of reading, predicting and saving, one after another."""
    begun = time.perf_counter()
    for path in paths:
        probability = predict(np.asarray(Image.open(path).convert("RGB")))
        Image.fromarray((probability >= 0.5).astype(np.uint8) * 255).save(out)
    return len(paths) / (time.perf_counter() - begun)


if __name__ == "__main__":
    main()
