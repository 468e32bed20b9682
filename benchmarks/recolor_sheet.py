"""The sheet of recolourings for the docs: one row for each photo, one column for each colour.

    python benchmarks/recolor_sheet.py docs/images/recolor.jpg photo1.jpg photo2.jpg ...
    python benchmarks/recolor_sheet.py sheet.png photo.jpg --colors black,"honey blonde",#3355aa,"pink>lilac"

A photo written ``photo.jpg@x0,y0,x1,y1`` is that part of it, a colour written ``roots>ends`` is two tones. Masks
are the model's own, edges are soft; nothing is retouched.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

import hairseg

DEFAULT = "black,chestnut,copper,honey blonde,platinum,blue,pink,dark brown>honey blonde"
GAP = 6
HEAD = 22


def portion(hair: hairseg.Hair, ratio: float) -> tuple[int, int, int, int]:
    """The largest box of this height for its width that shows the hair in its middle, inside the photo."""
    height, width = hair.mask.shape
    x0, y0, x1, y1 = hair.box or (0, 0, width, height)
    wanted = 1.25 * max(x1 - x0, (y1 - y0) / ratio)
    side = min(wanted, width, height / ratio)
    left = min(max((x0 + x1 - side) / 2, 0), width - side)
    top = min(max((y0 + y1 - side * ratio) / 2, 0), height - side * ratio)
    return round(left), round(top), round(left + side), round(top + side * ratio)


def opened(photo: str) -> Path | Image.Image:
    """The photo, or the part of it that the name asks for."""
    path, _, box = photo.partition("@")
    if not box:
        return Path(path)
    x0, y0, x1, y1 = (int(side) for side in box.split(","))
    return Image.open(path).convert("RGB").crop((x0, y0, x1, y1))


def row(hair: hairseg.Hair, colors: list[str], tile: tuple[int, int]) -> list[Image.Image]:
    """The photo and its recolourings, cropped to the head."""
    box = portion(hair, tile[1] / tile[0])
    pictures = [Image.fromarray(hair.photo.pixels)]
    for color in colors:
        roots, _, ends = color.partition(">")
        pictures.append(hair.recolor(roots, tips=ends or None))
    return [picture.resize(tile, Image.Resampling.LANCZOS, box=box) for picture in pictures]


def sheet(rows: list[list[Image.Image]], names: list[str]) -> Image.Image:
    """The rows under each other, with a name over each column."""
    width, height = rows[0][0].size
    paper = Image.new(
        "RGB", (len(names) * (width + GAP) - GAP, HEAD + len(rows) * (height + GAP) - GAP), "white"
    )
    pen, font = ImageDraw.Draw(paper), ImageFont.load_default(14)
    for column, name in enumerate(names):
        left = column * (width + GAP)
        pen.text(
            (left + width / 2, HEAD / 2), name.replace(">", " to "), fill="black", font=font, anchor="mm"
        )
        for number, tiles in enumerate(rows):
            paper.paste(tiles[column], (left, HEAD + number * (height + GAP)))
    return paper


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, help="picture to write (.jpg, .png)")
    parser.add_argument("photos", nargs="+")
    parser.add_argument("--colors", default=DEFAULT, help=f"separated by commas (default: {DEFAULT})")
    parser.add_argument("--model", help="name of a packaged model, or an .onnx file")
    parser.add_argument("--width", type=int, default=180, help="width of one picture in pixels")
    options = parser.parse_args()
    colors = [color.strip() for color in options.colors.split(",")]
    segmenter = hairseg.Segmenter(options.model)
    tile = (options.width, round(options.width * 1.25))
    rows = [row(segmenter(opened(photo)), colors, tile) for photo in options.photos]
    options.out.parent.mkdir(parents=True, exist_ok=True)
    sheet(rows, ["photo", *colors]).save(options.out, quality=90)


if __name__ == "__main__":
    main()
