"""The verb ``ablate``: a grid of trainings, and what may be said about it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from hairseg.errors import UsageError, require
from hairseg.printable import printable

SEEDS = 5


def ablate(
    grid: Path,
    *overrides: Annotated[str, Parameter(allow_leading_hyphen=True)],
    seeds: int | None = None,
    report_only: bool = False,
    runs: Path = Path("runs"),
    as_json: Annotated[bool, Parameter(name="--json")] = False,
) -> int:
    """Train every variant of a grid with several seeds; say which differences hold.

    Parameters
    ----------
    grid
        A TOML file with a recipe and its variants; recipes/ablations/ holds some.
    overrides
        Any key of the recipe as a flag, for all variants: --fit.size 256.
    seeds
        Runs of each variant, with seeds from 0. Default: 5.
    report_only
        Train nothing: report what is finished.
    runs
        The folder that holds runs/ablate-GRID/, where a second start goes on.
    as_json
        Print one JSON object instead of tables.
    """
    require("torch", "train")
    require("matplotlib", "train")
    from hairseg.cli_training import bar, parse_overrides
    from hairseg.training.ablate import ablate as run_grid
    from hairseg.training.ablate_grid import read_grid, slug
    from hairseg.training.ablate_plot import draw_ablation
    from hairseg.training.ablate_report import summarise
    from hairseg.training.ablate_results import Results
    from hairseg.training.ablate_tables import to_dict, to_markdown, write_report

    if seeds is not None and seeds < 1:
        raise UsageError(f"--seeds is {seeds}: give 1 or more")
    chosen = read_grid(grid, parse_overrides(overrides))
    results = Results(runs / f"ablate-{slug(chosen.name)}")
    if not report_only:
        print(printable(results.folder), file=sys.stderr)
        with bar() as (say, progress):
            run_grid(chosen, results, seeds or SEEDS, say, progress)
    found = summarise(chosen, results, seeds)
    write_report(found, results.folder)
    draw_ablation(found, results.folder / "report.png")
    print(json.dumps(to_dict(found)) if as_json else to_markdown(found))
    return 0
