"""What pyramid pooling is worth on hair: several seeds with it and without it, on the same test photos.

    python benchmarks/pyramid_gain.py --data figaro1k:PATH \\
        --pyramid runs/*-pspnet_squeezenet1_1* --twin runs/*-fcn_squeezenet1_1*

Each argument is a run folder; runs are paired by seed. Photos take the path of the protocol (own size,
threshold 0.5, pooled counts). The interval is a paired bootstrap over photos, counts of all seeds pooled.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path

from hairseg.data import open_data, read_item
from hairseg.evaluation.bootstrap import difference
from hairseg.evaluation.metrics import Counts, count, pooled
from hairseg.evaluation.protocol import to_grey
from hairseg.evaluation.tables import markdown, points
from hairseg.training.checkpoint import read_checkpoint
from hairseg.training.predict import predictor


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True)
    parser.add_argument("--split", default="test")
    parser.add_argument("--pyramid", type=Path, nargs="+", required=True)
    parser.add_argument("--twin", type=Path, nargs="+", required=True)
    parser.add_argument("--grey", action="store_true", help="the photos turned to grey")
    parser.add_argument("--out", type=Path, help="write the counts per photo as JSON")
    options = parser.parse_args()
    pairs = [read_item(item) for item in open_data(options.data, options.split).items]
    if options.grey:
        pairs = [(to_grey(photo), truth) for photo, truth in pairs]
    sides: list[dict[int, list[Counts]]] = []
    for runs in (options.pyramid, options.twin):
        counts = {}
        for run in runs:
            net, recipe, _ = read_checkpoint(run / "best.safetensors")
            predict = predictor(net, recipe.fit)
            counts[recipe.seed] = [count(predict(photo) >= 0.5, truth) for photo, truth in pairs]
            print(f"{run.name}: IoU {pooled(counts[recipe.seed]).iou:.4f}", flush=True)
        sides.append(counts)
    with_pyramid, without = sides
    seeds = sorted(with_pyramid.keys() & without.keys())
    rows = []
    for seed in seeds:
        gain = difference(without[seed], with_pyramid[seed])
        ious = [pooled(side[seed]).iou for side in sides]
        rows.append([str(seed), *(f"{iou:.4f}" for iou in ious), points(gain)])
    means = [[pooled(side[seed]).iou for seed in seeds] for side in sides]
    spread = [f"{statistics.mean(values):.4f} ± {statistics.stdev(values):.4f}" for values in means]
    together = [[pooled(side[seed][i] for seed in seeds) for i in range(len(pairs))] for side in sides]
    rows.append([f"mean ± sd of {len(seeds)}", *spread, points(difference(together[1], together[0]))])
    print()
    print(markdown(["seed", "with pyramid pooling", "without", "gain, 95 % interval"], rows))
    if options.out:
        table = [
            {seed: [[c.tp, c.fp, c.fn, c.tn] for c in counts] for seed, counts in side.items()}
            for side in sides
        ]
        options.out.write_text(
            json.dumps(dict(zip(("pyramid", "twin"), table, strict=True))), encoding="utf-8"
        )


if __name__ == "__main__":
    main()
