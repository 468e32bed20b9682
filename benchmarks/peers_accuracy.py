"""Our models and a peer on the same photos, by the same protocol.

    python benchmarks/peers_accuracy.py --data figaro1k:$HAIRSEG_DATA/figaro1k --peer PATH/mediapipe_hair.py
    python benchmarks/peers_accuracy.py --data figaro1k:$HAIRSEG_DATA/figaro1k --model ONE --model OTHER

A peer is a Python file with a function ``hair(photo)``: (H, W, 3) uint8 RGB -> (H, W) float32 probability.
What it needs must be installed beside hairseg (``pip install mediapipe`` for MediaPipe's hair model);
it is no dependency of hairseg. Gains are over the first row, with a paired bootstrap over photos.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path

from hairseg.data import open_data
from hairseg.errors import HairsegError, MissingExtraError, UsageError
from hairseg.evaluation.protocol import Predict, evaluate
from hairseg.evaluation.run import evaluate_model, open_negatives
from hairseg.evaluation.scores import Cost
from hairseg.evaluation.tables import side_by_side, styles_side_by_side
from hairseg.segmenter import Segmenter


def load_peer(path: Path) -> Predict:
    """The function ``hair`` of a Python file.

    Raises:
        UsageError: the file is missing or has no such function.
        MissingExtraError: the file needs something that is not installed.
    """
    if not path.is_file():
        raise UsageError(f"--peer {path}: no such file")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"--peer {path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except ImportError as error:
        raise MissingExtraError(f"--peer {path}: {error}; install what it needs beside hairseg") from error
    if not callable(getattr(module, "hair", None)):
        raise UsageError(f"--peer {path}: it has no function hair(photo)")
    predict: Predict = module.hair
    return predict


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="figaro1k:PATH or folder:PATH")
    parser.add_argument("--split", default="test")
    parser.add_argument("--peer", type=Path, help="a Python file with hair(photo); it is the first row")
    parser.add_argument("--model", action="append", help="packaged name or .onnx file; may be repeated")
    parser.add_argument("--negatives", help="folder:PATH, or none; beside the data by default")
    parser.add_argument("--threads", type=int, default=2, help="of our models; a peer chooses its own")
    chosen = parser.parse_args(arguments)
    try:
        print(compare_with(chosen))
    except HairsegError as error:
        print(f"peers_accuracy: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def compare_with(chosen: argparse.Namespace) -> str:
    """Tables: all models side by side, and by hairstyle."""
    # Everything that can be wrong is opened before minutes of work.
    predict = load_peer(chosen.peer) if chosen.peer else None
    segmenters = [Segmenter(model, chosen.threads, one_look=True) for model in chosen.model or [None]]
    photos = open_data(chosen.data, chosen.split)
    empty = open_negatives(chosen.data, chosen.negatives)
    reports = []
    if predict:
        cost = Cost(file_bytes=_model_bytes(chosen.peer))
        reports.append(evaluate(predict, photos, model=chosen.peer.stem, negatives=empty, cost=cost))
    reports += [evaluate_model(segmenter, photos, negatives=empty) for segmenter in segmenters]
    return "\n\n".join(filter(None, [side_by_side(reports), styles_side_by_side(reports)]))


def _model_bytes(peer: Path) -> int | None:
    """Size of the model that lies beside the peer's Python file under the same name, if one does."""
    found = [path for path in peer.parent.glob(f"{peer.stem}.*") if path.suffix != ".py"]
    return found[0].stat().st_size if len(found) == 1 else None


if __name__ == "__main__":
    sys.exit(main())
