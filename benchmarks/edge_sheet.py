"""The sheet of cutouts for the docs: each photo's hair over black, white and green, soft edge and hard.

    python benchmarks/edge_sheet.py docs/images/edge.jpg samples/astronaut.jpg samples/biden.jpg

One row for each photo: the photo, then the soft cutout over the three grounds, then the hard one over the same. A photo
written ``photo.jpg@x0,y0,x1,y1`` is that part of it. Masks are the model's own; nothing is retouched.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from PIL import Image

import hairseg
from hairseg.kinds import Edge

sys.path.insert(0, str(Path(__file__).parent))
from recolor_sheet import opened, portion, sheet

GROUNDS = ("black", "white", "#00b140")


def row(hair: hairseg.Hair, tile: tuple[int, int]) -> list[Image.Image]:
    """The photo and its cutouts, cropped to the hair."""
    box = portion(hair, tile[1] / tile[0])
    pictures = [Image.fromarray(hair.photo.pixels)]
    edges: tuple[Edge, ...] = ("soft", "hard")
    for edge in edges:
        cutout = hair.cutout(edge=edge)
        pictures += [over(cutout, ground) for ground in GROUNDS]
    return [picture.resize(tile, Image.Resampling.LANCZOS, box=box) for picture in pictures]


def over(cutout: Image.Image, ground: str) -> Image.Image:
    """A cutout on a ground of one colour."""
    paper = Image.new("RGBA", cutout.size, ground)
    paper.alpha_composite(cutout)
    return paper.convert("RGB")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, help="picture to write (.jpg, .png)")
    parser.add_argument("photos", nargs="+")
    parser.add_argument("--model", help="name of a packaged model, or an .onnx file")
    parser.add_argument("--width", type=int, default=240, help="width of one picture in pixels")
    options = parser.parse_args()
    segmenter = hairseg.Segmenter(options.model)
    tile = (options.width, options.width)
    rows = [row(segmenter(opened(photo)), tile) for photo in options.photos]
    names = [f"{edge}, {ground}" for edge in ("soft", "hard") for ground in ("black", "white", "green")]
    options.out.parent.mkdir(parents=True, exist_ok=True)
    sheet(rows, ["photo", *names]).save(options.out, quality=90)


if __name__ == "__main__":
    main()
