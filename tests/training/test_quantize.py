from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from hairseg.__main__ import main
from hairseg.data import DataSet, open_data
from hairseg.errors import UsageError
from hairseg.models import read_info
from hairseg.net import build
from hairseg.segmenter import Segmenter
from hairseg.training.checkpoint import read_checkpoint, write_weights
from hairseg.training.export import export
from hairseg.training.loop import train
from hairseg.training.quantize import calibration_photos, quantize, shorten, sizes_by_number
from hairseg.training.recipe import Recipe, Source
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
    # The first convolution stays as it was.
    assert kinds.count(onnx.TensorProto.INT8) == len(kinds) - 1
    assert kinds.count(onnx.TensorProto.FLOAT) == 1
    session = onnxruntime.InferenceSession(str(small), providers=["CPUExecutionProvider"])
    for height, width in ((33, 64), (131, 97)):
        (probability,) = session.run(None, {"photo": np.zeros((1, 3, height, width), np.float32)})
        assert probability.shape == (1, 1, height, width)


def test_hair_is_never_surer_than_eight_bits_tell(exported: Path, dataset: DataSet) -> None:
    model = onnx.load(str(exported))
    classifier = [node for node in model.graph.node if node.op_type == "Conv"][-1]
    (bias,) = (one for one in model.graph.initializer if one.name == classifier.input[2])
    bias.CopyFrom(onnx.numpy_helper.from_array(np.full(1, 30, np.float32), bias.name))
    onnx.save(model, str(exported))
    small = exported.with_name("tiny-int8.onnx")
    quantize(exported, small, [dataset], photos=2)
    photo = str(dataset.items[0].photo)
    before, after = (Segmenter(path)(photo).probability for path in (exported, small))
    np.testing.assert_allclose(before, 1, atol=1e-6)
    np.testing.assert_allclose(after, 1 / (1 + np.exp(-8.0)), atol=2e-5)


def test_of_several_classes_the_classifier_stays(recipe: Recipe, dataset: DataSet, tmp_path: Path) -> None:
    three = dataclasses.replace(recipe, net=dataclasses.replace(recipe.net, classes=3))
    plain, small = tmp_path / "three.onnx", tmp_path / "three-int8.onnx"
    export(build(three.net), three, plain)
    quantize(plain, small, [dataset], photos=2)
    four = [tensor for tensor in onnx.load(str(small)).graph.initializer if len(tensor.dims) == 4]
    in_float = [tensor.dims[0] for tensor in four if tensor.data_type == onnx.TensorProto.FLOAT]
    assert in_float[-1] == 3
    assert len(in_float) == 2


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


def test_sizes_by_number_change_nothing_and_ask_no_features(exported: Path) -> None:
    model = onnx.load(str(exported))
    sizes_by_number(model)
    asked = [node.input[0] for node in model.graph.node if node.op_type == "Shape"]
    assert asked.count("photo") == len(asked)
    before, after = (
        onnxruntime.InferenceSession(source) for source in (exported.read_bytes(), model.SerializeToString())
    )
    for shape in ((1, 3, 64, 64), (2, 3, 75, 101)):
        photo = np.random.default_rng(0).random(shape, np.float32)
        np.testing.assert_array_equal(
            after.run(None, {"photo": photo})[0], before.run(None, {"photo": photo})[0]
        )


def test_calibration_takes_the_sets_in_turns_evenly(dataset: DataSet) -> None:
    once, twice = DataSet("a", dataset.items), DataSet("b", dataset.items[:2])
    chosen = calibration_photos([once, twice], 4)
    assert chosen == [dataset.items[0], dataset.items[0], dataset.items[4], dataset.items[1]]


def test_calibration_reaches_the_end_of_a_set(dataset: DataSet) -> None:
    """Sets stand hairstyle by hairstyle: the first of them alone would be of one."""
    assert calibration_photos([dataset], 5) == [dataset.items[number] for number in (0, 1, 3, 4, 6)]
    assert calibration_photos([dataset], 100) == list(dataset.items)


def test_without_photos_it_is_refused(exported: Path) -> None:
    with pytest.raises(UsageError, match="needs training photos"):
        quantize(exported, exported.with_name("x.onnx"), [])


def test_another_suffix_is_refused(exported: Path, dataset: DataSet) -> None:
    with pytest.raises(UsageError, match=r"ends in \.onnx"):
        quantize(exported, exported.with_name("x.bin"), [dataset])


def test_an_int8_export_that_fails_leaves_the_file_of_before(
    recipe: Recipe, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = dataclasses.replace(recipe, train=(Source(f"folder:{tmp_path / 'gone'}"),))
    write_weights(tmp_path / "best.safetensors", build(recipe.net), gone)
    kept = tmp_path / "tiny.onnx"
    kept.write_bytes(b"of before")
    arguments = ["export", str(tmp_path), "-o", str(kept), "--weights"]
    assert main([*arguments, "int8"]) != 0
    assert "gone: no such data folder" in capsys.readouterr().err
    assert kept.read_bytes() == b"of before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best.safetensors", "tiny.onnx"]
    write_weights(tmp_path / "best.safetensors", build(recipe.net), recipe)
    assert main([*arguments, "int8"]) == 0
    assert json.loads(capsys.readouterr().out)["quantized"] == "int8"
    assert read_info(kept).name == "tiny"
