"""``hairseg models``."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

from cyclopts import Parameter

from hairseg.models import DEFAULT, ModelInfo, list_models
from hairseg.report import say

# Column, measure on Figaro-1k's test photos, and how it is printed.
COLUMNS = (
    ("IoU", "iou", "{:.4f}"),
    ("F1", "f1", "{:.4f}"),
    ("accuracy", "accuracy", "{:.4f}"),
    ("per photo: p5", "per_photo_p5", "{:.3f}"),
    ("boundary F", "boundary_f", "{:.3f}"),
    ("grey, difference", "grey_difference", "{:+.4f}"),
    ("hair on beards", "hair_on_beards", "{:.1%}"),
    ("on no people", "hair_without_people", "{:.2%}"),
)


def models(
    *,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
    markdown: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """List the packaged models with their scores, as their own files tell them.

    Parameters
    ----------
    as_json
        Print one JSON array.
    markdown
        Print a table of the scores on Figaro-1k's test photos.
    """
    known = list_models()
    if markdown:
        print(_table(known))
    elif as_json:
        print(json.dumps([describe(info) for info in known]))
    else:
        for info in known:
            print(_paragraph(info))
    if not known:
        say("no model is packaged: install it again: pip install --force-reinstall hairseg")
    sys.stdout.flush()
    return 0 if known else 3


def _table(known: list[ModelInfo]) -> str:
    """The models side by side."""
    head = ["model", "parameters", "file", *(title for title, _, _ in COLUMNS)]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for info in known:
        scores = info.scores.get("figaro1k:test", {})
        cells = [form.format(scores[key]) if key in scores else "-" for _, key, form in COLUMNS]
        size = [f"{info.parameters / 1e6:.2f} M", f"{info.bytes / 1e6:.1f} MB"]
        lines.append(f"| {' | '.join([f'`{info.name}`', *size, *cells])} |")
    return "\n".join(lines)


def describe(info: ModelInfo) -> dict[str, Any]:
    """A model as plain values for JSON."""
    return {
        "name": info.name,
        "path": str(info.path),
        "default": info.path.stem == DEFAULT,
        "bytes": info.bytes,
        "sha256": info.sha256(),
        "architecture": info.architecture,
        "parameters": info.parameters,
        "multiply_adds": info.multiply_adds,
        "fit": info.fit.described(),
        "threshold": info.threshold,
        "data": list(info.data),
        "licence": info.licence,
        "scores": {split: dict(values) for split, values in info.scores.items()},
    }


def _paragraph(info: ModelInfo) -> str:
    """A model in a few lines for a person."""
    default = " (default)" if info.path.stem == DEFAULT else ""
    lines = [
        f"{info.name}{default}: {info.architecture}",
        f"    {info.bytes / 1e6:.1f} MB, {info.parameters / 1e6:.2f} M parameters, "
        f"{info.multiply_adds / 1e9:.2f} G multiply-adds at {info.fit.size} px",
        f"    trained on {', '.join(info.data) or 'unknown data'}; licence {info.licence or 'unknown'}",
    ]
    for split, values in info.scores.items():
        numbers = ", ".join(
            f"{measure} {value:.4f}" for measure, value in values.items() if isinstance(value, (int, float))
        )
        lines.append(f"    {split}: {numbers}")
    return "\n".join(lines)
