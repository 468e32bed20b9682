"""A report as Markdown: read on the terminal as it is, and pasted into a model's card.

IoU and the like are printed in [0, 1] with four places, differences in points (hundredths).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from hairseg.evaluation.bootstrap import Difference
from hairseg.evaluation.metrics import f1_from_iou, pooled
from hairseg.evaluation.report import Report, compare
from hairseg.evaluation.scene_report import SceneReport
from hairseg.evaluation.scores import Area, mean_share, pooled_share
from hairseg.evaluation.views import TITLES
from hairseg.printable import plain_markdown

Row = Sequence[str]


def report_text(report: Report) -> str:
    """Everything that the protocol prints, as Markdown."""
    title = plain_markdown(f"## {report.model or 'model'} on {report.data}")
    about = f"{len(report.photos)} photos at their own size, threshold {report.threshold:g}"
    sections = [headline(report), spread(report), hidden(report), styles(report), thresholds(report)]
    sections += [legacy(report), cost(report)]
    return "\n\n".join([title, about, *filter(None, sections)]) + "\n"


def headline(report: Report) -> str:
    """Pooled over all photos, with the interval of chance."""
    counts, chance = report.counts, report.interval
    return markdown(
        ["hair IoU", "95 % interval", "F1", "2 IoU / (1 + IoU)", "pixel accuracy", "loss"],
        [
            [
                f"**{counts.iou:.4f}**",
                f"{chance.low:.4f} to {chance.high:.4f}",
                f"{counts.f1:.4f}",
                f"{f1_from_iou(counts.iou):.4f}",
                f"{counts.accuracy:.4f}",
                f"{report.loss:.4f}",
            ]
        ],
    )


def spread(report: Report) -> str:
    """IoU from photo to photo."""
    found = report.per_photo
    values = [f"{value:.4f}" for value in (found.mean, found.median, found.p5, found.worst)]
    return markdown(
        ["IoU per photo: mean", "median", "5th percentile", "worst", "worst photo"],
        [[*values, report.worst.name]],
    )


def hidden(report: Report) -> str:
    """What a pooled IoU on coloured photos of people does not show."""
    rows = [
        ["boundary F at 0.75 % of the diagonal, mean over photos", f"{report.boundary:.4f}"],
        ["the same photos turned to grey", points(report.grey)],
        *([TITLES[name], points(view)] for name, view in report.views.items()),
    ]
    if report.duplicates:
        clean = report.without_duplicates
        iou = pooled(photo.counts for photo in clean).iou
        rows.append([f"IoU of the {len(clean)} photos without duplicates in train", f"{iou:.4f}"])
    if report.beards:
        rows.append([f"hair found on beards, {_size(report.beards)}", _percent(pooled_share, report.beards)])
        men = [area for area in report.beards if area.style == "short-men"]
        rows.append([f"of these on short-men, {_size(men)}", _percent(pooled_share, men)])
    if report.negatives:
        worst = max(report.negatives, key=lambda area: area.share)
        rows.append(
            [
                f"hair on photos without people, mean over {len(report.negatives)} photos",
                _percent(mean_share, report.negatives),
            ]
        )
        rows.append(["worst of these", f"{worst.share:.2%} on {worst.name}"])
    return markdown(["what the mean hides", report.data], rows)


def styles(report: Report) -> str:
    """One row a hairstyle; empty where the data set names none."""
    sizes = {name: sum(photo.style == name for photo in report.photos) for name in report.styles}
    rows = [
        [name, str(sizes[name]), f"{counts.iou:.4f}", f"{counts.f1:.4f}", f"{counts.accuracy:.4f}"]
        for name, counts in report.styles.items()
    ]
    return markdown(["hairstyle", "photos", "IoU", "F1", "accuracy"], rows) if rows else ""


def thresholds(report: Report) -> str:
    """Thresholds 0.0 to 1.0; the best by IoU in bold."""
    best, _ = report.best_threshold
    rows = []
    for at, counts in report.thresholds:
        iou = f"**{counts.iou:.4f}**" if at == best else f"{counts.iou:.4f}"
        rows.append([f"{at:.1f}", f"{counts.accuracy:.4f}", iou, f"{counts.f1:.4f}"])
    return markdown(["threshold", "accuracy", "IoU", "F1"], rows)


def legacy(report: Report) -> str:
    """Older protocols beside this one; empty if they were not asked for."""
    rows = [
        [
            old.name,
            f"{old.counts.iou:.4f}",
            f"{old.two_class_iou:.4f}",
            f"{old.mean_iou:.4f}",
            f"{old.counts.f1:.4f}",
            f"{old.counts.accuracy:.4f}",
        ]
        for old in report.legacy
    ]
    head = ["legacy protocol", "hair IoU", "two-class mean IoU", "IoU mean over photos", "F1", "accuracy"]
    return markdown(head, rows) if rows else ""


def cost(report: Report | SceneReport) -> str:
    """Size and time; a dash where something is not known."""
    found = report.cost
    return markdown(
        ["parameters", "multiply-adds", "file", "time per photo (median)", "peak memory of the process"],
        [
            [
                _in(found.parameters, 1e6, "M"),
                _in(found.multiply_adds, 1e9, "G"),
                _in(found.file_bytes, 1e6, "MB"),
                f"{report.milliseconds:.1f} ms, {_threads(found.threads)}",
                _in(found.peak_memory, 1e6, "MB"),
            ]
        ],
    )


def side_by_side(reports: Sequence[Report]) -> str:
    """Several models on the same photos; gains are over the first, by a paired bootstrap.

    Raises:
        DataError: the reports are not about the same photos.
    """
    first, rows = reports[0], []
    for report in reports:
        spread = report.per_photo
        rows.append(
            [
                report.model,
                f"{report.counts.iou:.4f}",
                "" if report is first else points(compare(first, report)),
                f"{report.counts.f1:.4f}",
                f"{report.counts.accuracy:.4f}",
                f"{spread.mean:.3f} / {spread.p5:.3f}",
                f"{report.boundary:.3f}",
                f"{100 * report.grey.value:+.2f}",
                _percent(pooled_share, report.beards),
                _percent(mean_share, report.negatives),
                f"{report.milliseconds:.1f}",
                _in(report.cost.file_bytes, 1e6, "MB"),
            ]
        )
    head = [
        "model",
        "IoU",
        f"gain over {first.model}",
        "F1",
        "accuracy",
        "per photo: mean / p5",
        "boundary F",
    ]
    head += ["grey, points", "beards", "no people", "ms", "file"]
    return markdown(head, rows)


def styles_side_by_side(reports: Sequence[Report]) -> str:
    """IoU of each hairstyle, one column a model; empty where the data set names no styles."""
    rows = [[name, *(f"{report.styles[name].iou:.4f}" for report in reports)] for name in reports[0].styles]
    return markdown(["hairstyle", *(report.model for report in reports)], rows) if rows else ""


def points(gain: Difference) -> str:
    """A difference of two IoUs in points, and whether chance could have made it."""
    verdict = "" if gain.settled else ", not settled"
    return f"{100 * gain.value:+.2f} points ({100 * gain.low:+.2f} to {100 * gain.high:+.2f}{verdict})"


def markdown(head: Row, rows: Iterable[Row]) -> str:
    """A table whose columns are as wide as their widest cell: readable with and without rendering."""
    cells = [list(map(plain_markdown, row)) for row in (head, *rows)]
    widths = [max(3, *map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in cells]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def _percent(share: Callable[[Sequence[Area]], float], areas: Sequence[Area]) -> str:
    return f"{share(areas):.2%}" if areas else "-"


def _size(areas: Sequence[Area]) -> str:
    return f"{len(areas)} photos, {sum(area.pixels for area in areas) / 1e6:.2f} M pixels"


def _in(value: int | None, unit: float, name: str) -> str:
    return "-" if value is None else f"{value / unit:.2f} {name}"


def _threads(threads: int | None) -> str:
    return "default threads" if threads is None else "1 thread" if threads == 1 else f"{threads} threads"
