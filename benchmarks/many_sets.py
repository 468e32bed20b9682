"""Our models, and a peer, on several data sets: the IoU of each, and what it gains over the first.

    python benchmarks/many_sets.py --set folder:PATH/fasseg frontal_test --set folder:PATH/celeb1k val
        [--peer PATH/mediapipe_hair.py] [--model NAME ...] [--threads 2]

One look at each photo, at its own size, each model at its own threshold, a peer at 0.5; no other views of the photos.
Gains are in points, with a paired bootstrap over photos. A peer is what ``peers_accuracy.py`` takes for one.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from hairseg.data import DataSet, open_data
from hairseg.errors import HairsegError
from hairseg.evaluation.protocol import Predict, evaluate
from hairseg.evaluation.report import Report, compare
from hairseg.evaluation.tables import markdown, points
from hairseg.segmenter import Segmenter

sys.path.insert(0, str(Path(__file__).parent))
from peers_accuracy import load_peer


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--set", nargs=2, action="append", required=True, metavar=("DATA", "SPLIT"), help="may be repeated"
    )
    parser.add_argument("--peer", type=Path, help="a Python file with hair(photo); it is the first column")
    parser.add_argument("--model", action="append", help="packaged name or .onnx file; may be repeated")
    parser.add_argument("--threads", type=int, default=2, help="of our models; a peer chooses its own")
    chosen = parser.parse_args(arguments)
    try:
        print(table(chosen))
    except HairsegError as error:
        print(f"many_sets: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def table(chosen: argparse.Namespace) -> str:
    """A row for each data set, a column for each model."""
    # Everything that can be wrong is opened before minutes of work.
    predictors: list[tuple[str, Predict, float]] = []
    if chosen.peer:
        predictors.append((chosen.peer.stem, load_peer(chosen.peer), 0.5))
    for model in chosen.model or [None]:
        segmenter = Segmenter(model, chosen.threads, one_look=True)
        predictors.append((segmenter.info.name, segmenter.probability, segmenter.info.threshold))
    # As a card does: lfw calls beards hair.
    sets = [open_data(data, split, ("facial_hair_labelled",)) for data, split in chosen.set]
    rows = [_row(photos, predictors) for photos in sets]
    return markdown(["data", "photos", *(name for name, _, _ in predictors)], rows)


def _row(photos: DataSet, predictors: list[tuple[str, Predict, float]]) -> list[str]:
    reports = [
        evaluate(predict, photos, model=name, threshold=threshold, views=False)
        for name, predict, threshold in predictors
    ]
    first = _cell(reports[0])
    others = (f"{_cell(report)}, {points(compare(reports[0], report))}" for report in reports[1:])
    return [photos.name, str(len(photos.items)), first, *others]


def _cell(report: Report) -> str:
    return f"{report.counts.iou:.4f}"


if __name__ == "__main__":
    sys.exit(main())
