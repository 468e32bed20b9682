"""An ablation as a picture: every run as a dot, every difference with its interval."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

from hairseg.errors import require
from hairseg.evaluation.plots import COLOURS, plot_text
from hairseg.save import write
from hairseg.training.ablate_report import Ablation, Row

BLUE, VERMILION, _ = COLOURS


def draw_ablation(found: Ablation, path: Path) -> None:
    """Draw the runs of each variant, and each gain over the reference, as a PNG.

    Raises:
        MissingExtraError: matplotlib is not installed.
        OutputError: the picture cannot be written.
    """
    figure_of = require("matplotlib.figure", "train").Figure
    rows = found.rows[::-1]  # the first at the top
    figure = figure_of(figsize=(9, 1.4 + 0.36 * len(rows)), layout="constrained")
    runs, gains = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    places = range(len(rows))
    for place, row in zip(places, rows, strict=True):
        runs.plot(
            [run.iou for run in row.runs], [place] * len(row.runs), "o", color=BLUE, alpha=0.4, mec="none"
        )
        runs.plot(row.iou, place, "|", color=BLUE, markersize=16, markeredgewidth=2)
        _draw_gain(gains, place, row)
    runs.set_yticks(places, [plot_text(row.label) for row in rows])
    runs.set(xlabel=f"{'IoU' if len(found.classes) == 1 else 'mIoU'} of each seed, and their mean")
    runs.grid(alpha=0.3)
    gains.axvline(0, color="grey", linewidth=1)
    gains.set(xlabel=f"points over {plot_text(found.grid.reference)}, 95 %")
    gains.grid(alpha=0.3)
    name = plot_text(found.grid.name)
    figure.suptitle(f"{name}: {found.photos} photos; filled where the difference holds")
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=144, format="png")
    write(buffer.getvalue(), path)


def _draw_gain(axes: Any, place: int, row: Row) -> None:
    """One interval; a hollow dot is not settled."""
    gain = row.gain
    if gain is None:
        return
    fill = VERMILION if gain.settled else "white"
    if math.isfinite(gain.low):
        axes.plot([100 * gain.low, 100 * gain.high], [place, place], color=VERMILION)
    axes.plot(100 * gain.value, place, "o", color=VERMILION, markerfacecolor=fill)
