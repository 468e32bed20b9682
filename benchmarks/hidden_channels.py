"""How many hidden channels a trained network can do without, at each place where it has some.

    python benchmarks/hidden_channels.py RUN/best.safetensors [--budgets 50 100 200 400] [--photos 256] [--round 16]

What a channel less costs is told by ``hairseg.training.narrow``, on training photos as the checkpoint's recipe varies
them: nats for a photo by which the network's answer changes, to second order and one place at a time. The cheapest ones
for a multiply-add are given away first, up to each budget of nats. The numbers are what ``[net] backbone_hidden`` and
``widths`` of a narrower network's recipe want to be; the first width is that of the reduction and of the first step.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import torch

from hairseg.evaluation.tables import markdown
from hairseg.net import PSPNet
from hairseg.net.hidden import Hidden, hidden_channels
from hairseg.training.batches import Photos
from hairseg.training.checkpoint import read_checkpoint
from hairseg.training.narrow import Moments, measure, surgeon
from hairseg.training.step import normalised

PART = 8


@dataclass(frozen=True)
class Place:
    """One place's channels, and what fewer of them cost and save."""

    name: str
    width: int
    nats: dict[int, float]  # by the width that is left
    macs: float  # of a channel


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument(
        "--budgets", type=float, nargs="+", default=[50, 100, 200, 400], help="nats for a photo"
    )
    parser.add_argument("--photos", type=int, default=256)
    parser.add_argument("--round", type=int, default=16, help="channels are a multiple of this")
    options = parser.parse_args()
    net, recipe, _ = read_checkpoint(options.checkpoint)
    net.eval().to(memory_format=torch.channels_last)
    hidden = hidden_channels(net)
    photos = torch.split(Photos(recipe).sample(recipe.stages[0], options.photos), PART)
    moments = measure(net, hidden, (normalised(part, net.backbone) for part in photos))
    macs = multiply_adds(net, hidden, recipe.fit.size)
    places = [place(one, moments[one.name], macs[one.name], options.round) for one in hidden]
    ways = [allot(places, budget) for budget in options.budgets]
    rows = [[one.name, str(one.width), *(str(way[one.name]) for way in ways)] for one in places]
    saved = [sum((one.width - way[one.name]) * one.macs for one in places) for way in ways]
    rows.append(["multiply-adds less, M", "", *(f"{each / 1e6:.0f}" for each in saved)])
    print(f"{sum(map(len, photos))} training photos of {recipe.name}")
    print(markdown(["channels", "all", *(f"{budget:g} nats" for budget in options.budgets)], rows))


def place(one: Hidden, known: Moments, macs: float, multiple: int) -> Place:
    """What fewer channels cost there."""
    weights = one.reader[0].weight.detach().flatten(1).double()
    scaled = weights * known.outputs.sqrt()[:, None]
    all_of_it = known.information * float(((scaled @ known.covariance) * scaled).sum())
    found = surgeon(weights, known.covariance, range(multiple, one.width, multiple), known.outputs.sqrt())
    nats = {width: left.error * all_of_it for width, left in found.items()}
    return Place(one.name, one.width, {**nats, one.width: 0.0}, macs)


def multiply_adds(net: PSPNet, hidden: list[Hidden], side: int) -> dict[str, float]:
    """Those of one channel of each place, on a square canvas."""
    sizes: dict[int, int] = {}
    convolutions = [conv for one in hidden for conv, _ in (*one.makers, one.depthwise, one.reader)]
    hooks = [
        conv.register_forward_hook(
            lambda conv, _, made: sizes.update({id(conv): made.shape[2] * made.shape[3]})
        )
        for conv in convolutions
    ]
    with torch.inference_mode():
        net(torch.zeros(1, 3, side, side))
    for hook in hooks:
        hook.remove()
    found = {}
    for one in hidden:
        made = sum(sizes[id(conv)] * conv.weight[0].numel() for conv, _ in (*one.makers, one.depthwise))
        found[one.name] = float(made + sizes[id(one.reader[0])] * one.reader[0].out_channels)
    return found


def allot(places: list[Place], budget: float) -> dict[str, int]:
    """The width of each place, for no more than ``budget`` nats in all."""
    widths = {one.name: one.width for one in places}
    spent = 0.0
    while True:
        ways = [
            ((nats - one.nats[widths[one.name]]) / ((widths[one.name] - width) * one.macs), one, width)
            for one in places
            for width, nats in one.nats.items()
            if width < widths[one.name]
        ]
        if not ways:
            return widths
        _, cheapest, width = min(ways, key=lambda way: way[0])
        price = cheapest.nats[width] - cheapest.nats[widths[cheapest.name]]
        if spent + price > budget:
            return widths
        spent += price
        widths[cheapest.name] = width


if __name__ == "__main__":
    main()
