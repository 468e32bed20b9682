"""One model at several canvas sizes, in the photo's proportions and as a square: IoU and time.

    python benchmarks/canvas_size.py --data figaro1k:PATH --split val84 [--model NAME] [--sizes 352 416 480]

Times are the network's and both resizes', median over photos, all cores; sizes take turns photo by photo.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import time

from hairseg import Segmenter
from hairseg.data import open_data, read_item
from hairseg.evaluation.metrics import Counts, count, pooled
from hairseg.evaluation.tables import markdown
from hairseg.fit import Fit


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True)
    parser.add_argument("--split", default="val84")
    parser.add_argument("--model")
    parser.add_argument("--sizes", type=int, nargs="+", default=[320, 352, 384, 416, 448, 480, 512])
    parser.add_argument("--square", action="store_true", help="squares too")
    options = parser.parse_args()
    segmenter = Segmenter(options.model)
    fits = [Fit("area", size) for size in options.sizes]
    if options.square:
        fits += [Fit("square", size) for size in options.sizes]
    counts: dict[Fit, list[Counts]] = {fit: [] for fit in fits}
    times: dict[Fit, list[float]] = {fit: [] for fit in fits}
    for item in open_data(options.data, options.split).items:
        photo, truth = read_item(item)
        for fit in fits:
            segmenter.info = dataclasses.replace(segmenter.info, fit=fit)
            begun = time.perf_counter()
            probability = segmenter.probability(photo)
            times[fit].append(1000 * (time.perf_counter() - begun))
            counts[fit].append(count(probability >= segmenter.info.threshold, truth))
    rows = [
        [fit.mode, str(fit.size), f"{pooled(counts[fit]).iou:.4f}", f"{statistics.median(times[fit]):.1f}"]
        for fit in fits
    ]
    print(markdown(["canvas", "size", "IoU", "ms per photo"], rows))


if __name__ == "__main__":
    main()
