"""Which network a published state dict is, and what does not fit; on tensors that have shapes alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from reference.mmseg import Mmseg
from reference.seed import Seed
from reference.semseg import Semseg
from reference.smp import Smp
from torch import Tensor, nn

from hairseg.errors import ModelError, UsageError
from hairseg.net import preset
from hairseg.net.published import from_state

State = dict[str, Tensor]


def shapes(make: Callable[[], nn.Module]) -> State:
    """A network's state dict without numbers."""
    with torch.device("meta"):
        return dict(make().state_dict())


# What a file of each format looks like, and how many of its tensors are the auxiliary head's.
FORMATS: dict[str, tuple[Callable[[], nn.Module], str, int]] = {
    "semseg": (lambda: Semseg(18, 21), "aux.", 8),
    "mmseg": (lambda: Mmseg(18), "auxiliary_head.", 8),
    "smp": (lambda: Smp("resnet18", 3), "classification_head.", 0),
    "seed": (Seed, "classifier.", 0),
}
CLASSES = {"semseg": 21, "mmseg": 19, "smp": 3, "seed": 1}


@pytest.fixture(scope="module", params=FORMATS)
def published(request: pytest.FixtureRequest) -> tuple[str, State]:
    """A preset's name and its published state dict."""
    return request.param, shapes(FORMATS[request.param][0])


@pytest.mark.parametrize("prefix", ["", "module.", "model.", "model.module."])
def test_any_prefix(published: tuple[str, State], prefix: str) -> None:
    name, state = published
    converted = from_state({prefix + key: value for key, value in state.items()})
    assert converted.preset == name
    bare = from_state(state)
    assert converted.config == bare.config
    own = {key: value.shape for key, value in bare.net.state_dict().items()}
    assert {key: value.shape for key, value in converted.net.state_dict().items()} == own
    assert not converted.net.training


@pytest.mark.parametrize("name", ["semseg", "mmseg"])
def test_without_and_with_what_is_left_of_the_auxiliary_head(name: str) -> None:
    make, prefix, count = FORMATS[name]
    state = shapes(make)
    whole = from_state(state)
    assert whole.config.auxiliary
    assert whole.left_out == ()
    without = {key: value for key, value in state.items() if not key.startswith(prefix)}
    assert len(state) - len(without) == count
    converted = from_state(without)
    assert not converted.config.auxiliary
    assert converted.net.auxiliary is None
    assert converted.left_out == ()
    # One tensor of it alone, and a head for the classes of the training before.
    first = next(key for key in state if key.startswith(prefix))
    assert from_state({**without, first: state[first]}).left_out == (prefix.rstrip("."),)
    heads = [
        key for key in state if key.startswith(prefix) and state[key].shape[:1] == (whole.config.classes,)
    ]
    assert len(heads) == 2
    before = {key: torch.empty(7, *state[key].shape[1:], device="meta") for key in heads}
    assert from_state({**state, **before}).left_out == (prefix.rstrip("."),)
    # Wanted away by the caller.
    assert from_state(state, auxiliary=False).config == converted.config


def test_counters_of_batch_norm_may_be_missing(published: tuple[str, State]) -> None:
    name, state = published
    old = {key: value for key, value in state.items() if not key.endswith("num_batches_tracked")}
    assert len(old) < len(state)
    assert from_state(old).config == from_state(state).config
    assert from_state(old).preset == name


def test_other_heads_and_unused_stages_are_left_out() -> None:
    converted = from_state(shapes(lambda: Smp("resnet18", classification=4)))
    assert converted.left_out == ("encoder.layer3", "encoder.layer4", "classification_head")
    assert from_state(shapes(lambda: Seed(classifier=True))).left_out == ("classifier",)
    beside = {"criterion.weight": torch.empty(21), "mean": torch.empty(3)}
    assert from_state({**shapes(FORMATS["semseg"][0]), **beside}).left_out == tuple(beside)


@pytest.mark.parametrize(
    ("make", "config"),
    [
        (lambda: Semseg(101), preset("semseg", backbone="resnet101", classes=150)),
        (lambda: Semseg(152, 19), preset("semseg", backbone="resnet152", classes=19)),
        (lambda: Mmseg(101, 171), preset("mmseg", backbone="resnet101", classes=171)),
        (lambda: Mmseg(34, 2), preset("mmseg", backbone="resnet34", classes=2)),
        (lambda: Mmseg(50, stem="v1b"), preset("mmseg", stem="7x7", classes=19)),
        (lambda: Mmseg(50, stem="v1d"), preset("mmseg", stem="vd", classes=19)),
        (lambda: Smp("resnet34"), preset("smp", backbone="resnet34")),
        (lambda: Smp("resnet152", 19, 5), preset("smp", backbone="resnet152", backbone_stages=5, classes=19)),
        (lambda: Smp("resnext50_32x4d"), preset("smp", backbone="resnext50_32x4d")),
        (lambda: Smp("resnext101_32x8d"), preset("smp", backbone="resnext101_32x8d")),
        (lambda: Smp("wide_resnet50_2"), preset("smp", backbone="wide_resnet50_2")),
        (lambda: Seed("resnet101"), preset("seed", backbone="resnet101")),
        (lambda: Seed("resnet50", 18), preset("seed", backbone="resnet50", classes=18)),
    ],
)
def test_backbones_and_classes_are_seen(make: Callable[[], nn.Module], config: Any) -> None:
    assert from_state(shapes(make)).config == config


def test_older_and_other_names_of_smp() -> None:
    state = shapes(lambda: Smp("resnet18"))
    timm = {key.replace("encoder.", "encoder.model.", 1): value for key, value in state.items()}
    assert from_state(timm).config == from_state(state).config
    old = {}
    for key, value in state.items():
        key = key.replace("psp.blocks", "psp.stages").replace("segmentation_head.0", "decoder.final_conv")
        for new, name in (("pool.1.0", "pool.1.conv"), ("pool.1.1", "pool.1.batchnorm")):
            key = key.replace(new, name)
        for new, name in (
            ("decoder.conv.0", "decoder.conv.conv"),
            ("decoder.conv.1", "decoder.conv.batchnorm"),
        ):
            key = key.replace(new, name)
        old[f"module.{key}"] = value
    assert from_state(old).config == from_state(state).config


def test_biases_that_the_published_seed_has_not_are_zero() -> None:
    state = Seed().state_dict()
    net = from_state(state).net
    assert torch.equal(net.decoder.up_1[0].bias, torch.zeros(256))
    assert torch.equal(net.decoder.up_1[0].weight, state["up_1.conv.0.weight"])


def test_settings_that_mmseg_keeps_as_text() -> None:
    state = shapes(lambda: Mmseg(18, 2))
    text = """
model = dict(
    backbone=dict(type='ResNetV1c', dilations=(1, 1, 1, 1), strides=(1, 2, 2, 2), contract_dilation=True),
    decode_head=dict(pool_scales=(1, 2, 3, 5), align_corners=True))
img_norm_cfg = dict(mean=[127.5, 127.5, 127.5], std=[255.0, 255.0, 51.0], to_rgb=True)
"""
    meta = {"config": text, "CLASSES": ("skin", "hair"), "PALETTE": [[0, 128, 255], [1, 2, 3]]}
    converted = from_state(state, {"meta": meta})
    expected = preset(
        "mmseg",
        backbone="resnet18",
        classes=2,
        bins=(1, 2, 3, 5),
        output_stride=0,
        align_corners=True,
        align_logits=True,
    )
    assert converted.config == expected
    assert converted.classes == {"classes": ["skin", "hair"], "colors": ["#0080ff", "#010203"]}
    assert converted.net.backbone.mean == (0.5, 0.5, 0.5)
    assert converted.net.backbone.std == (1.0, 1.0, 0.2)
    since = {
        "cfg": "dilations=(\n  1,\n  1,\n  1,\n  2)",
        "dataset_meta": {"classes": ["skin", "hair", "cat"]},
    }
    converted = from_state(state, {"meta": since})
    assert converted.config.output_stride == 16
    assert converted.classes == {}  # three names for two classes
    assert converted.net.backbone.mean == (0.485, 0.456, 0.406)


def _say(state: State, **changes: Any) -> str:
    with pytest.raises(ModelError) as refused:
        from_state(state, **changes)
    return str(refused.value)


# Tensors from whose shapes the network is told, and some others.
SEEN = {
    "semseg": "layer0.0 layer0.1 layer1.0.conv2 layer4.1.bn2 ppm.features.0.1 ppm.features.3.2 "
    "cls.0 cls.1 cls.4 aux.0 aux.4",
    "mmseg": "backbone.stem.0 backbone.stem.1 backbone.layer1.0.conv2 decode_head.psp_modules.0.1.conv "
    "decode_head.bottleneck.conv decode_head.bottleneck.bn decode_head.conv_seg auxiliary_head.convs.0.conv",
    "smp": "encoder.conv1 encoder.layer1.0.conv2 encoder.layer2.1.bn2 decoder.psp.blocks.0.pool.1.0 decoder.conv.0 "
    "decoder.conv.1 segmentation_head.0",
    "seed": "base_network.feature1.0 psp.pooling_layers.2.1 up_1.conv.0 up_2.conv.1 final.0",
}


def test_one_tensor_of_another_shape_is_named_with_both(published: tuple[str, State]) -> None:
    name, state = published
    for key in (f"{layer}.weight" for layer in SEEN[name].split()):
        shape = tuple(state[key].shape)
        wrong = (shape[0] + 1, *shape[1:])
        message = _say({**state, key: torch.empty(wrong, device="meta")})
        # The classes of a network with one head stand in a weight and a bias: either may be the wrong one.
        divided = shape[0] == CLASSES[name] and name in ("smp", "seed")
        assert (f"{key} is {wrong}" if divided else f"{key} is {wrong}, not {shape}") in message
        assert "1 of another shape" in message
        assert "missing" not in message


def test_missing_and_surplus_are_listed(published: tuple[str, State]) -> None:
    name, state = published
    keys = [key for key in state if not key.startswith(("encoder.layer", "aux", "classi"))]
    lost = next(key for key in keys if key.endswith("running_mean"))
    message = _say({**{k: v for k, v in state.items() if k != lost}, "extra.weight": torch.empty(1)})
    assert f"looks like {name}'s PSPNet" in message
    assert f"1 missing ({lost})" in message
    assert "1 left over (extra.weight)" in message
    assert "\n" not in message


def test_a_long_list_is_cut() -> None:
    state = shapes(lambda: Semseg(18))
    message = _say({key: value for key, value in state.items() if not key.startswith("layer4.1")})
    assert "its backbone has stages of 2, 2, 2, 1 blocks" in message
    message = _say({key: value for key, value in state.items() if not key.startswith("layer4.0")})
    assert "15 missing (layer4.0.conv1.weight, " in message
    assert " and 10 more)" in message
    wild = {f"{'x' * 3000}\n\x1b[31m{index}": torch.empty(1) for index in range(900)}
    message = _say({**state, **wild})
    assert "900 left over" in message
    assert len(message) < 1000
    assert message.isprintable()


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({}, "no published PSPNet that is known"),
        ({"fc.weight": torch.empty(1)}, "its tensors are called fc.weight"),
        (
            {
                "up_1.conv.0.weight": torch.empty(1),
                "final.0.weight": torch.empty(1),
                "feats.conv1.weight": torch.empty(1),
            },
            "neither the seed's SqueezeNet",
        ),
        (
            {"decoder.conv.0.weight": torch.empty(1), "segmentation_head.0.weight": torch.empty(1)},
            "no stages of a ResNet; known are resnet18",
        ),
    ],
)
def test_what_is_no_published_pspnet(state: State, message: str) -> None:
    assert message in _say(state)


def test_several_networks_in_one_file() -> None:
    state = shapes(Seed)
    both = {f"{prefix}.{key}": value for prefix in ("model", "ema") for key, value in state.items()}
    assert "several networks, under 'model.' and 'ema.'" in _say(both)
    parallel = {f"module.{key}": value for key, value in state.items()} | {"other.weight": torch.empty(1)}
    assert "beside the network under 'module.': other.weight" in _say(parallel)
    lightning = {f"model.{key}": value for key, value in state.items()} | {"teacher.weight": torch.empty(1)}
    assert from_state(lightning).left_out == ("teacher.weight",)


def test_bins_that_cannot_be_seen() -> None:
    state = {key: value for key, value in shapes(Seed).items() if "pooling_layers.3" not in key}
    assert "give them, for example --bins" in _say(state)
    message = _say(state, bins=(1, 2, 4))
    assert "psp.pooling_layers.0.1.weight is (128, 512, 1, 1), not (170, 512, 1, 1)" in message
    assert from_state(shapes(Seed), bins=(1, 2, 4, 8)).config.bins == (1, 2, 4, 8)
    # The pyramid left out: the seed's FCN twin.
    twin = {key: value for key, value in shapes(Seed).items() if not key.startswith("psp.")}
    twin["up_1.conv.0.weight"] = torch.empty(256, 512, 3, 3)
    assert from_state(twin).config == preset("seed", bins=())


def test_what_the_tensors_show_cannot_be_changed() -> None:
    with pytest.raises(UsageError, match="classes is seen in the file: what can be given is bins"):
        from_state(shapes(Seed), classes=4)
