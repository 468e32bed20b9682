from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from hairseg.data import DataSet, open_data
from hairseg.errors import UsageError
from hairseg.models import read_info
from hairseg.segmenter import Segmenter
from hairseg.training.checkpoint import read_checkpoint
from hairseg.training.export import export
from hairseg.training.loop import train
from hairseg.training.quantize import calibration_photos, quantize, shorten
from hairseg.training.recipe import Recipe
from hairseg.training.run import Run


@pytest.fixture
def dataset(tiny_data: Path) -> DataSet:
    return open_data(f"folder:{tiny_data}")


@pytest.fixture
def exported(recipe: Recipe, tmp_path: Path) -> Path:
    run = Run.create(tmp_path / "runs", recipe)
    train(recipe, run, report=lambda line: None)
    net, _, _ = read_checkpoint(run.best)
    path = tmp_path / "tiny.onnx"
    export(net, recipe, path, half=True)
    return path


def test_int8_is_smaller_and_gives_nearly_the_same_answer(exported: Path, dataset: DataSet) -> None:
    small = exported.with_name("tiny-int8.onnx")
    metadata = quantize(exported, small, [dataset])
    info = read_info(small)
    assert info.name == metadata["name"] == "tiny-int8"
    assert info.fit == read_info(exported).fit
    assert metadata["calibration"] == 8
    photo = str(dataset.items[0].photo)
    before, after = (Segmenter(path)(photo).probability for path in (exported, small))
    assert 0 < np.abs(before - after).mean() < 0.1
    assert not list(exported.parent.glob(".*"))


def test_weights_are_bytes_per_channel_and_any_size_runs(exported: Path, dataset: DataSet) -> None:
    small = exported.with_name("tiny-int8.onnx")
    quantize(exported, small, [dataset], photos=4)
    kinds = [tensor.data_type for tensor in onnx.load(str(small)).graph.initializer if len(tensor.dims) == 4]
    # The first convolution and the classifier stay as they were.
    assert kinds.count(onnx.TensorProto.INT8) == len(kinds) - 2
    assert kinds.count(onnx.TensorProto.FLOAT) == 2
    session = onnxruntime.InferenceSession(str(small), providers=["CPUExecutionProvider"])
    for height, width in ((33, 64), (131, 97)):
        (probability,) = session.run(None, {"photo": np.zeros((1, 3, height, width), np.float32)})
        assert probability.shape == (1, 1, height, width)


def test_short_names_change_nothing_but_the_bytes(exported: Path) -> None:
    model = onnx.load(str(exported))
    shorten(model.graph)
    onnx.checker.check_model(model)
    short = exported.with_name("short.onnx")
    onnx.save(model, str(short))
    assert short.stat().st_size < exported.stat().st_size - 2000
    photo = np.random.default_rng(0).random((1, 3, 65, 97), np.float32)
    before, after = (
        onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(
            None, {"photo": photo}
        )
        for path in (exported, short)
    )
    np.testing.assert_array_equal(before[0], after[0])
    assert read_info(short) == dataclasses.replace(read_info(exported), path=short)


def test_calibration_takes_the_sets_in_turns_evenly(dataset: DataSet) -> None:
    once, twice = DataSet("a", dataset.items), DataSet("b", dataset.items[:2])
    chosen = calibration_photos([once, twice], 4)
    assert chosen == [dataset.items[0], dataset.items[0], dataset.items[4], dataset.items[1]]


def test_without_photos_it_is_refused(exported: Path) -> None:
    with pytest.raises(UsageError, match="needs training photos"):
        quantize(exported, exported.with_name("x.onnx"), [])


def test_another_suffix_is_refused(exported: Path, dataset: DataSet) -> None:
    with pytest.raises(UsageError, match=r"ends in \.onnx"):
        quantize(exported, exported.with_name("x.bin"), [dataset])
