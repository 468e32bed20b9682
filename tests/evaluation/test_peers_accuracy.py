"""benchmarks/peers_accuracy.py, with a peer of four lines."""

import pytest

from scripts import load_script

PEER = """
import numpy as np

def hair(photo):
    return (photo[..., 1] < 100).astype(np.float32)
"""


@pytest.fixture(scope="module")
def script():
    return load_script("peers_accuracy")


def test_prints_a_row_a_model_and_a_column_a_model(script, toy_figaro, toy_model, tmp_path, capsys):
    peer = tmp_path / "dark_green.py"
    peer.write_text(PEER)
    peer.with_suffix(".tflite").write_bytes(b"x" * 20_000)
    data = ["--data", f"figaro1k:{toy_figaro}", "--peer", str(peer), "--model", str(toy_model)]
    assert script.main(data) == 0
    first, second = capsys.readouterr().out.split("\n\n")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in first.splitlines()]
    assert rows[0][:3] == ["model", "IoU", "gain over dark_green"]
    assert [row[0] for row in rows[2:]] == ["dark_green", "toy"]
    assert rows[2][-1] == "0.02 MB"
    assert rows[2][9] == "1.25%"
    assert "points" in rows[3][2]
    assert second.split()[1:6] == ["hairstyle", "|", "dark_green", "|", "toy"]


def test_two_models_without_a_peer(script, toy_figaro, toy_model, capsys):
    data = ["--data", f"figaro1k:{toy_figaro}", "--model", str(toy_model), "--model", str(toy_model)]
    assert script.main(data) == 0
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in capsys.readouterr().out.splitlines()]
    assert rows[0][:3] == ["model", "IoU", "gain over toy"]
    assert [row[0] for row in rows[2:4]] == ["toy", "toy"]
    assert rows[3][2].startswith("+0.00 points")


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        (None, 2, "no such file"),
        ("import no_such_module_at_all", 3, "install what it needs"),
        ("x = 1", 2, r"no function hair(photo)"),
    ],
)
def test_a_peer_that_cannot_be_used(script, toy_figaro, toy_model, tmp_path, capsys, text, code, message):
    peer = tmp_path / "peer.py"
    if text is not None:
        peer.write_text(text)
    arguments = ["--data", f"figaro1k:{toy_figaro}", "--peer", str(peer), "--model", str(toy_model)]
    assert script.main(arguments) == code
    assert message in capsys.readouterr().err
