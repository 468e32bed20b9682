"""How often an ablation's 95 % interval holds the true difference, which is 0 here: simulated ablations.

    python benchmarks/interval_coverage.py

Compared are the interval of ``hairseg ablate``, a bootstrap that draws seeds and photos again, and a bootstrap over
the photos of one seed, which is what two single runs allow.
"""

from __future__ import annotations

import argparse

import numpy as np

from hairseg.evaluation.bootstrap import LIMITS, difference
from hairseg.evaluation.metrics import Counts
from hairseg.evaluation.tables import markdown
from hairseg.training.ablate_stats import Pixels, contrast

# Seeds, and the standard deviation of IoU that a seed makes; photos as in val84.
CASES = ((2, 0.01), (3, 0.01), (5, 0.01), (3, 0.003), (5, 0.003))
PHOTOS = 84
# Of IoU from photo to photo: common to both variants, of each variant, and of each run.
HARD, OWN, ODD = 0.06, 0.03, 0.02


def simulate(generator: np.random.Generator, seeds: int, sd: float) -> list[list[Pixels]]:
    """Runs of two variants without any difference."""
    hard, size = generator.normal(0, HARD, PHOTOS), generator.integers(2000, 8000, PHOTOS)
    sides = []
    for _ in range(2):
        own = generator.normal(0, OWN, PHOTOS)
        runs = []
        for _ in range(seeds):
            iou = 0.8 + hard + own + generator.normal(0, sd) + generator.normal(0, ODD, PHOTOS)
            tp = (np.clip(iou, 0.01, 0.99) * size).astype(np.int64)
            runs.append(np.stack([tp, 0 * tp, size - tp, size], axis=1)[:, None])
        sides.append(runs)
    return sides


def by_drawing_seeds(sides: list[list[Pixels]]) -> bool:
    """Whether a bootstrap over seeds and photos holds 0."""
    generator = np.random.default_rng(0)
    seeds = len(sides[0])
    photos = generator.multinomial(PHOTOS, np.full(PHOTOS, 1 / PHOTOS), size=1000).astype(np.float64)
    chosen = generator.integers(0, seeds, (1000, seeds))
    ious = []
    for side in sides:
        pixels = np.stack(side)[:, :, 0]
        ious.append((photos @ pixels[..., 0].T) / (photos @ pixels[..., :3].sum(axis=2).T))
    low, high = np.percentile(np.take_along_axis(ious[1] - ious[0], chosen, axis=1).mean(axis=1), LIMITS)
    return bool(low <= 0 <= high)


def by_one_seed(sides: list[list[Pixels]]) -> bool:
    """Whether the paired bootstrap over photos of the first seed holds 0."""
    first, second = ([Counts(*map(int, photo[0])) for photo in side[0]] for side in sides)
    return not difference(first, second).settled


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--times", type=int, default=400)
    times = parser.parse_args().times
    rows = []
    for seeds, sd in CASES:
        generator = np.random.default_rng(0)
        held = np.zeros(3)
        for _ in range(times):
            sides = simulate(generator, seeds, sd)
            ours = not contrast([(1, sides[1]), (-1, sides[0])]).settled
            held += (ours, by_drawing_seeds(sides), by_one_seed(sides))
        rows.append([str(seeds), f"{100 * sd:g} points", *(f"{share:.0%}" for share in held / times)])
    head = [
        "seeds",
        "sd over seeds",
        "hairseg ablate",
        "drawing seeds and photos",
        "one seed, drawing photos",
    ]
    print(markdown(head, rows))


if __name__ == "__main__":
    main()
