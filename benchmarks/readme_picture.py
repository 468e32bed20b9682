"""The README's picture: photo, mask, overlay, cutout and recolourings of one photo, side by side.

python benchmarks/readme_picture.py samples/astronaut.jpg docs/images/astronaut.jpg
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image

import hairseg

TILE = 300
GAP = 6


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photo", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    hair = hairseg.segment(options.photo)
    paper = Image.new("RGB", hair.overlay().size, "#2fae60")
    cutout = hair.cutout()
    paper.paste(cutout, mask=cutout.getchannel("A"))
    tiles = [
        Image.fromarray(hair.photo.pixels),
        hair.mask_image().convert("RGB"),
        hair.overlay(),
        paper,
        hair.recolor("platinum"),
        hair.recolor("#1c1a1f"),
        hair.recolor("teal"),
        hair.recolor("chestnut", tips="honey blonde"),
    ]
    # The upper part, where the head is.
    tiles = [tile.crop((0, 0, tile.width, round(tile.height * 0.66))) for tile in tiles]
    width, height = TILE, round(TILE * tiles[0].height / tiles[0].width)
    sheet = Image.new("RGB", (4 * (width + GAP) - GAP, 2 * (height + GAP) - GAP), "white")
    for number, tile in enumerate(tiles):
        place = (number % 4 * (width + GAP), number // 4 * (height + GAP))
        sheet.paste(tile.resize((width, height), Image.Resampling.LANCZOS), place)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(options.out, quality=90)


if __name__ == "__main__":
    main()
