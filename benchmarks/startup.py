"""Whole processes, one after another: ``hairseg PHOTO`` beside importing what it needs.

    python benchmarks/startup.py samples/astronaut.jpg [--rounds 11]

The photo is resized to 1000 px on its longer side first. Prints the median of each command and the ratio to
``python -c "import onnxruntime, PIL, numpy"``, measured in turns. Python's modules are compiled by the round that is
not measured, as they are by an installation.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photo", type=Path)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--model", default=None)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder) / "photo.jpg"
        image = Image.open(options.photo).convert("RGB")
        scale = 1000 / max(image.size)
        image.resize((round(image.width * scale), round(image.height * scale))).save(photo, quality=92)
        model = ["--model", options.model] if options.model else []
        mask = [
            sys.executable,
            "-m",
            "hairseg",
            str(photo),
            "-o",
            str(Path(folder) / "mask.png"),
            "--force",
            "-q",
        ]
        commands = {
            "import onnxruntime, PIL, numpy": [sys.executable, "-c", "import onnxruntime, PIL, numpy"],
            "hairseg photo.jpg": [*mask, *model],
            "import hairseg": [sys.executable, "-c", "import hairseg"],
        }
        compiling = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        times: dict[str, list[float]] = {name: [] for name in commands}
        for number in range(options.rounds + 1):
            for name, command in commands.items():
                begun = time.perf_counter()
                subprocess.run(command, check=True, capture_output=True, env=compiling)
                if number:  # the first round reads the files from disk
                    times[name].append(time.perf_counter() - begun)
    first = statistics.median(next(iter(times.values())))
    print(f"{'process':<34}{'median ms':>10}{'ratio':>8}")
    for name, values in times.items():
        print(
            f"{name:<34}{1000 * statistics.median(values):>10.0f}{statistics.median(values) / first:>7.2f}x"
        )


if __name__ == "__main__":
    main()
