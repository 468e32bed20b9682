"""A file in, a network out: converted, trained, or as it was published."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from reference.seed import Seed
from reference.weights import randomise
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from hairseg.errors import ModelError
from hairseg.net import NetConfig, build, load
from hairseg.net.published import convert
from hairseg.training.checkpoint import read_checkpoint, write_weights
from hairseg.training.export import describe
from hairseg.training.recipe import Recipe


@pytest.fixture(scope="module")
def seed() -> nn.Module:
    """The seed's upstream network, with three classes."""
    torch.manual_seed(0)
    return randomise(Seed(classes=3))


@pytest.fixture(scope="module")
def published(seed: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its file, as its code writes it."""
    path = tmp_path_factory.mktemp("published") / "pspnet_squeezenet.pth"
    torch.save({"weight": seed.state_dict()}, path)
    return path


@pytest.fixture(scope="module")
def converted(published: Path) -> Path:
    """The same as a file of ours."""
    path = published.with_suffix(".safetensors")
    convert(published).write(path, source="pspnet_squeezenet.pth")
    return path


def answer(net: nn.Module, *size: int) -> Tensor:
    photos = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        return net(photos)


@pytest.mark.parametrize("size", [(33, 47), (64, 64), (101, 50), (24, 200)])
def test_logits_at_the_photos_own_size(size: tuple[int, int], seed: nn.Module, converted: Path) -> None:
    net = load(converted)
    assert not net.training
    logits = answer(net, *size)
    assert logits.shape == (2, 3, *size)
    assert logits.dtype == torch.float32
    torch.testing.assert_close(logits, answer(seed, *size), rtol=0, atol=1e-5)


def test_a_published_file_is_loaded_as_it_is(published: Path, converted: Path) -> None:
    assert torch.equal(answer(load(published), 48, 56), answer(load(str(converted)), 48, 56))


def test_a_published_safetensors_file(seed: nn.Module, converted: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_file({f"module.{key}": value.half() for key, value in seed.state_dict().items()}, path)
    net = load(path)
    assert net.head.weight.dtype == torch.float32  # 16-bit files too
    torch.testing.assert_close(answer(net, 40, 40), answer(load(converted), 40, 40), rtol=0, atol=0.05)


def test_a_checkpoint_of_a_training(tmp_path: Path) -> None:
    recipe = Recipe("toy", NetConfig(bins=(1, 2), pyramid_norm=True))
    net = build(recipe.net).eval()
    write_weights(tmp_path / "best.safetensors", net, recipe)
    assert torch.equal(answer(load(tmp_path / "best.safetensors"), 40, 33), answer(net, 40, 33))


def test_the_header_tells_the_network_and_its_preprocessing(converted: Path) -> None:
    with safe_open(converted, "pt") as file:
        header = json.loads(file.metadata()["hairseg"])
    assert header["preset"] == "seed"
    assert header["net"]["classes"] == 3
    assert header["mean"] == [0.485, 0.456, 0.406]
    assert header["source"] == "pspnet_squeezenet.pth"
    other = converted.with_name("other.safetensors")
    header |= {"mean": [0.1, 0.2, 0.3], "std": [1, 2, 3]}
    save_file(load_file(converted), other, metadata={"hairseg": json.dumps(header)})
    net = load(other)
    assert (net.backbone.mean, net.backbone.std) == ((0.1, 0.2, 0.3), (1, 2, 3))


def test_training_and_export_take_a_converted_file(seed: nn.Module, converted: Path) -> None:
    net, recipe, _ = read_checkpoint(converted)
    assert recipe.name == "pspnet_squeezenet"
    assert recipe.net.classes == 3
    assert recipe.train == ()
    metadata = describe(net, recipe)
    assert (metadata["name"], metadata["recipe"], metadata["data"]) == ("pspnet_squeezenet", "", [])
    torch.testing.assert_close(answer(net, 48, 48), answer(seed, 48, 48), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({"net": {"colour": 3}}, "unknown key 'colour'.*of another release"),
        ({"net": {"bins": "all"}}, "must be a list.*of another release"),
        ({"net": {"bins": [1, 2, 4]}}, "a checkpoint of another network"),
        ({"other": 1}, "a file of hairseg's already"),
        ([1], "its header is no table"),
    ],
)
def test_a_header_that_does_not_fit(header: object, message: str, converted: Path, tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file(load_file(converted), path, metadata={"hairseg": json.dumps(header)})
    with pytest.raises(ModelError, match=message):
        load(path)


def test_a_trainings_whole_state_leads_to_the_network_beside_it(converted: Path, tmp_path: Path) -> None:
    # As last.safetensors holds it (its writer is covered by the trainings' own tests).
    with safe_open(converted, "pt") as file:
        header = file.metadata()
    weights = load_file(converted)
    whole = {f"{part}.{key}": value.clone() for part in ("net", "average") for key, value in weights.items()}
    save_file(whole, tmp_path / "last.safetensors", metadata=header)
    with pytest.raises(
        ModelError, match=r"last\.safetensors: a training's whole state.*give the best\.safetensors"
    ):
        load(tmp_path / "last.safetensors")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for name in ("none.safetensors", "none.pth"):
        with pytest.raises(ModelError, match=f"{name}: no such"):
            load(tmp_path / name)
