from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import hairseg
from hairseg.edge import with_colors
from hairseg.errors import HairsegError, ModelError, PhotoError, UsageError
from hairseg.hair import Hair
from hairseg.photo import read_photo
from hairseg.segmenter import Segmenter
from toys import ModelMaker

Pixels = NDArray[np.uint8]


@pytest.fixture(scope="session")
def segmenter(toy_model: Path) -> Segmenter:
    return Segmenter(toy_model, threads=2)


def test_red_is_hair(segmenter: Segmenter, portrait: Pixels) -> None:
    hair = segmenter(portrait)
    expected = portrait[..., 0] > portrait[..., 1]
    assert hair.probability.shape == hair.mask.shape == portrait.shape[:2]
    assert hair.probability.dtype == np.float32
    # The canvas is 64 x 64 or so: the border moves by less than a pixel of it.
    assert np.count_nonzero(hair.mask != expected) <= 60
    assert hair.model.name == "toy"
    assert segmenter.info.scores["figaro1k:test"]["iou"] == 0.9


def test_input_is_normalised_as_the_model_says(make_model: ModelMaker) -> None:
    mean, std = [0.2, 0.3, 0.4], [0.5, 0.25, 1.0]
    segmenter = Segmenter(make_model(mean=mean, std=std), threads=1)
    pixels = np.full((64, 64, 3), (100, 50, 0), np.uint8)
    red, green = (100 / 255 - mean[0]) / std[0], (50 / 255 - mean[1]) / std[1]
    expected = 1 / (1 + np.exp(-20 * (red - green)))
    np.testing.assert_allclose(segmenter.probability(pixels), expected, rtol=1e-4)


def test_the_photos_own_colours_have_the_models_share(make_model: ModelMaker, portrait: Pixels) -> None:
    alone = Segmenter(make_model(threshold=0.6), threads=1).probability(portrait)
    found = Segmenter(make_model(threshold=0.6, color_share=0.5), threads=1).probability(portrait)
    np.testing.assert_array_equal(found, with_colors(portrait, alone, 0.6, 0.5))
    assert (found != alone).any()


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (333, 2), (77, 401)])
def test_any_size(segmenter: Segmenter, shape: tuple[int, int]) -> None:
    photo = np.full((*shape, 3), (255, 0, 0), np.uint8)
    hair = segmenter(photo)
    assert hair.mask.shape == shape
    assert hair.fraction == 1.0


def test_threshold_of_the_model_and_of_the_call(make_model: ModelMaker) -> None:
    segmenter = Segmenter(make_model(threshold=0.9), threads=1)
    grey = np.full((64, 64, 3), 128, np.uint8)  # probability 0.5
    assert segmenter(grey).threshold == 0.9
    assert segmenter(grey).fraction == 0.0
    assert segmenter(grey, threshold=0.4).fraction == 1.0


def test_sources(segmenter: Segmenter, portrait: Pixels, tmp_path: Path) -> None:
    path = tmp_path / "portrait.png"
    Image.fromarray(portrait).save(path)
    expected = segmenter(portrait).probability
    for source in (path, str(path), path.read_bytes(), Image.open(path), read_photo(path)):
        np.testing.assert_array_equal(segmenter(source).probability, expected)


def test_many_threads_get_the_serial_answers(segmenter: Segmenter) -> None:
    rng = np.random.default_rng(0)
    photos = [rng.integers(0, 256, (rng.integers(20, 200), 90, 3), np.uint8) for _ in range(16)]
    expected = [segmenter(photo).probability for photo in photos]
    found: dict[int, NDArray[np.float32]] = {}

    def work(index: int) -> None:
        found[index] = segmenter(photos[index]).probability

    threads = [threading.Thread(target=work, args=(index,)) for index in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index in range(16):
        np.testing.assert_array_equal(found[index], expected[index])


class TestStream:
    def test_in_order_and_equal_to_single_calls(self, segmenter: Segmenter) -> None:
        rng = np.random.default_rng(1)
        photos = [rng.integers(0, 256, (30 + 7 * i, 60, 3), np.uint8) for i in range(9)]
        found = list(segmenter.stream(photos))
        assert [hair.mask.shape for hair in found] == [photo.shape[:2] for photo in photos]
        for hair, photo in zip(found, photos, strict=True):
            np.testing.assert_allclose(hair.probability, segmenter(photo).probability, atol=1e-6)

    def test_reads_lazily(self, segmenter: Segmenter, portrait: Pixels) -> None:
        read = 0

        def photos() -> Iterator[Pixels]:
            nonlocal read
            while True:
                read += 1
                yield portrait

        stream = segmenter.stream(photos())
        for _ in range(5):
            next(stream)
        assert read <= 5 + 2 * segmenter.threads

    def test_a_bad_photo_raises_in_its_turn(self, segmenter: Segmenter, portrait: Pixels) -> None:
        stream = segmenter.stream([portrait, b"no photo", portrait])
        assert isinstance(next(stream), Hair)
        with pytest.raises(PhotoError, match="not an image"):
            next(stream)

    @pytest.mark.parametrize("threads", [1, 3])
    def test_a_bad_photo_can_be_a_result(self, toy_model: Path, portrait: Pixels, threads: int) -> None:
        photos = [portrait, b"no photo", b"", portrait]
        found = list(Segmenter(toy_model, threads).stream(photos, threshold=0.7, errors="yield"))
        assert [isinstance(result, HairsegError) for result in found] == [False, True, True, False]
        assert isinstance(found[3], Hair)
        assert found[3].threshold == 0.7

    def test_a_wrong_wish_is_no_result(self, segmenter: Segmenter, portrait: Pixels) -> None:
        with pytest.raises(UsageError, match="threshold 2"):
            next(segmenter.stream([portrait], threshold=2, errors="yield"))

    def test_unknown_way_with_errors(self, segmenter: Segmenter) -> None:
        with pytest.raises(UsageError, match="errors 'skip' is unknown"):
            segmenter.stream([], errors="skip")  # type: ignore[call-overload]


class TestModels:
    def test_damaged(self, toy_model: Path, tmp_path: Path) -> None:
        path = tmp_path / "damaged.onnx"
        path.write_bytes(toy_model.read_bytes()[:90] + b"\xff" * 40)
        with pytest.raises(ModelError, match=r"damaged\.onnx is not a working ONNX model"):
            Segmenter(path)

    def test_empty(self, tmp_path: Path) -> None:
        path = tmp_path / "empty.onnx"
        path.touch()
        with pytest.raises(ModelError, match=r"empty\.onnx"):
            Segmenter(path)

    def test_another_onnx_file(self, make_model: ModelMaker) -> None:
        with pytest.raises(ModelError, match="is not a hairseg model: export one with `hairseg export`"):
            Segmenter(make_model(extra={}))

    def test_other_borders(self, make_model: ModelMaker) -> None:
        import onnx

        path = make_model()
        model = onnx.load(path)
        model.graph.output[0].name = model.graph.node[1].output[0] = "logits_"
        onnx.save(model, path)
        with pytest.raises(ModelError, match="its input or output is another"):
            Segmenter(path)

    def test_output_of_another_size(self, make_model: ModelMaker, portrait: Pixels) -> None:
        import onnx

        path = make_model()
        model = onnx.load(path)
        model.graph.node[0].attribute.append(onnx.helper.make_attribute("strides", [2, 2]))
        onnx.save(model, path)
        with pytest.raises(ModelError, match="gives"):
            Segmenter(path)(portrait)

    def test_threads(self, toy_model: Path) -> None:
        with pytest.raises(UsageError, match="threads 0 is out of range: use 1 to 1024"):
            Segmenter(toy_model, threads=0)
        with pytest.raises(UsageError, match="threads 100000 is out of range"):
            Segmenter(toy_model, threads=100_000)
        with pytest.raises(UsageError, match="threads '2' is no whole number: use 1 to 1024"):
            Segmenter(toy_model, threads="2")  # type: ignore[arg-type]
        assert Segmenter(toy_model, threads=np.int64(2)).threads == 2  # type: ignore[arg-type]


def test_probability_takes_pixels_only(segmenter: Segmenter) -> None:
    with pytest.raises(UsageError, match="use read_photo"):
        segmenter.probability(np.zeros((4, 4), np.uint8))


def test_segment_keeps_the_default_model(packaged_toy: Path, portrait: Pixels) -> None:
    first = hairseg.segment(portrait)
    assert first.fraction > 0.1
    (packaged_toy / "hairseg-int8.onnx").unlink()
    assert hairseg.segment(portrait, threshold=0.6).threshold == 0.6


def test_segment_with_another_model(toy_model: Path, portrait: Pixels) -> None:
    assert hairseg.segment(portrait, model=toy_model).model.name == "toy"
