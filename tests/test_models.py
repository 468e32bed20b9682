from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hairseg.errors import ModelError
from hairseg.fit import Fit
from hairseg.models import find_model, list_models, parse_info, read_info
from toys import METADATA, ModelMaker


def parse(**changes: Any) -> Any:
    entry = {key: value for key, value in {**METADATA, **changes}.items() if value is not None}
    return parse_info({"hairseg": json.dumps(entry)}, Path("toy.onnx"))


def test_the_file_tells_everything(toy_model: Path) -> None:
    info = read_info(toy_model)
    assert info.name == "toy"
    assert info.fit == Fit("area", 64, 32)
    assert info.mean == (0.0, 0.0, 0.0)
    assert info.data == ("figaro1k",)
    assert info.scores == {"figaro1k:test": {"iou": 0.9, "f1": 0.95}}
    assert info.bytes == toy_model.stat().st_size
    assert len(info.sha256()) == 64
    assert info.more == {}


def test_unknown_entries_are_kept() -> None:
    assert parse(quantised="int8").more == {"quantised": "int8"}


@pytest.mark.parametrize("how", [Fit("area", 64, 32, 0.25), Fit("square", 473, 1)])
def test_the_fit_is_read_as_it_was_described(how: Fit) -> None:
    assert parse(fit=how.described()).fit == how


@pytest.mark.parametrize("entry", ["architecture", "threshold", "classes", "data", "scores", "recipe"])
def test_what_is_not_needed_to_run_may_be_missing(entry: str) -> None:
    assert parse(**{entry: None}).name == "toy"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"mean": None}, "'mean' is missing"),
        ({"fit": None}, "'fit' is missing"),
        ({"fit": {"mode": "round", "size": 64, "multiple": 32}}, "fit mode 'round'"),
        ({"fit": {"mode": "area", "size": 10**9, "multiple": 32}}, "canvas size"),
        ({"fit": 3}, "metadata is wrong"),
        ({"fit": {"mode": "area", "size": 64, "multiple": 32, "enlarge": 2}}, "fit enlarge 2.0"),
        ({"fit": {"mode": "area", "size": 64, "multiple": 32, "enlarge": "much"}}, "metadata is wrong"),
        ({"mean": [1, 2]}, "mean does not have 3 values"),
        ({"std": [1, 0, 1]}, "std is not positive"),
        ({"mean": [1, float("nan"), 3]}, "mean is not finite"),
        ({"mean": "abc"}, "metadata is wrong"),
        ({"threshold": 7}, "threshold 7.0"),
        ({"color_share": -0.5}, "color_share -0.5"),
        ({"color_share": float("nan")}, "color_share nan"),
        ({"scores": 3}, "metadata is wrong"),
        ({"format": None}, "'format' is missing"),
        ({"format": 2}, "newer than this hairseg"),
    ],
)
def test_wrong_entries_are_named(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ModelError, match=words):
        parse(**changes)


@pytest.mark.parametrize("text", ["", "[]", "3", "{", "null", '"x"'])
def test_an_entry_that_is_no_object(text: str) -> None:
    with pytest.raises(ModelError, match=r"toy\.onnx is not a hairseg model"):
        parse_info({"hairseg": text}, Path("toy.onnx"))


class TestFind:
    def test_a_path(self, toy_model: Path) -> None:
        assert find_model(toy_model) == toy_model
        assert find_model(str(toy_model)) == toy_model

    def test_the_default_and_names(self, packaged_toy: Path) -> None:
        assert find_model() == find_model("hairseg-int8") == packaged_toy / "hairseg-int8.onnx"

    def test_missing_default(self, packaged_toy: Path) -> None:
        (packaged_toy / "hairseg-int8.onnx").unlink()
        with pytest.raises(ModelError, match="packaged model 'hairseg-int8' is missing: install it again"):
            find_model()

    def test_damaged(self, packaged_toy: Path) -> None:
        with (packaged_toy / "hairseg-int8.onnx").open("ab") as file:
            file.write(b"x")
        with pytest.raises(ModelError, match=r"hairseg-int8\.onnx is damaged, its checksum differs"):
            find_model()

    @pytest.mark.parametrize("listing", ["", None])
    def test_without_a_checksum(self, packaged_toy: Path, listing: str | None) -> None:
        sums = packaged_toy / "SHA256SUMS"
        sums.unlink() if listing is None else sums.write_text(listing)
        with pytest.raises(ModelError, match="has no checksum"):
            find_model()

    def test_a_misspelt_name(self, packaged_toy: Path) -> None:
        with pytest.raises(ModelError, match="model 'hiarseg-int8' is unknown: did you mean 'hairseg-int8'"):
            find_model("hiarseg-int8")

    def test_a_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(ModelError, match=r"nowhere\.onnx does not exist"):
            find_model(tmp_path / "nowhere.onnx")

    def test_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(ModelError, match="is a folder"):
            find_model(tmp_path)


def test_list(packaged_toy: Path, make_model: ModelMaker) -> None:
    other = make_model(name="a.onnx")
    (packaged_toy / "a.onnx").write_bytes(other.read_bytes())
    with (packaged_toy / "SHA256SUMS").open("a") as sums:
        sums.write(f"{read_info(other).sha256()} *a.onnx\n")
    assert [info.path.name for info in list_models()] == ["hairseg-int8.onnx", "a.onnx"]


def test_the_shipped_models_are_whole() -> None:
    for info in list_models():
        assert info.path.stem == info.name
        assert find_model(info.name) == info.path


def test_import_leaves_the_runtime_alone() -> None:
    code = "import sys, hairseg.models; sys.exit('onnxruntime' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
