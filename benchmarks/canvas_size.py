"""One model at several canvas sizes, in the photo's proportions and as a square, with small photos enlarged to it all
the way and less: IoU and time.

    python benchmarks/canvas_size.py --data figaro1k:PATH --split val84 [--model NAME] [--sizes 352 416 480]
    python benchmarks/canvas_size.py --data folder:PATH/lfw --split val --sizes 416 --enlarge 0.5 0 [--thumbnails 64]

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
from hairseg.evaluation.views import thumbnail
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
    parser.add_argument("--enlarge", type=float, nargs="+", default=[], help="Fit.enlarge of more canvases")
    parser.add_argument(
        "--thumbnails", type=int, help="photos reduced to the area of a square of this side first"
    )
    options = parser.parse_args()
    segmenter = Segmenter(options.model, one_look=True)
    fits = [Fit("area", size) for size in options.sizes]
    if options.square:
        fits += [Fit("square", size) for size in options.sizes]
    fits += [Fit("area", size, enlarge=most) for size in options.sizes for most in options.enlarge]
    counts: dict[Fit, list[Counts]] = {fit: [] for fit in fits}
    times: dict[Fit, list[float]] = {fit: [] for fit in fits}
    # As a card does: lfw calls beards hair.
    for item in open_data(options.data, options.split, ("facial_hair_labelled",)).items:
        photo, truth = read_item(item)
        if options.thumbnails:
            photo, truth = thumbnail(photo, truth, options.thumbnails)
        for fit in fits:
            segmenter.info = dataclasses.replace(segmenter.info, fit=fit)
            begun = time.perf_counter()
            probability = segmenter.probability(photo)
            times[fit].append(1000 * (time.perf_counter() - begun))
            counts[fit].append(count(probability >= segmenter.info.threshold, truth))
    rows = [
        [
            fit.mode,
            str(fit.size),
            f"{fit.enlarge:g}",
            f"{pooled(counts[fit]).iou:.4f}",
            f"{statistics.median(times[fit]):.1f}",
        ]
        for fit in fits
    ]
    print(markdown(["canvas", "size", "enlarge", "IoU", "ms per photo"], rows))


if __name__ == "__main__":
    main()
