"""A report as two pictures: thresholds, and hairstyles."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from hairseg.errors import require
from hairseg.evaluation.bootstrap import interval
from hairseg.evaluation.report import Report
from hairseg.printable import printable
from hairseg.save import write

# Colour-blind safe (Okabe and Ito): blue, vermilion, green.
COLOURS = ("#0072B2", "#D55E00", "#009E73")


def threshold_plot(report: Report, path: Path) -> None:
    """Accuracy, IoU and F1 over the threshold, written as a PNG.

    Raises:
        MissingExtraError: matplotlib is not installed.
        OutputError: the picture cannot be written.
    """
    figure, axes = _figure(6.0, 4.0)
    at = [threshold for threshold, _ in report.thresholds]
    counts = [row for _, row in report.thresholds]
    curves = {
        "pixel accuracy": [row.accuracy for row in counts],
        "F1": [row.f1 for row in counts],
        "hair IoU": [row.iou for row in counts],
    }
    for (name, values), colour in zip(curves.items(), COLOURS, strict=True):
        axes.plot(at, values, marker="o", markersize=4, color=colour, label=name)
    axes.axvline(report.threshold, color="grey", linestyle=":", label=f"used: {report.threshold:g}")
    axes.set(xlabel="threshold", xlim=(0, 1), ylim=(0, 1), title=_title(report))
    axes.grid(alpha=0.3)
    axes.legend(loc="lower center")
    _write(figure, path)


def style_plot(report: Report, path: Path) -> None:
    """IoU of each hairstyle as bars with their 95 % intervals, written as a PNG.

    Args:
        report: of a data set that names hairstyles.
        path: of the PNG.

    Raises:
        MissingExtraError: matplotlib is not installed.
        OutputError: the picture cannot be written.
    """
    figure, axes = _figure(6.0, 3.2)
    names = list(report.styles)[::-1]
    ious = [report.styles[name].iou for name in names]
    chances = [interval([p.counts for p in report.photos if p.style == name]) for name in names]
    below = [max(iou - chance.low, 0) for iou, chance in zip(ious, chances, strict=True)]
    above = [max(chance.high - iou, 0) for iou, chance in zip(ious, chances, strict=True)]
    bars = axes.barh(list(map(plot_text, names)), ious, xerr=(below, above), color=COLOURS[0], capsize=3)
    axes.bar_label(bars, fmt="%.3f", label_type="center", color="white")
    axes.axvline(report.counts.iou, color=COLOURS[1], linestyle="--")
    label = f"hair IoU with 95 % interval; dashed: all photos, {report.counts.iou:.3f}"
    axes.set(xlabel=label, xlim=(0, 1), title=_title(report))
    _write(figure, path)


def _figure(width: float, height: float) -> tuple[Any, Any]:
    # Figure without pyplot: no window system, no global state.
    figure = require("matplotlib.figure", "evaluate").Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def _title(report: Report) -> str:
    return plot_text(f"{report.model} on {report.data}".strip())


def plot_text(text: str) -> str:
    """A name as matplotlib draws it: a dollar is no formula."""
    return printable(text).replace("$", r"\$")


def _write(figure: Any, path: Path) -> None:
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=144, format="png")
    write(buffer.getvalue(), path)
