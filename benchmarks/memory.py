"""Peak memory of whole processes on large photos: ``hairseg``, and each verb that paints.

    python benchmarks/memory.py samples/astronaut.jpg [--megapixels 1 24 100] [--model NAME]

The photo is enlarged to each size first. Prints the peak resident memory of every process in MB, and how many times
the decoded photo (three bytes a pixel) it holds beyond what it takes for the smallest size.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

from hairseg.evaluation.tables import markdown

COMMANDS = {
    "hairseg": ["mask"],
    "hairseg --edge soft": ["mask", "--edge", "soft"],
    "hairseg cutout": ["cutout"],
    "hairseg recolor -c copper": ["recolor", "-c", "copper"],
    "hairseg --tiles": ["mask", "--tiles"],
}


def peak(arguments: list[str]) -> float:
    """Megabytes that a process held at most."""
    process = subprocess.Popen(
        [sys.executable, "-m", "hairseg", *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(process.stderr.read().decode() if process.stderr else "failed")
    process.returncode = 0
    return usage.ru_maxrss / 1024  # kilobytes on Linux


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photo", type=Path)
    parser.add_argument("--megapixels", type=float, nargs="+", default=[1, 24, 100])
    parser.add_argument("--model")
    options = parser.parse_args()
    image = Image.open(options.photo).convert("RGB")
    found: dict[str, list[float]] = {name: [] for name in COMMANDS}
    with tempfile.TemporaryDirectory() as place:
        for size in options.megapixels:
            scale = (1e6 * size / (image.width * image.height)) ** 0.5
            photo = Path(place) / f"{size:g}.jpg"
            large = image.resize((round(image.width * scale), round(image.height * scale)))
            large.save(photo, quality=90)
            for name, command in COMMANDS.items():
                verb, *rest = command
                chosen = ["--model", options.model] if options.model else []
                out = ["-o", str(Path(place) / "out.png"), "--force", "-q"]
                found[name].append(peak([verb, str(photo), *rest, *chosen, *out]))
    first, *_, last = options.megapixels
    rows = [
        [name, *(f"{value:.0f}" for value in peaks), f"{(peaks[-1] - peaks[0]) / (3 * (last - first)):.1f}"]
        for name, peaks in found.items()
    ]
    heads = [f"{size:g} megapixels, MB" for size in options.megapixels]
    print(markdown(["command", *heads, "times the photo's bytes"], rows))


if __name__ == "__main__":
    main()
