"""A report on scene parsing as Markdown."""

from __future__ import annotations

import math

from hairseg.evaluation.scene_report import SceneReport
from hairseg.evaluation.tables import cost, markdown
from hairseg.printable import plain_markdown


def scene_text(report: SceneReport) -> str:
    """Everything that the protocol prints, as Markdown."""
    about = f"{len(report.photos)} photos at their own size, {len(report.classes)} classes"
    title = plain_markdown(f"## {report.model or 'model'} on {report.data}")
    return "\n\n".join([title, about, headline(report), per_class(report), cost(report)]) + "\n"


def headline(report: SceneReport) -> str:
    """From one confusion matrix, pooled over all photos; the interval is over photos."""
    confusion, chance = report.confusion, report.interval
    return markdown(
        ["mIoU", "95 % interval", "pixel accuracy", "mean class accuracy", "loss"],
        [
            [
                f"**{confusion.mean_iou:.4f}**",
                f"{chance.low:.4f} to {chance.high:.4f}",
                f"{confusion.accuracy:.4f}",
                f"{confusion.mean_accuracy:.4f}",
                f"{report.loss:.4f}",
            ]
        ],
    )


def per_class(report: SceneReport) -> str:
    """One row a class; a dash where neither truth nor prediction holds it, which leaves it out of the means."""
    confusion = report.confusion
    total = max(int(confusion.true.sum()), 1)
    columns = (report.classes, confusion.true, confusion.iou, confusion.recall)
    rows = [
        [str(index), one.name, f"{true / total:.2%}", _score(iou), _score(recall)]
        for index, (one, true, iou, recall) in enumerate(zip(*columns, strict=True))
    ]
    return markdown(["index", "class", "share of the pixels", "IoU", "accuracy"], rows)


def _score(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4f}"
