"""The pictures of a report: two plots, and sheets of the photos that say most about a model."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from hairseg.data import DataSet, Item
from hairseg.evaluation.beards import has_beard
from hairseg.evaluation.plots import style_plot, threshold_plot
from hairseg.evaluation.protocol import Predict
from hairseg.evaluation.report import Report
from hairseg.evaluation.scores import PhotoScore
from hairseg.evaluation.sheets import case_of, page, sheet, strip
from hairseg.save import save_image

SHOWN = 12
BLACK_AND_WHITE = frozenset({"gray", "toned"})


def write_pictures(report: Report, data: DataSet, predict: Predict, folder: Path) -> None:
    """Write the plots, and a sheet each of best cases, failures, black-and-white photos and beards.

    ``grey.png`` holds the photos that are black and white by nature, then those that lose most when they are
    turned to grey, shown in grey. What a data set does not have is not written.

    Args:
        report: of ``predict`` on ``data``.
        data: its photos.
        predict: as for ``evaluate``; the photos on the sheets are predicted once more.
        folder: must exist.

    Raises:
        MissingExtraError: matplotlib is not installed.
        OutputError: a picture cannot be written.
    """
    threshold_plot(report, folder / "thresholds.png")
    if report.styles:
        style_plot(report, folder / "styles.png")
    items = {item.name: item for item in data.items}
    by_iou = sorted(report.photos, key=lambda photo: photo.counts.iou)
    failures = [items[photo.name] for photo in by_iou[:SHOWN]]
    best = [items[photo.name] for photo in by_iou[::-1][:SHOWN]]
    save_image(sheet(failures, predict, report.threshold), folder / "failures.png")
    save_image(sheet(best, predict, report.threshold), folder / "best.png")
    grey = _grey(report, items, predict)
    if grey:
        save_image(page(grey), folder / "grey.png")
    beards = [item for item in data.items if has_beard(item)]
    if beards:
        save_image(sheet(beards, predict, report.threshold), folder / "beards.png")


def _grey(report: Report, items: dict[str, Item], predict: Predict) -> list[Image.Image]:
    natural = [item for item in items.values() if item.tags & BLACK_AND_WHITE][:SHOWN]
    turned = [items[photo.name] for photo in sorted(report.photos, key=_lost)[:SHOWN] if _lost(photo) < 0]
    turned = [item for item in turned if item not in natural]
    cases = [case_of(item, predict, report.threshold) for item in natural]
    cases += [case_of(item, predict, report.threshold, grey=True) for item in turned]
    return [strip(case) for case in cases]


def _lost(photo: PhotoScore) -> float:
    return photo.grey.iou - photo.counts.iou
