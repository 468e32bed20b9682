"""benchmarks/many_sets.py, with a peer that calls everything hair."""

import pytest

from scripts import load_script

PEER = """
import numpy as np

def hair(photo):
    return np.ones(photo.shape[:2], np.float32)
"""


@pytest.fixture(scope="module")
def script():
    return load_script("many_sets")


def test_a_row_a_set_and_a_column_a_model(script, toy_figaro, toy_model, tmp_path, capsys):
    peer = tmp_path / "everything.py"
    peer.write_text(PEER)
    sets = ["--set", f"figaro1k:{toy_figaro}", "test", "--set", f"folder:{toy_figaro}", "test"]
    assert script.main([*sets, "--peer", str(peer), "--model", str(toy_model)]) == 0
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in capsys.readouterr().out.splitlines()]
    assert rows[0] == ["data", "photos", "everything", "toy"]
    assert [row[0].split(":")[1] for row in rows[2:]] == ["test", "test"]
    assert rows[2][1:] == rows[3][1:]
    assert float(rows[2][2]) < float(rows[2][3].split(",")[0])
    assert " points (" in rows[2][3]


def test_the_iou_is_that_of_the_protocol(script, toy_figaro, toy_model, capsys):
    assert script.main(["--set", f"figaro1k:{toy_figaro}", "test", "--model", str(toy_model)]) == 0
    printed = capsys.readouterr().out.splitlines()[-1].split("|")[3].strip()
    both = load_script("peers_accuracy")
    assert (
        both.main(["--data", f"figaro1k:{toy_figaro}", "--model", str(toy_model), "--negatives", "none"]) == 0
    )
    assert printed == capsys.readouterr().out.splitlines()[2].split("|")[2].strip()


def test_a_split_that_is_not_there(script, toy_figaro, toy_model, capsys):
    assert script.main(["--set", f"figaro1k:{toy_figaro}", "nothing", "--model", str(toy_model)]) == 2
    assert "nothing" in capsys.readouterr().err
