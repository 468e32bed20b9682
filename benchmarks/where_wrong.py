"""Where a model is wrong: how far from the true border its wrong pixels lie, and on how many photos.

    python benchmarks/where_wrong.py --data figaro1k:PATH --split val84 [--model NAME]

A distance is that to the nearest pixel of the true mask's border, as a share of the photo's diagonal.
"""

from __future__ import annotations

import argparse
import math

import numpy as np
from numpy.typing import NDArray

from hairseg import Segmenter
from hairseg.data import open_data, read_item
from hairseg.evaluation.boundary import boundary, near
from hairseg.evaluation.metrics import Counts, count, pooled
from hairseg.evaluation.tables import markdown

DISTANCES = (0.0025, 0.005, 0.01, 0.02, 0.04)
PHOTOS = (0.05, 0.10, 0.25, 0.50)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True)
    parser.add_argument("--split", default="val84")
    parser.add_argument("--model")
    options = parser.parse_args()
    segmenter = Segmenter(options.model, one_look=True)
    counts: list[Counts] = []
    painted, missed = np.zeros(len(DISTANCES) + 1), np.zeros(len(DISTANCES) + 1)
    for item in open_data(options.data, options.split, classes=1).items:
        photo, truth = read_item(item)
        hair = truth == 1
        mask = segmenter.probability(photo) >= segmenter.info.threshold
        counts.append(count(mask, truth))
        painted += by_distance(mask & ~hair, hair)
        missed += by_distance(~mask & hair, hair)
    everything = painted.sum() + missed.sum()
    print(f"{segmenter.info.name} on {len(counts)} photos, IoU {pooled(counts).iou:.4f}\n")
    names = [f"up to {distance:.2%}" for distance in DISTANCES] + ["farther"]
    rows = [
        [name, f"{wrong / everything:.1%}", f"{lost / everything:.1%}"]
        for name, wrong, lost in zip(names, painted, missed, strict=True)
    ]
    print(markdown(["from the true border", "hair where none is", "hair that is missed"], rows))
    wrong_on = np.array(sorted((one.fp + one.fn for one in counts), reverse=True)).cumsum()
    shares = [f"{wrong_on[max(round(share * len(counts)), 1) - 1] / everything:.0%}" for share in PHOTOS]
    print()
    print(markdown([f"the worst {share:.0%} of the photos" for share in PHOTOS], [shares]))


def by_distance(wrong: NDArray[np.bool_], hair: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many of the pixels lie within each distance and not within the one before; the last are all others."""
    border = boundary(hair, np.ones_like(hair))
    diagonal = math.hypot(*hair.shape)
    within = [int(near(wrong, border, distance * diagonal).sum()) for distance in DISTANCES]
    return np.diff([0, *within, int(wrong.sum())])


if __name__ == "__main__":
    main()
