from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from torchvision.models import squeezenet1_1

from hairseg.errors import ModelError, UsageError
from hairseg.net.backbones import SqueezeNet, Timm, build_backbone, read_weights
from hairseg.net.efficientnet import EvenSameConv2d
from hairseg.net.hidden import in_blocks


def test_squeezenet_features_are_torchvisions() -> None:
    classifier = squeezenet1_1(weights=None).eval()
    backbone = SqueezeNet().eval()
    backbone.load_imagenet(classifier.state_dict())
    photo = torch.randn(1, 3, 97, 64)
    features = backbone(photo)
    assert torch.equal(features[-1], classifier.features(photo))
    assert tuple(f.shape[1] for f in features) == backbone.channels


def test_efficientnet_lite0_is_timms_where_both_sides_are_multiples_of_32() -> None:
    oracle = timm.create_model("tf_efficientnet_lite0", pretrained=False, features_only=True).eval()
    backbone = Timm("tf_efficientnet_lite0").eval()
    backbone.body.load_state_dict(oracle.state_dict())
    photo = torch.randn(1, 3, 96, 128)
    with torch.inference_mode():
        for ours, theirs in zip(backbone(photo), oracle(photo), strict=True):
            assert torch.allclose(ours, theirs, atol=1e-5)
    assert backbone.mean == (0.5, 0.5, 0.5)
    assert backbone.strides == (2, 4, 8, 16, 32)


def test_even_same_is_tensorflows_padding() -> None:
    # TensorFlow's rule for stride 2 on an even side: pad k - 2 in all, the smaller half first.
    convolution = EvenSameConv2d(1, 1, 3, stride=2, bias=False)
    torch.nn.init.ones_(convolution.weight)
    x = torch.arange(16.0).view(1, 1, 4, 4)
    padded = torch.zeros(5, 5)
    padded[:4, :4] = x[0, 0]
    expected = [[float(padded[i : i + 3, j : j + 3].sum()) for j in (0, 2)] for i in (0, 2)]
    assert convolution(x)[0, 0].tolist() == expected


def test_imagenet_weights_with_a_hole_are_refused() -> None:
    state = timm.create_model("test_efficientnet", pretrained=False).state_dict()
    del state["conv_stem.weight"]
    with pytest.raises(ModelError, match=r"lack 1 tensors, for example 'conv_stem.weight'"):
        Timm("test_efficientnet").load_imagenet(state)


def test_imagenet_weights_of_another_stem_are_refused() -> None:
    state = timm.create_model("test_resnet", pretrained=False).state_dict()
    with pytest.raises(ModelError, match=r"test_resnet's, are another network's: \d+ tensors .* 'bn1.bias'"):
        Timm("test_resnet", stem="deep").load_imagenet(state)


def test_weights_files(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_file({"a": torch.ones(2, dtype=torch.float16), "n": torch.tensor(3)}, path)
    weights = read_weights(path)
    assert weights["a"].dtype == torch.float32
    assert weights["n"].item() == 3
    with pytest.raises(ModelError, match="no such weights file"):
        read_weights(tmp_path / "missing.safetensors")
    path.write_bytes(b"not tensors at all")
    with pytest.raises(ModelError, match="not a readable safetensors file"):
        read_weights(path)


def test_a_cut_efficientnet_keeps_nothing_that_it_does_not_use() -> None:
    cut = Timm("tf_efficientnet_lite0", stages=4)
    assert cut.channels == (16, 24, 40, 112)
    sum(features.mean() for features in cut(torch.randn(2, 3, 64, 64))).backward()
    assert all(parameter.grad is not None for parameter in cut.parameters())


def test_a_trimmed_efficientnet_ends_before_the_block_that_widens_it() -> None:
    whole = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    backbone = Timm("tf_efficientnet_lite0", trim=1).eval()
    backbone.load_imagenet(whole.state_dict())
    assert backbone.channels == (16, 24, 40, 112, 192)
    assert backbone.strides == (2, 4, 8, 16, 32)
    assert not [name for name in backbone.state_dict() if name.startswith("body.blocks.6")]
    photo = torch.randn(1, 3, 64, 96)
    with torch.inference_mode():
        *finer, last = backbone(photo)
        oracle = whole.blocks[:6](whole.bn1(whole.conv_stem(photo)))
    assert torch.allclose(last, oracle, atol=1e-5)
    assert [f.shape[1] for f in finer] == [16, 24, 40, 112]


@pytest.mark.parametrize(
    ("name", "stages", "trim"),
    [
        ("tf_efficientnet_lite0", 0, 2),
        ("tf_efficientnet_lite0", 0, -1),
        ("tf_efficientnet_lite0", 3, 1),
        ("tf_efficientnet_lite0", 1, 1),
        ("resnet18", 0, 1),
    ],
)
def test_a_stage_is_not_trimmed_away(name: str, stages: int, trim: int) -> None:
    with pytest.raises(UsageError, match=f"backbone_trim is {trim}: backbone '{name}' has no such groups"):
        build_backbone(name, stages, trim=trim)


def test_squeezenet_has_nothing_to_trim() -> None:
    with pytest.raises(UsageError, match="squeezenet1_1 has none: use 0"):
        build_backbone("squeezenet1_1", trim=1)


def test_a_block_that_is_left_out_hands_on_what_it_is_given() -> None:
    whole = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    backbone = Timm("tf_efficientnet_lite0", stages=3, without=("1.1", "2.1")).eval()
    backbone.load_imagenet(whole.state_dict())
    names = {
        name.split(".")[2] + "." + name.split(".")[3] for name in backbone.state_dict() if "blocks" in name
    }
    assert names == {"0.0", "1.0", "2.0"}
    photo = torch.randn(1, 3, 64, 96)
    with torch.inference_mode():
        x = whole.blocks[0](whole.bn1(whole.conv_stem(photo)))
        oracle = whole.blocks[2][0](whole.blocks[1][0](x))
        assert torch.allclose(backbone(photo)[-1], oracle, atol=1e-5)


@pytest.mark.parametrize(
    ("backbone", "block"),
    [
        ("tf_efficientnet_lite0", "2.0"),  # it changes the size, so that nothing could take its place
        ("tf_efficientnet_lite0", "2.7"),
        ("tf_efficientnet_lite0", "9.1"),
        ("tf_efficientnet_lite0", "-1.1"),
        ("tf_efficientnet_lite0", "02.1"),
        ("tf_efficientnet_lite0", "last"),
        ("resnet18", "1.1"),
    ],
)
def test_only_residual_blocks_are_left_out(backbone: str, block: str) -> None:
    with pytest.raises(UsageError, match=f"backbone '{backbone}' has no residual block '{block}': give"):
        build_backbone(backbone, without=(block,))


def test_squeezenet_has_no_block_to_leave_out() -> None:
    with pytest.raises(UsageError, match="squeezenet1_1 has none: leave it out"):
        build_backbone("squeezenet1_1", without=("1.1",))


def test_hidden_channels_of_blocks_are_left_out() -> None:
    whole = Timm("tf_efficientnet_lite0", stages=3)
    widths = (24, 96, 100, 144, 7)
    torch.manual_seed(0)
    backbone = Timm("tf_efficientnet_lite0", stages=3, hidden=widths)
    assert backbone.channels == whole.channels
    assert [one.width for one in in_blocks(backbone.body)] == [*widths]
    assert [one.width for one in in_blocks(whole.body)] == [32, 96, 144, 144, 240]
    features = backbone(torch.randn(2, 3, 64, 96))
    assert [tuple(each.shape[1:]) for each in features] == [(16, 32, 48), (24, 16, 24), (40, 8, 12)]
    sum(each.mean() for each in features).backward()
    assert all(parameter.grad is not None for parameter in backbone.parameters())
    lost = sum(p.numel() for p in whole.parameters()) - sum(p.numel() for p in backbone.parameters())
    # A channel has its 3x3 filter, two batch norms, a column that makes it and a row that reads it.
    stem, widened, last = 8 * (27 + 9 + 4 + 16), 44 * (24 + 9 + 4 + 24), 233 * (40 + 25 + 4 + 40)
    assert lost == stem + widened + last


@pytest.mark.parametrize("hidden", [(24, 96, 144), (24, 96, 144, 144, 241), (24, 0, 144, 144, 240)])
def test_hidden_channels_are_as_many_as_blocks(hidden: tuple[int, ...]) -> None:
    said = (
        rf"backbone_hidden is \[{', '.join(map(str, hidden))}\]: give a positive number for each of the 5 blocks .* "
        r"\[32, 96, 144, 144, 240\]"
    )
    with pytest.raises(UsageError, match=said):
        build_backbone("tf_efficientnet_lite0", 3, hidden=hidden)


# With squeeze-and-excitation, without depthwise convolutions, with both kinds of blocks, with mixed kernels.
@pytest.mark.parametrize(
    "name",
    ["efficientnet_b0", "efficientnet_es", "mobilenetv3_small_100", "mixnet_s", "resnet18", "squeezenet1_1"],
)
def test_other_networks_have_no_such_blocks(name: str) -> None:
    with pytest.raises(UsageError, match=r"backbone_hidden is of an EfficientNet.*none: leave it out"):
        build_backbone(name, hidden=(8,))


def test_a_block_that_is_left_out_has_no_hidden_channels() -> None:
    backbone = Timm("tf_efficientnet_lite0", stages=3, without=("1.1",), hidden=(32, 90, 144, 240))
    assert [one.width for one in in_blocks(backbone.body)] == [32, 90, 144, 240]


def test_mobilenets_of_the_second_kind_have_hidden_channels_too() -> None:
    backbone = Timm("mobilenetv2_100", stages=2, hidden=(24, 90, 100))
    assert [one.width for one in in_blocks(backbone.body)] == [24, 90, 100]
    assert [one.width for one in in_blocks(Timm("mobilenetv2_100", stages=3).body)][:4] == [32, 96, 144, 144]
