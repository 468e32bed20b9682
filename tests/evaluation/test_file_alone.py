"""benchmarks/file_alone.py, and the page that shows what it runs."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from PIL import Image

from hairseg.segmenter import Segmenter
from scripts import load_script

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def script():
    return load_script("file_alone")


def test_the_page_shows_what_runs():
    shown = (ROOT / "docs" / "onnx.md").read_text(encoding="utf-8")
    source = (ROOT / "benchmarks" / "file_alone.py").read_text(encoding="utf-8")
    function = source.partition("# begin of docs/onnx.md\n")[2].partition("# end of docs/onnx.md")[0].strip()
    assert function.startswith("def find_hair")
    assert function in shown


@pytest.mark.parametrize("size", [(640, 480), (90, 400), (60, 40)])
def test_without_colours_the_file_alone_finds_what_the_package_finds(script, toy_model, size):
    noise = np.random.default_rng(0).integers(0, 256, (size[1] // 5, size[0] // 5, 3), np.uint8)
    photo = Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC)
    session = onnxruntime.InferenceSession(toy_model)
    alone = script.find_hair(session, photo)
    segmenter = Segmenter(toy_model, threads=1, one_look=True)
    whole = segmenter.probability(np.asarray(photo)) >= segmenter.info.threshold
    assert 0.02 < whole.mean() < 0.98
    assert (alone != whole).mean() < 0.002  # roundings


def test_a_row_a_model(script, toy_figaro, toy_model, capsys):
    asked = ["--data", f"figaro1k:{toy_figaro}", "--split", "test", "--model", str(toy_model)]
    assert script.main(asked) == 0
    cells = [cell.strip() for cell in capsys.readouterr().out.splitlines()[2].split("|")[1:-1]]
    assert cells[0] == "toy"
    assert float(cells[1]) == pytest.approx(float(cells[2]), abs=0.01)
    assert float(cells[3]) > 0.98
    assert script.main([*asked[:3], "nothing", *asked[4:]]) == 2
    assert "nothing" in capsys.readouterr().err
