from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hairseg.errors import ModelError
from hairseg.loading import loading


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    loading.cache_clear()
    yield
    loading.cache_clear()


def test_it_loads_once(toy_model: Path) -> None:
    first = loading(str(toy_model), 1)
    assert first().info.name == "toy"
    assert loading(str(toy_model), 1)() is first()


def test_whoever_asks_first_all_get_the_same(toy_model: Path) -> None:
    coming = loading(str(toy_model), 1)
    with ThreadPoolExecutor(8) as pool:
        assert len({id(found.result()) for found in [pool.submit(coming) for _ in range(8)]}) == 1


def test_it_is_the_segmenter_that_was_asked_for(toy_model: Path) -> None:
    found = loading(str(toy_model), 1, tta=True)()
    assert (found.threads, found.tta, found.tiles, found.info.path) == (1, True, False, toy_model)


def test_what_went_wrong_is_raised_where_it_matters(tmp_path: Path) -> None:
    coming = loading(str(tmp_path / "nowhere.onnx"))
    for _ in range(2):
        with pytest.raises(ModelError, match="does not exist"):
            coming()
