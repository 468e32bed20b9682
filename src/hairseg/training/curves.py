"""Loss and IoU of a run as a picture."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from hairseg.errors import require


def draw_curves(lines: list[dict[str, Any]], path: Path) -> None:
    """Draw training loss, validation loss and validation IoU over epochs.

    Args:
        lines: of ``metrics.jsonl``.
        path: a .png to write.
    """
    require("matplotlib", "train")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.4), layout="constrained")
    losses, scores = figure.subplots(1, 2)
    scored = [line for line in lines if "iou" in line]
    losses.plot([line["epoch"] for line in lines], [line["loss"] for line in lines], label="training loss")
    losses.plot(
        [line["epoch"] for line in scored],
        [line["validation_loss"] for line in scored],
        label="validation cross-entropy",
    )
    scores.plot(
        [line["epoch"] for line in scored],
        [line["iou"] for line in scored],
        marker=".",
        label="validation mIoU" if any("mean_accuracy" in line for line in scored) else "validation IoU",
    )
    for axes in (losses, scores):
        axes.set_xlabel("epoch")
        axes.grid(alpha=0.3)
        axes.legend()
        for before, after in itertools.pairwise(lines):
            if before["size"] != after["size"]:
                axes.axvline(before["epoch"] + 0.5, color="0.7", linestyle=":")
    figure.savefig(path, dpi=110)
