"""Time of one training step per photo: the seed's network as the seed wrote it, beside ours, in one run.

    python benchmarks/training_step.py [--size 256] [--batch 8] [--rounds 7]

Networks take turns, step by step, so that a slower moment of the machine meets all of them; medians and
ratios are printed. "as in the seed" is float32, contiguous memory and torch's own backward pass; the other
rows use what ``hairseg train`` uses (bfloat16 autocast, channels_last, ``training.depthwise``, kept memory).
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch

from hairseg.net import NetConfig, build
from hairseg.training.allocator import keep_freed_memory
from hairseg.training.depthwise import speed_up_depthwise
from hairseg.training.loss import hair_loss

SQUEEZENET_FINE = NetConfig(decoder="fine", widths=(128, 96, 64, 32), pyramid_norm=True)
LITE0_FINE = NetConfig(
    backbone="tf_efficientnet_lite0", decoder="fine", widths=(160, 128, 96, 64, 32), pyramid_norm=True
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    keep_freed_memory()
    steps = {
        "seed's network, as in the seed": step(NetConfig(), options, fast=False),
        "seed's network": step(NetConfig(), options),
        "its twin without pyramid pooling": step(NetConfig(bins=()), options),
        "SqueezeNet, fine decoder": step(SQUEEZENET_FINE, options),
        "EfficientNet-Lite0, fine decoder": step(LITE0_FINE, options),
    }
    times: dict[str, list[float]] = {name: [] for name in steps}
    for number in range(options.rounds + 2):
        for name, run in steps.items():
            begun = time.perf_counter()
            run()
            if number >= 2:  # the first steps allocate
                times[name].append((time.perf_counter() - begun) / options.batch * 1000)
    medians = {name: statistics.median(values) for name, values in times.items()}
    first = next(iter(medians.values()))
    print(
        f"{options.size} px, batch {options.batch}, {torch.get_num_threads()} threads, torch {torch.__version__}\n"
    )
    print(f"| {'network':<34} | ms per photo | faster than the first |")
    print(f"|{'-' * 36}|-------------:|----------------------:|")
    for name, value in medians.items():
        print(f"| {name:<34} | {value:12.1f} | {first / value:20.2f}x |")


def step(config: NetConfig, options: argparse.Namespace, fast: bool = True) -> Callable[[], None]:
    """One optimiser step on random photos."""
    torch.manual_seed(0)
    layout = torch.channels_last if fast else torch.contiguous_format
    net = build(config).train().to(memory_format=layout)  # type: ignore[call-overload]
    if fast:
        speed_up_depthwise(net)
    optimizer = torch.optim.AdamW(net.parameters(), 1e-4, foreach=True)
    photo = torch.randn(options.batch, 3, options.size, options.size).contiguous(memory_format=layout)
    truth = torch.randint(0, 2, (options.batch, options.size, options.size), dtype=torch.uint8)

    def run() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=fast):
            logits = net(photo)
        loss = hair_loss(logits, truth, dice=0.5)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return run


if __name__ == "__main__":
    main()
