"""Where the time of one photo goes: decode, resize, network, back to size, soft edge, encode.

    python benchmarks/stages.py samples/astronaut.jpg [--side 2000] [--rounds 9] [--model NAME]

Prints the median of each stage, its share of the whole, and the process's peak memory.
"""

from __future__ import annotations

import argparse
import io
import resource
import statistics
import time
from pathlib import Path

import numpy as np
from PIL import Image

from hairseg.edge import soft_edge, with_colors
from hairseg.evaluation.tables import markdown
from hairseg.fit import fit, unfit
from hairseg.photo import read_photo
from hairseg.segmenter import Segmenter


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photo", type=Path)
    parser.add_argument("--side", type=int, default=2000, help="longer side, in pixels")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--model")
    options = parser.parse_args()
    image = Image.open(options.photo).convert("RGB")
    scale = options.side / max(image.size)
    file = io.BytesIO()
    image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS).save(
        file, "JPEG", quality=92
    )
    segmenter = Segmenter(options.model, options.threads)
    times: dict[str, list[float]] = {}
    for number in range(options.rounds + 1):
        clock = time.perf_counter()

        def lap(stage: str, number: int = number) -> None:
            nonlocal clock
            now = time.perf_counter()
            if number:  # the first round warms up
                times.setdefault(stage, []).append(now - clock)
            clock = time.perf_counter()

        photo = read_photo(file.getvalue()).pixels
        lap("decode")
        canvas = fit(photo, segmenter.info.fit, segmenter.threads)
        lap("resize")
        found = segmenter.on_canvas(canvas)
        lap("network")
        probability = unfit(found, photo.shape[0], photo.shape[1], segmenter.threads)
        lap("back to size")
        probability = with_colors(photo, probability, segmenter.info.threshold, segmenter.info.color_share)
        lap("colours")
        alpha = soft_edge(photo, probability)
        lap("soft edge")
        Image.fromarray((alpha * 255 + 0.5).astype(np.uint8)).save(io.BytesIO(), "PNG")
        lap("encode")
    medians = {stage: statistics.median(values) for stage, values in times.items()}
    whole = sum(medians.values())
    rows = [[stage, f"{1000 * value:.1f}", f"{value / whole:.0%}"] for stage, value in medians.items()]
    rows.append(["all", f"{1000 * whole:.1f}", "100%"])
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{segmenter.info.name}, {photo.shape[1]}x{photo.shape[0]}, {options.threads} threads")
    print(markdown(["stage", "median ms", "share"], rows))
    print(f"peak memory {kilobytes / 1024:.0f} MB")


if __name__ == "__main__":
    main()
