"""How many hidden channels a trained network can do without, at each place where it has some.

    python benchmarks/hidden_channels.py RUN/best.safetensors [--shares 0.0025 0.005 0.01 0.015] [--photos 320]

For each block of an EfficientNet-Lite, and each step of the fine decoder: its channels, and how few of them leave no more
than a share of what the block hands on unexplained (``hairseg.training.narrow``), on training photos as the checkpoint's
recipe varies them. A residual block hands on its input, too, so that it can do without more. The numbers are what
``[net] backbone_hidden`` and ``widths`` of a narrower network's recipe want to be.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor, nn

from hairseg.evaluation.tables import markdown
from hairseg.net.hidden import Hidden, hidden_channels
from hairseg.training.batches import Photos
from hairseg.training.checkpoint import read_checkpoint
from hairseg.training.narrow import measure, reader_gain, surgeon
from hairseg.training.step import normalised

PART = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--shares", type=float, nargs="+", default=[0.0025, 0.005, 0.01, 0.015])
    parser.add_argument("--photos", type=int, default=320)
    parser.add_argument("--round", type=int, default=16, help="channels are a multiple of this")
    options = parser.parse_args()
    net, recipe, _ = read_checkpoint(options.checkpoint)
    net.eval().to(memory_format=torch.channels_last)
    hidden = hidden_channels(net)
    outputs = {one.name: Spread(net.get_submodule(one.name.rpartition(".")[0]), one) for one in hidden}
    photos = torch.split(Photos(recipe).sample(recipe.stages[0], options.photos), PART)
    moments = measure(net, hidden, (normalised(part, net.backbone) for part in photos))
    rows = []
    for one in hidden:
        weights, factor = one.reader[0].weight.detach().flatten(1).double(), reader_gain(one)
        covariance = moments[one.name].covariance
        scaled = weights * factor[:, None]
        # The reader's own variance, as a share of what is handed on.
        branch = float(((scaled @ covariance) * scaled).sum()) / outputs[one.name].variance()
        found = surgeon(weights, covariance, range(options.round, one.width, options.round), factor)
        few = [
            min((width for width, left in found.items() if left.error * branch <= share), default=one.width)
            for share in options.shares
        ]
        rows.append([one.name, str(one.width), *map(str, few)])
    print(f"{sum(map(len, photos))} training photos of {recipe.name}")
    print(markdown(["channels", "all", *(f"{share:.2%} lost" for share in options.shares)], rows))


class Spread:
    """The variance of what a block hands on, summed over its channels; of a decoder's step, of what its reader does."""

    def __init__(self, block: nn.Module, hidden: Hidden) -> None:
        self.sums: list[Tensor] = []
        place = hidden.reader[1] if isinstance(block, nn.Sequential) else block
        place.register_forward_hook(
            lambda _, inputs, output: self.sums.append(output.double().var((0, 2, 3)).sum())
        )

    def variance(self) -> float:
        """On average over the batches that were looked at."""
        return float(torch.stack(self.sums).mean())


if __name__ == "__main__":
    main()
