"""Photos in scenes, from half to a sixth as wide: the IoU with one look, with a closer one, and in tiles.

    python benchmarks/small_heads.py --data figaro1k:PATH --split val84 [--models NAME ...] [--every 4] [--tiles]

Each photo lies on one of the photos without people that no packaged model was trained on, beside the data.
"""

from __future__ import annotations

import argparse

from hairseg import Segmenter
from hairseg.data import open_data, read_item
from hairseg.evaluation.metrics import Counts, count, pooled
from hairseg.evaluation.run import open_negatives
from hairseg.evaluation.tables import markdown
from hairseg.evaluation.views import scene
from hairseg.mask import to_mask

TIMES = (1, 2, 3, 4, 6)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True)
    parser.add_argument("--split", default="val84")
    parser.add_argument("--models", nargs="+", default=["hairseg-int8", "hairseg-small-int8"])
    parser.add_argument("--every", type=int, default=1, help="of so many photos one")
    parser.add_argument("--tiles", action="store_true", help="a column for --tiles, too")
    options = parser.parse_args()
    segmenters = {}
    for model in options.models:
        segmenters[f"{model}, one look"] = Segmenter(model, one_look=True)
        segmenters[f"{model}, closer"] = Segmenter(model)
        if options.tiles:
            segmenters[f"{model}, --tiles"] = Segmenter(model, tiles=True)
    grounds = open_negatives(options.data, None)
    if grounds is None:
        parser.error("there are no photos without people beside the data")
    # As a card does: lfw calls beards hair.
    items = open_data(options.data, options.split, ("facial_hair_labelled",)).items[:: options.every]
    rows = []
    for times in TIMES:
        counts: dict[str, list[Counts]] = {name: [] for name in segmenters}
        for number, item in enumerate(items):
            photo, truth = read_item(item)
            if times > 1:
                ground, _ = read_item(grounds.items[number % len(grounds.items)])
                photo, truth = scene(photo, truth, ground, number, times)
            for name, segmenter in segmenters.items():
                mask = to_mask(segmenter.probability(photo), segmenter.info.threshold)
                counts[name].append(count(mask, truth))
        width = "as they are" if times == 1 else f"1/{times} as wide"
        rows.append([width, *(f"{pooled(counts[name]).iou:.3f}" for name in segmenters)])
    print(markdown([f"{len(items)} photos", *segmenters], rows))


if __name__ == "__main__":
    main()
