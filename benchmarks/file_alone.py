"""A model's file run by ONNX Runtime, NumPy and Pillow alone, beside the package: what the file does not do by itself.

    python benchmarks/file_alone.py --data figaro1k:PATH --split val84 [--model NAME ...]

``find_hair`` is what docs/onnx.md shows; it imports nothing of hairseg.
"""

from __future__ import annotations

import argparse
import json
import sys

import numpy as np
import onnxruntime
from PIL import Image

from hairseg.data import open_data, read_item
from hairseg.errors import HairsegError
from hairseg.evaluation.metrics import count, pooled
from hairseg.evaluation.tables import markdown
from hairseg.mask import to_mask
from hairseg.models import find_model, packaged
from hairseg.segmenter import Segmenter


# begin of docs/onnx.md
def find_hair(session, photo):
    """Where the hair is in an upright RGB image of Pillow's: (H, W) bool."""
    facts = json.loads(session.get_modelmeta().custom_metadata_map["hairseg"])
    how = facts["fit"]  # such as {"mode": "area", "size": 416, "multiple": 32, "enlarge": 0.5}
    width, height = photo.size
    # The canvas has the photo's proportions; a small photo is enlarged by the half of what is missing.
    own = (width * height) ** 0.5
    side = how["size"] * min(own / how["size"], 1) ** (1 - how.get("enlarge", 1))
    ratio = (height / width) ** 0.5
    step = how["multiple"]
    tall, wide = (
        max(1, round(min(max(length, 64), 2048) / step)) * step for length in (side * ratio, side / ratio)
    )
    canvas = photo.resize((wide, tall), Image.Resampling.BILINEAR, reducing_gap=1.1)
    values = (np.asarray(canvas) / 255 - facts["mean"]) / facts["std"]
    tensor = values.transpose(2, 0, 1)[None].astype(np.float32)  # 1 x 3 x tall x wide
    (found,) = session.run(["probability"], {"photo": tensor})  # 1 x 1 x tall x wide, in [0, 1]
    whole = Image.fromarray(found[0, 0]).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(whole) >= facts["threshold"]


# end of docs/onnx.md


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="figaro1k:PATH or folder:PATH")
    parser.add_argument("--split", default="")
    parser.add_argument("--model", action="append", help="packaged name or .onnx file; may be repeated")
    parser.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args(arguments)
    try:
        print(table(chosen))
    except HairsegError as error:
        print(f"file_alone: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def table(chosen: argparse.Namespace) -> str:
    """A row for each model: the IoU of the file alone, of the package with one look, and of one beside the other."""
    photos = [read_item(item) for item in open_data(chosen.data, chosen.split).items]
    rows = []
    for name in chosen.model or packaged():
        segmenter = Segmenter(name, chosen.threads, one_look=True)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = chosen.threads
        session = onnxruntime.InferenceSession(find_model(name), options)
        counts = []
        for photo, truth in photos:
            alone = find_hair(session, Image.fromarray(photo)).astype(np.uint8)
            whole = to_mask(segmenter.probability(photo), segmenter.info.threshold).astype(np.uint8)
            counts.append((count(alone, truth), count(whole, truth), count(alone, whole)))
        ious = [f"{pooled(list(column)).iou:.4f}" for column in zip(*counts, strict=True)]
        rows.append([segmenter.info.name, *ious, f"{segmenter.info.color_share:g}"])
    head = ["model", "the file alone", "hairseg, one look", "one beside the other", "share of the colours"]
    return markdown(head, rows)


if __name__ == "__main__":
    sys.exit(main())
