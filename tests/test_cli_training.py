from __future__ import annotations

from pathlib import Path

import pytest

from hairseg.cli_training import export, parse_overrides, train
from hairseg.errors import DataError, ModelError, UsageError

RECIPES = Path(__file__).parents[1] / "recipes"


def test_overrides_are_read_as_toml() -> None:
    tokens = ("--seed", "1", "--fit.size=320", "--pretrained", "none", "--net.bins", "[1, 2]", "--bf16=false")
    assert parse_overrides(tokens) == {
        "seed": 1,
        "fit.size": 320,
        "pretrained": "none",
        "net.bins": [1, 2],
        "bf16": False,
    }
    assert parse_overrides(("--head-rate", "1e-3")) == {"head_rate": 1e-3}


@pytest.mark.parametrize(
    ("tokens", "message"), [(("seed", "1"), "--key value"), (("--seed",), "needs a value")]
)
def test_overrides_that_are_no_pairs(tokens: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_overrides(tokens)


def test_an_unknown_key_is_named_before_a_run_folder_is_made(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'sede'; did you mean 'seed'"):
        train(RECIPES / "pspnet_squeezenet1_1.toml", "--sede", "1", runs=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_data_that_is_not_there_is_named_before_a_run_folder_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HAIRSEG_DATA", raising=False)
    recipe = (
        RECIPES / "pspnet_squeezenet1_1.toml"
    )  # of ImageNet's weights, which nobody should fetch for this
    with pytest.raises(DataError, match="the environment variable HAIRSEG_DATA is not set"):
        train(recipe, runs=tmp_path)
    monkeypatch.setenv("HAIRSEG_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="no such data folder"):
        train(recipe, runs=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_export_refuses_what_is_no_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "best.safetensors").write_bytes(b"no tensors")
    with pytest.raises(ModelError, match="not a readable checkpoint"):
        export(tmp_path)
    with pytest.raises(ModelError, match="no such checkpoint"):
        export(tmp_path / "none.safetensors")
    with pytest.raises(UsageError, match="use float32, float16 or int8"):
        export(tmp_path, weights="int4")
