"""Training on several processes: photos a second measured on this machine's cores, or a plan for GPUs worked out.

    python benchmarks/scaling.py [RECIPE] [--cores 2] [--size 256] [--batch 8] [--steps 10] [--rounds 3]
    python benchmarks/scaling.py [RECIPE] --plan [--gpus 8,16,32,64] [--photo-ms 25] [...]

The first times training steps on random photos: one process with a thread for each core, one process with one thread, and
one process for each core with one thread, started by torchrun; they take turns, and all do the same number of photos a
step. The second measures nothing: it counts the parameters, the batch norms and the messages of a step, and divides by
the speeds that its options name, every GPU keeping its batch.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import math
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from hairseg.net import build
from hairseg.net.cost import cost
from hairseg.training.allocator import keep_freed_memory
from hairseg.training.depthwise import speed_up_depthwise
from hairseg.training.norms import synchronise
from hairseg.training.optimize import MovingAverage, build_optimizer
from hairseg.training.processes import joined
from hairseg.training.recipe import Recipe, read_recipe
from hairseg.training.step import Learner

RECIPES = Path(__file__).parents[1] / "recipes"
BYTES = 4  # of a gradient, a float32
BACKWARD = 2 / 3  # of a step's multiply-adds: twice the forward pass's
WARM = 2  # the first steps allocate


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "recipe", type=Path, nargs="?", help="pspnet_squeezenet1_1; pspnet50_ade20k for a plan"
    )
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--size", type=int, help="of the photos; 256, or the recipe's largest for a plan")
    parser.add_argument("--batch", type=int, default=8, help="photos of a step over all processes")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    plan = parser.add_argument_group("the plan")
    plan.add_argument("--plan", action="store_true")
    plan.add_argument("--gpus", type=numbers, default=(8, 16, 32, 64))
    plan.add_argument("--per-gpu", type=int, default=2, help="photos of a step on each GPU")
    plan.add_argument("--photo-ms", type=float, help="of a training step on one GPU; else from --tflops")
    plan.add_argument("--tflops", type=float, default=40.0, help="that one GPU keeps up, TF32")
    plan.add_argument("--node", type=int, default=8, help="GPUs of a machine")
    plan.add_argument("--inside", type=float, default=200.0, help="GB/s between GPUs of a machine, NVLink")
    plan.add_argument(
        "--between", type=float, default=20.0, help="GB/s between machines, 200 Gbit/s InfiniBand"
    )
    plan.add_argument("--message-us", type=float, default=20.0, help="a small message inside a machine")
    plan.add_argument("--far-us", type=float, default=40.0, help="a small message between machines")
    plan.add_argument(
        "--overlap", type=float, default=0.8, help="share of the backward pass that hides messages"
    )
    options = parser.parse_args()
    if options.one:
        one(read_recipe(options.recipe), options)
    elif options.plan:
        path = options.recipe or RECIPES / "pspnet50_ade20k.toml"
        print_plan(read_recipe(path), options)
    else:
        measure(options.recipe or RECIPES / "pspnet_squeezenet1_1.toml", options)


def numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


# ---- measured


def measure(recipe: Path, options: argparse.Namespace) -> None:
    """Time every way in turns; prints a table."""
    ways = [(1, options.cores), (1, 1), (options.cores, 1)]
    speeds: dict[tuple[int, int], list[float]] = {way: [] for way in ways}
    for _ in range(options.rounds):
        for way in ways:
            speeds[way].append(photos_per_second(recipe, *way, options))
    size = options.size or 256
    print(f"{recipe.stem}, {size} px, {options.batch} photos a step, torch {torch.__version__}\n")
    print("| processes | threads each | photos a second | of one process with one thread |")
    print("|---:|---:|---:|---:|")
    base = statistics.median(speeds[ways[1]])
    for (processes, threads), found in speeds.items():
        speed = statistics.median(found)
        print(f"| {processes} | {threads} | {speed:.2f} | {speed / base:.2f}x |")


def photos_per_second(recipe: Path, processes: int, threads: int, options: argparse.Namespace) -> float:
    """Of one way, in processes of its own."""
    script = [str(Path(__file__)), str(recipe), "--one", "--size", str(options.size or 256)]
    script += ["--batch", str(options.batch), "--steps", str(options.steps)]
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    command = [sys.executable, *(launcher if processes > 1 else []), *script]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return float(json.loads(done.stdout)["photos_per_second"])


def one(recipe: Recipe, options: argparse.Namespace) -> None:
    """The life of a measured process: steps as ``hairseg train`` does them; the first one prints."""
    keep_freed_memory()
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    with joined() as processes:
        torch.manual_seed(0)
        net = build(recipe.net).to(processes.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        average = MovingAverage(net, recipe.ema)
        speed_up_depthwise(net)
        synchronise(net, processes)
        share, size = options.batch // processes.count, options.size
        photo = torch.randint(0, 256, (share, 3, size, size), dtype=torch.uint8)
        truth = torch.randint(0, 2, (share, size, size), dtype=torch.uint8)
        stage = dataclasses.replace(recipe.stages[0], size=size, batch=options.batch)
        recipe = dataclasses.replace(recipe, stages=(stage,), accumulate=1)
        ends: list[float] = []
        learner = Learner(
            net,
            average,
            build_optimizer(net, recipe),
            recipe,
            processes,
            0,
            WARM + options.steps,
            lambda step, steps, loss: ends.append(time.perf_counter()),
        )
        learner.epoch(itertools.repeat((photo, truth), WARM + options.steps), stage, lambda step: [])
        seconds = statistics.median(after - before for before, after in itertools.pairwise(ends[WARM - 1 :]))
        if processes.first:
            print(json.dumps({"photos_per_second": options.batch / seconds}))


# ---- worked out


@dataclass(frozen=True)
class Load:
    """What a step of a recipe costs, counted from its network.

    Attributes:
        parameters: whose gradients are summed over all GPUs.
        channels: of each batch norm that is trained.
        operations: of a photo's forward pass, two for a multiply-add.
    """

    parameters: int
    channels: tuple[int, ...]
    operations: int


@dataclass(frozen=True)
class Row:
    """A step on some GPUs, in seconds and photos.

    Attributes:
        gpus: how many.
        batch: photos over all of them.
        reduced: bytes that each GPU sends for the gradients.
        gradients: that they take on the slowest wire.
        norms: that the batch norms' messages take.
        waiting: of both, what the backward pass does not hide.
        step: computing and waiting.
        efficiency: computing, of the step.
        speed: photos a second.
    """

    gpus: int
    batch: int
    reduced: float
    gradients: float
    norms: float
    waiting: float
    step: float
    efficiency: float
    speed: float


def load_of(recipe: Recipe, size: int) -> Load:
    """Count a recipe's network at its training size."""
    with torch.device("meta"):
        net = build(recipe.net)
        channels = tuple(one.num_features for one in net.modules() if isinstance(one, nn.BatchNorm2d))
        parameters = sum(one.numel() for one in net.parameters())
        operations = 2 * sum(row.multiply_adds for row in cost(net, size, size))
    return Load(parameters, channels, operations)


def row(load: Load, gpus: int, photo_seconds: float, options: argparse.Namespace) -> Row:
    """A step on ``gpus`` GPUs, each with its own batch.

    Gradients: a ring, in which each GPU sends 2 (N - 1) / N times their bytes, over the machines' wires as soon as there
    is more than one machine. Batch norms: a message in the forward pass and one in the backward pass of each, which
    nothing hides, of 2 C + 1 and 2 C numbers; small ones climb a tree of machines, so log2 of them wait for each other.
    """
    machines = math.ceil(gpus / options.node)
    compute = options.per_gpu * photo_seconds
    reduced = 2 * (gpus - 1) / gpus * load.parameters * BYTES
    wire = 1e9 * (options.inside if machines == 1 else options.between)
    gradients = reduced / wire
    small = 1e-6 * (
        options.message_us + (options.far_us * math.ceil(math.log2(machines)) if machines > 1 else 0)
    )
    sent = sum(BYTES * (4 * channels + 1) for channels in load.channels)
    norms = 0.0 if gpus == 1 else 2 * len(load.channels) * small + 2 * sent / wire
    waiting = norms + max(0.0, gradients - options.overlap * BACKWARD * compute)
    step = compute + waiting
    batch = gpus * options.per_gpu
    return Row(gpus, batch, reduced, gradients, norms, waiting, step, compute / step, batch / step)


def print_plan(recipe: Recipe, options: argparse.Namespace) -> None:
    """The table of the plan, and what it takes for granted."""
    size = options.size or max(stage.size for stage in recipe.stages)
    load = load_of(recipe, size)
    seconds = (
        options.photo_ms / 1e3
        if options.photo_ms
        else load.operations / (1 - BACKWARD) / (options.tflops * 1e12)
    )
    how = "as told" if options.photo_ms else f"at {options.tflops:g} TFLOP/s"
    print(f"{recipe.name} at {size} px: {load.parameters:,} parameters, {len(load.channels)} batch norms.")
    print(
        f"Taken for granted: {1e3 * seconds:.1f} ms for a photo's step on one GPU ({how}), {options.per_gpu} photos a "
        f"GPU, {options.node} GPUs a machine;"
    )
    print(
        f"{options.inside:g} GB/s inside and {options.between:g} GB/s between machines, {options.message_us:g} and "
        f"{options.far_us:g} us for a small message;"
    )
    print(f"{options.overlap:.0%} of the backward pass hides gradients.\n")
    head = [
        "GPUs",
        "photos a step",
        "MB a GPU sends",
        "gradients ms",
        "batch norms ms",
        "waiting ms",
        "step ms",
    ]
    print(f"| {' | '.join([*head, 'efficiency', 'photos a second'])} |")
    print("|" + "---:|" * (len(head) + 2))
    for one in (row(load, gpus, seconds, options) for gpus in options.gpus):
        print(
            f"| {one.gpus} | {one.batch} | {one.reduced / 1e6:.0f} | {1e3 * one.gradients:.1f} | {1e3 * one.norms:.1f} "
            f"| {1e3 * one.waiting:.1f} | {1e3 * one.step:.1f} | {one.efficiency:.0%} | {one.speed:.0f} |"
        )


if __name__ == "__main__":
    main()
