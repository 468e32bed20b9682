"""A training that is killed again and again, and goes on by the same command: whether anything is lost.

    python benchmarks/kill_training.py [--kills 20] [--epochs 80] [--seed 0]

A small network learns generated photos, once undisturbed, and once killed (SIGKILL, with its helper processes) at random
moments: while it starts, while it trains, and while a file of its folder is being written. After every kill each
checkpoint has to load whole. In the end weights, optimiser state and metrics have to be those of the undisturbed run, bit
for bit, and what a kill left half written has to be gone. Exit code 1 where one of this does not hold. POSIX only.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import torch
from safetensors.torch import load_file

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from toys import write_toy_photos

Moment = Literal["starting", "training", "writing"]
MOMENTS: tuple[Moment, ...] = ("training", "writing", "starting")
# A start imports torch; nothing here should take as long.
PATIENCE = 300.0

RECIPE = """
name = "toy"
pretrained = "none"
backbone_rate = 3e-3
head_rate = 1e-2
warmup = 2
ema = 0.5
bf16 = false

[net]
backbone = "test_efficientnet"
bins = [1, 2]
pyramid_norm = true
decoder = "fine"
widths = [8, 8, 8, 8, 8]
dropout = 0.2

[fit]
mode = "area"
size = 64

[[train]]
data = "folder:{folder}"
split = ""

[[validate]]
data = "folder:{folder}"
split = ""

[[stages]]
epochs = {epochs}
size = 64
area = [0.6, 1.0]
batch = 4
"""


@dataclass(frozen=True)
class Kill:
    """One kill.

    Attributes:
        moment: that was waited for.
        epochs: whose lines the folder held.
        whole: checkpoints that load.
        broken: checkpoints that do not.
        partial: files that were being written.
    """

    moment: Moment
    epochs: int
    whole: list[str]
    broken: list[str]
    partial: list[str]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=80)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with TemporaryDirectory() as place:
        recipe = write_toy(Path(place), options.epochs)
        whole, killed = Path(place) / "whole", Path(place) / "killed"
        run_to_end(recipe, whole)
        kills = kill_and_resume(recipe, killed, options.kills, random.Random(options.seed))
        run_to_end(recipe, killed)
        problems = [f"after a kill {name} did not load" for kill in kills for name in kill.broken]
        problems += differences(whole, killed)
    if len(kills) < options.kills:
        problems.append(f"it was killed {len(kills)} times only: raise --epochs")
    print(f"{len(kills)} kills of a training of {options.epochs} epochs, torch {torch.__version__}")
    for moment in MOMENTS:
        own = [kill for kill in kills if kill.moment == moment]
        half = sum(bool(kill.partial) for kill in own)
        after = ", ".join(str(kill.epochs) for kill in own)
        print(f"{len(own)} while {moment}, after epochs {after}; {half} of them left a file half written")
    print(f"{sum(len(kill.whole) for kill in kills)} checkpoints loaded whole after the kills")
    print(
        "\n".join(problems) or "weights, optimiser state and metrics are the undisturbed run's, bit for bit"
    )
    return 1 if problems else 0


def write_toy(folder: Path, epochs: int) -> Path:
    """Eight photos with a red block of "hair" on noise, and a recipe that learns them; returns the recipe."""
    photos = folder / "photos"
    write_toy_photos(photos)
    recipe = folder / "toy.toml"
    recipe.write_text(RECIPE.format(folder=photos, epochs=epochs), encoding="utf-8")
    return recipe


def start(recipe: Path, run: Path) -> subprocess.Popen[bytes]:
    """The command of every start, in a process group of its own, with what it says in a file beside the run."""
    command = [sys.executable, "-m", "hairseg", "train", str(recipe), "--folder", str(run)]
    # Threads add up numbers in another order.
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with run.with_suffix(".log").open("ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)


def run_to_end(recipe: Path, run: Path) -> None:
    """Train to the last epoch.

    Raises:
        RuntimeError: it fails.
    """
    if start(recipe, run).wait() != 0:
        raise RuntimeError(run.with_suffix(".log").read_text(encoding="utf-8"))


def kill_and_resume(recipe: Path, run: Path, count: int, chance: random.Random) -> list[Kill]:
    """Start the training ``count`` times and kill it each time; fewer times where it comes to its end."""
    kills: list[Kill] = []
    while len(kills) < count:
        moment = MOMENTS[len(kills) % len(MOMENTS)]
        process = start(recipe, run)
        wait_for(moment, process, run, chance)
        os.killpg(process.pid, signal.SIGKILL)
        if process.wait() != -signal.SIGKILL:
            break
        kills.append(look(moment, run))
    return kills


def wait_for(moment: Moment, process: subprocess.Popen[bytes], run: Path, chance: random.Random) -> None:
    """Until the process is at such a moment, or at its end."""
    if moment == "starting":
        wait_until(lambda: False, process, chance.uniform(0.0, 5.0))
        return
    before = epochs_in(run)
    wait_until(lambda: epochs_in(run) > before, process, PATIENCE)
    if moment == "training":
        wait_until(lambda: False, process, chance.uniform(0.0, 1.5))
        return
    later = chance.randrange(4)  # which of the files that are written from here on
    seen: set[int] = set()

    def writing() -> bool:
        for path in run.glob(".*.partial"):
            try:
                seen.add(path.stat().st_ino)
            except FileNotFoundError:  # it has its name now
                continue
        return len(seen) > later

    wait_until(writing, process, 10.0, pause=0.0)


def wait_until(
    come: Callable[[], bool], process: subprocess.Popen[bytes], seconds: float, pause: float = 0.01
) -> None:
    """Until something has come, the process has ended, or the time is over."""
    end = time.monotonic() + seconds
    while not come() and process.poll() is None and time.monotonic() < end:
        time.sleep(pause)


def epochs_in(run: Path) -> int:
    """Whole lines of the metrics."""
    path = run / "metrics.jsonl"
    return path.read_text(encoding="utf-8").count("\n") if path.is_file() else 0


def look(moment: Moment, run: Path) -> Kill:
    """What a kill left."""
    whole, broken = [], []
    for path in sorted(run.glob("*.safetensors")):
        try:
            load_file(path)
            whole.append(path.name)
        except Exception:  # whatever is wrong with it
            broken.append(path.name)
    return Kill(moment, epochs_in(run), whole, broken, sorted(path.name for path in run.glob(".*.partial")))


def differences(whole: Path, killed: Path) -> list[str]:
    """What the killed run's folder has other than the undisturbed one's."""
    found = [f"{path.name} was left behind" for path in sorted(killed.glob(".*"))]
    for name in ("best.safetensors", "last.safetensors"):
        ours, theirs = load_file(whole / name), load_file(killed / name)
        other = [key for key in ours.keys() | theirs.keys() if not same(ours.get(key), theirs.get(key))]
        if other:
            found.append(f"{name}: {len(other)} tensors differ, for example {sorted(other)[0]}")
    if lines_in(whole) != lines_in(killed):
        found.append("metrics.jsonl differs")
    return found


def same(one: torch.Tensor | None, other: torch.Tensor | None) -> bool:
    """To the bit, which a zero's sign is too."""
    if one is None or other is None or (one.dtype, one.shape) != (other.dtype, other.shape):
        return False
    return one.numpy().tobytes() == other.numpy().tobytes()


def lines_in(run: Path) -> list[dict[str, Any]]:
    """The metrics, without the time that they took."""
    lines = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [{**json.loads(line), "seconds": 0} for line in lines]


if __name__ == "__main__":
    sys.exit(main())
