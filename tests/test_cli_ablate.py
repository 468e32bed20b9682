from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from hairseg.__main__ import main
from hairseg.training import ablate as runner
from hairseg.training.ablate_results import Result, Results, Scored, fingerprint

GRID = """
[recipe]
[score]
data = "folder:here"
[variants]
a = {}
b = { ema = 0 }
"""


@pytest.fixture
def grid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A grid whose runs take no time."""
    import numpy as np

    path = tmp_path / "grid.toml"
    path.write_text(GRID)

    def run(grid: Any, variant: Any, seed: int, results: Results, *rest: Any) -> Result:
        recipe = runner.seeded(variant, seed)
        right = 5 + seed + 2 * (variant.label == "b")
        pixels = np.array([[[right, 1, 1, 9]]])
        config = fingerprint(recipe, grid.score)
        result = Result(variant.label, seed, right / (right + 2), 0.9, 0.9, 1, 1.0, config)
        results.add(variant, result, Scored(("p.jpg",), ("hair",), pixels))
        return result

    monkeypatch.setattr(runner, "_Judge", lambda grid: None)
    monkeypatch.setattr(runner, "_run", run)
    return path


def test_tables_on_stdout_the_rest_on_stderr(
    grid: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ablate", str(grid), "--seeds", "2", "--runs", str(tmp_path)]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("## grid\n")
    assert "2 variants x 2 seeds = 4 runs" in err
    assert {path.name for path in (tmp_path / "ablate-grid").iterdir()} == {
        "results.jsonl", "photos", "report.md", "report.json", "report.csv", "report.png"
    }  # fmt: skip
    assert main(["ablate", str(grid), "--report-only", "--json", "--runs", str(tmp_path)]) == 0
    out, err = capsys.readouterr()
    assert [row["seeds"] for row in json.loads(out)["variants"]] == [[0, 1], [0, 1]]
    assert err == ""


def test_a_flag_changes_the_recipe_of_all_variants(
    grid: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["ablate", str(grid), "--seeds", "1", "--runs", str(tmp_path)]
    assert main([*arguments, "--warmup", "7"]) == 0
    assert main(arguments) == 2  # now the folder holds another recipe's runs
    assert "with seed 0 was run with another recipe" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--wormup", "1"], "unknown key 'wormup'; did you mean 'warmup'"),
        (["--seeds", "0"], "--seeds is 0: give 1 or more"),
        (["--report-only"], "no run is finished: start without --report-only"),
    ],
)
def test_wrong_use(
    grid: Path, tmp_path: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ablate", str(grid), "--runs", str(tmp_path), *arguments]) == 2
    assert message in capsys.readouterr().err


def test_an_interrupt_ends_with_130_and_loses_nothing(
    grid: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run, calls = runner._run, iter(range(9))

    def interrupted(*arguments: Any) -> Result:
        if next(calls) == 1:
            raise KeyboardInterrupt
        return run(*arguments)

    monkeypatch.setattr(runner, "_run", interrupted)
    arguments = ["ablate", str(grid), "--seeds", "1", "--runs", str(tmp_path)]
    assert main(arguments) == 130
    assert main(arguments) == 0
    assert "2 runs, 1 of them finished" in capsys.readouterr().err
