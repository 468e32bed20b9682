"""What an ablation found, as tables: Markdown for people, JSON and CSV for programs."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from statistics import fmean
from typing import Any

from hairseg.evaluation.bootstrap import Difference
from hairseg.evaluation.tables import markdown
from hairseg.printable import plain_markdown, spreadsheet_safe
from hairseg.save import write
from hairseg.training.ablate_report import Ablation, Row
from hairseg.training.recipe import Source


def verdict(gain: Difference) -> str:
    """Whether a difference may be called one."""
    return "holds" if gain.settled else "not settled"


def to_markdown(found: Ablation) -> str:
    """The tables, readable with and without rendering."""
    grid, seeds = found.grid, _seeds(found)
    total = len(grid.variants) * seeds
    runs = sum(len(row.runs) for row in found.rows)
    finished = "" if runs == total else f"; {runs} of {total} runs are finished"
    about = (
        f"{len(grid.variants)} variants, {seeds} seeds, scored on {', '.join(map(_data, grid.score))}, "
        f"{found.photos} photos{finished}. Gains in points, with the 95 % interval over seeds and photos."
    )
    parts = [
        plain_markdown(f"## {grid.name}"),
        plain_markdown(about),
        _variants(found),
        _effects(found),
        _sentence(found),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _data(source: Source) -> str:
    place = Path(source.data.partition(":")[2]).name
    return f"{place}:{Path(source.split).stem}" if source.split else place


def _variants(found: Ablation) -> str:
    """A row a variant."""
    measure = "IoU" if len(found.classes) == 1 else "mIoU"
    head = ["variant", f"{measure}, mean ± sd", "seeds", "F1", "accuracy"]
    head += [f"gain over {found.grid.reference}", "", "s a run"]
    rows = [
        [
            row.label,
            _spread(row),
            str(len(row.runs)),
            f"{fmean(run.f1 for run in row.runs):.4f}",
            f"{fmean(run.accuracy for run in row.runs):.4f}",
            _points(row.gain),
            verdict(row.gain) if row.gain else "",
            f"{fmean(run.seconds for run in row.runs):.0f}",
        ]
        for row in found.rows
    ]
    return markdown(head, rows)


def _effects(found: Ablation) -> str:
    """A row a change of an axis; empty with fewer than two axes."""
    rows = [
        [
            one.axis,
            f"{one.label} instead of {one.first}",
            str(one.pairs),
            _points(one.gain),
            verdict(one.gain),
        ]
        for one in found.effects
    ]
    return markdown(["axis", "change", "pairs", "gain", ""], rows) if rows else ""


def _seeds(found: Ablation) -> int:
    return len({run.seed for row in found.rows for run in row.runs})


def _spread(row: Row) -> str:
    return f"{row.iou:.4f}" + (f" ± {row.spread:.4f}" if row.spread is not None else "")


def _points(gain: Difference | None) -> str:
    if gain is None:
        return "-"
    limits = f"({100 * gain.low:+.2f} to {100 * gain.high:+.2f})" if math.isfinite(gain.low) else "(one seed)"
    return f"{100 * gain.value:+.2f} {limits}"


def _sentence(found: Ablation) -> str:
    """How many differences hold, and how many would by chance alone."""
    gains = [row.gain for row in found.rows if row.gain] + [one.gain for one in found.effects]
    if not gains:
        return ""
    held = sum(gain.settled for gain in gains)
    return (
        f"{held} of {len(gains)} differences hold. Where nothing makes a difference, one in twenty would all the "
        f"same: {0.05 * len(gains):.1f} of these."
    )


def to_dict(found: Ablation) -> dict[str, Any]:
    """Plain values for JSON; a limit that is not known is null."""
    return {
        "name": found.grid.name,
        "reference": found.grid.reference,
        "photos": found.photos,
        "classes": list(found.classes),
        "variants": [
            {
                "variant": row.label,
                "seeds": [run.seed for run in row.runs],
                "ious": [run.iou for run in row.runs],
                "iou": row.iou,
                "iou_sd": row.spread,
                "f1": fmean(run.f1 for run in row.runs),
                "accuracy": fmean(run.accuracy for run in row.runs),
                "seconds": fmean(run.seconds for run in row.runs),
                **_plain(row.gain),
            }
            for row in found.rows
        ],
        "effects": [
            {"axis": one.axis, "label": one.label, "first": one.first, "pairs": one.pairs, **_plain(one.gain)}
            for one in found.effects
        ],
    }


def _plain(gain: Difference | None) -> dict[str, Any]:
    if gain is None:
        return {"gain": None, "low": None, "high": None, "verdict": None}
    low, high = (limit if math.isfinite(limit) else None for limit in (gain.low, gain.high))
    return {"gain": gain.value, "low": low, "high": high, "verdict": verdict(gain)}


def write_report(found: Ablation, folder: Path) -> None:
    """Write ``report.md``, ``report.json`` and ``report.csv`` (a row a variant) into the ablation's folder."""
    plain = to_dict(found)
    write(to_markdown(found).encode(), folder / "report.md")
    write((json.dumps(plain, indent=2) + "\n").encode(), folder / "report.json")
    text = io.StringIO()
    columns = [key for key in plain["variants"][0] if key not in ("seeds", "ious")]
    table = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    table.writeheader()
    table.writerows({**row, "variant": spreadsheet_safe(row["variant"])} for row in plain["variants"])
    write(text.getvalue().encode(), folder / "report.csv")
