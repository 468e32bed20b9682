import json
from pathlib import Path

import pytest
from PIL import Image

from hairseg.data import open_data
from hairseg.errors import DataError, ModelError, OutputError
from hairseg.evaluation.protocol import evaluate
from hairseg.evaluation.report import Report
from hairseg.evaluation.run import read_report, run_evaluation
from hairseg.segmenter import Segmenter


@pytest.fixture(autouse=True)
def no_research_photos(monkeypatch):
    monkeypatch.delenv("HAIRSEG_DATA", raising=False)


def test_prints_what_it_returns_and_takes_the_path_of_a_photo(toy_figaro, toy_model, toy_data, capsys):
    report = run_evaluation(f"figaro1k:{toy_figaro}", "test", str(toy_model), as_json=True, threads=1)
    out, err = capsys.readouterr()
    assert out.count("\n") == 1
    assert Report.from_dict(json.loads(out)) == report
    assert err == ""
    assert (report.model, report.data, report.cost.threads, report.cost.parameters) == (
        "toy",
        "figaro1k:test",
        1,
        1,
    )
    assert report.cost.file_bytes == toy_model.stat().st_size
    direct = evaluate(Segmenter(toy_model, 1).probability, toy_data)
    assert [photo.counts for photo in report.photos] == [photo.counts for photo in direct.photos]
    assert report.counts.iou > 0.8


def test_writes_report_plots_and_sheets(toy_figaro, toy_model, tmp_path, capsys):
    out = tmp_path / "new" / "folder"
    report = run_evaluation(f"figaro1k:{toy_figaro}", "test", str(toy_model), out=out, legacy=True)
    text = capsys.readouterr().out
    assert read_report(out / "report.json") == report
    assert (out / "report.md").read_text(encoding="utf-8") == text[:-1]
    assert len(report.legacy) == 3
    pictures = {"thresholds", "styles", "best", "failures", "grey", "beards"}
    assert {path.name for path in out.iterdir()} == {f"{name}.png" for name in pictures} | {
        "report.json",
        "report.md",
    }
    for name in pictures:
        with Image.open(out / f"{name}.png") as picture:
            picture.load()


def test_files_are_there_even_if_nobody_reads_stdout(toy_figaro, toy_model, tmp_path, monkeypatch):
    class Closed:
        def write(self, text):
            raise BrokenPipeError

        def flush(self):
            pass

    monkeypatch.setattr("sys.stdout", Closed())
    with pytest.raises(BrokenPipeError):
        run_evaluation(f"figaro1k:{toy_figaro}", "test", str(toy_model), out=tmp_path)
    assert {"report.json", "failures.png"} <= {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize(("negatives", "photos"), [(None, 2), ("none", 0), ("folder:{}/negatives", 2)])
def test_photos_without_people_are_found_beside_the_data(toy_figaro, toy_model, negatives, photos, capsys):
    place = negatives and negatives.format(toy_figaro.parent)
    report = run_evaluation(f"figaro1k:{toy_figaro}", "test", str(toy_model), negatives=place)
    assert len(report.negatives) == photos
    assert ("people" in capsys.readouterr().out) == bool(photos)


def test_photos_without_people_are_found_in_the_environments_folder(
    toy_figaro, toy_model, tmp_path, monkeypatch
):
    (tmp_path / "elsewhere").symlink_to(toy_figaro)
    data = f"figaro1k:{tmp_path / 'elsewhere'}"
    assert run_evaluation(data, "test", str(toy_model)).negatives == ()
    monkeypatch.setenv("HAIRSEG_DATA", str(toy_figaro.parent))
    assert len(run_evaluation(data, "test", str(toy_model)).negatives) == 2


@pytest.mark.parametrize(
    ("changes", "threshold", "expected"), [({}, None, 0.5), ({"threshold": 0.7}, None, 0.7), ({}, 0.2, 0.2)]
)
def test_threshold_is_the_models_own_unless_given(toy_figaro, make_model, changes, threshold, expected):
    model = make_model(**changes)
    assert (
        run_evaluation(f"figaro1k:{toy_figaro}", "test", str(model), threshold=threshold).threshold
        == expected
    )


def test_mistakes_are_told_before_any_work(toy_figaro, toy_model, tmp_path):
    data = f"figaro1k:{toy_figaro}"
    with pytest.raises(DataError, match="no split 'tset'"):
        run_evaluation(data, "tset", str(toy_model))
    with pytest.raises(ModelError, match=r"nowhere\.onnx does not exist"):
        run_evaluation(data, "test", "nowhere.onnx")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file/out cannot be made"):
        run_evaluation(data, "test", str(toy_model), out=tmp_path / "file" / "out")
    with pytest.raises(DataError, match="'negatives' is unknown"):
        run_evaluation(data, "test", str(toy_model), negatives="negatives")


def test_read_report_names_the_file(tmp_path):
    with pytest.raises(DataError, match=r"a\.json is no report"):
        read_report(tmp_path / "a.json")
    (tmp_path / "b.json").write_text('{"iou": 1}')
    with pytest.raises(DataError, match="no report that can be read"):
        read_report(tmp_path / "b.json")


@pytest.mark.data
def test_val84_of_figaro(real_figaro, toy_model):
    report = run_evaluation(f"figaro1k:{real_figaro}", "val84", str(toy_model), negatives="none", threads=1)
    assert len(report.photos) == len(open_data(f"figaro1k:{real_figaro}", "val84").items) == 84
    assert set(report.styles) == {"straight", "wavy", "curly", "kinky", "braids", "dreadlocks", "short-men"}
    assert len(report.beards) == 5
    assert report.duplicates == ()


def test_photos_that_recipes_train_on_do_not_count(tmp_path):
    from hairseg.data import DataSet, Item
    from hairseg.evaluation.run import HELD_OUT, held_out

    unseen = HELD_OUT.read_text().split()
    trained = (Path(__file__).parents[2] / "recipes" / "splits" / "negatives_train50.txt").read_text().split()
    assert len(unseen) == 24
    assert not set(unseen) & set(trained)
    items = tuple(Item(tmp_path / name, None, name) for name in (unseen[0], trained[0]))
    assert [item.name for item in held_out(DataSet("negatives", items)).items] == unseen[:1]
    others = DataSet("mine", items[1:])
    assert held_out(others) == others
