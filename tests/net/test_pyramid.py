from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from hairseg.errors import UsageError
from hairseg.net.pyramid import (
    LevelNorm,
    PyramidPooling,
    adaptive_average,
    adaptive_averages,
    adaptive_max,
    averaging_matrix,
    bin_edges,
)

CPU = torch.device("cpu")


def test_bins_of_five_rows_in_two_overlap_in_the_middle() -> None:
    assert [bin_edges(5, 2, i) for i in range(2)] == [(0, 3), (2, 5)]


def test_averaging_matrix_of_three_rows_in_two() -> None:
    expected = torch.tensor([[0.5, 0.5, 0.0], [0.0, 0.5, 0.5]])
    assert torch.equal(averaging_matrix(3, 2, CPU), expected)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 8))
def test_pooling_is_torchs_adaptive_pooling_at_every_size(height: int, width: int, bins: int) -> None:
    x = torch.randn(2, 3, height, width, dtype=torch.float64)
    assert torch.allclose(adaptive_average(x, bins), F.adaptive_avg_pool2d(x, bins), atol=1e-12)
    assert torch.equal(adaptive_max(x, bins), F.adaptive_max_pool2d(x, bins))


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.lists(st.integers(1, 8), min_size=1, max_size=5).map(tuple))
def test_several_grids_at_once_are_each_grid_alone(height: int, width: int, bins: tuple[int, ...]) -> None:
    x = torch.randn(2, 3, height, width, dtype=torch.float64)
    together = adaptive_averages(x, bins)
    assert [pooled.shape for pooled in together] == [(2, 3, size, size) for size in bins]
    for pooled, size in zip(together, bins, strict=True):
        assert torch.allclose(pooled, F.adaptive_avg_pool2d(x, size), atol=1e-12)


@given(st.integers(1, 300), st.integers(1, 12))
def test_the_matrix_has_the_bins_edges(length: int, bins: int) -> None:
    for index, row in enumerate(averaging_matrix(length, bins, CPU, torch.float64)):
        begin, end = bin_edges(length, bins, index)
        expected = torch.zeros(length, dtype=torch.float64)
        expected[begin:end] = 1 / (end - begin)
        assert torch.allclose(row, expected, atol=1e-12)


class SeedPyramid(nn.Module):
    """The seed's module from its document, as an independent oracle."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(channels, channels // 4, 1) for _ in range(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        parts = [x]
        for size, conv in zip((1, 2, 3, 6), self.convs, strict=True):
            small = conv(nn.AdaptiveAvgPool2d(size)(x))
            parts.append(nn.Upsample(x.shape[2:], mode="bilinear", align_corners=False)(small))
        return torch.cat(parts, 1)


@pytest.mark.parametrize("size", [(6, 6), (11, 17), (7, 30)])
def test_seed_options_equal_the_seeds_module(size: tuple[int, int]) -> None:
    oracle = SeedPyramid(16).double()
    ours = PyramidPooling(16, norm=False, align_corners=False).double()
    for level, conv in zip(ours.levels, oracle.convs, strict=True):
        level.load_state_dict(conv.state_dict())
    x = torch.randn(2, 16, *size, dtype=torch.float64)
    assert torch.allclose(ours(x), oracle(x), atol=1e-6)


@pytest.mark.parametrize("pooling", ["average", "max"])
@pytest.mark.parametrize(("reduction", "channels"), [(True, 16), (False, 40)])
def test_channels_with_and_without_reduction(pooling: str, reduction: bool, channels: int) -> None:
    pyramid = PyramidPooling(8, pooling=pooling, reduction=reduction)  # type: ignore[arg-type]
    assert pyramid.out_channels == channels
    assert pyramid(torch.randn(2, 8, 9, 7)).shape == (2, channels, 9, 7)


def test_one_bin_spreads_the_mean_everywhere() -> None:
    x = torch.randn(2, 4, 5, 6)
    pyramid = PyramidPooling(4, bins=(1,), reduction=False)(x)
    assert torch.allclose(pyramid[:, 4:], x.mean((2, 3), keepdim=True).expand_as(x), atol=1e-6)


@pytest.mark.parametrize(("concat", "order"), [("first", "x1236"), ("last", "1236x"), ("reversed", "x6321")])
def test_order_of_the_channels(concat: str, order: str) -> None:
    x = torch.randn(1, 4, 9, 7, dtype=torch.float64)
    parts = {"x": x}
    for bins in (1, 2, 3, 6):
        pooled = F.adaptive_avg_pool2d(x, bins)
        parts[str(bins)] = F.interpolate(pooled, (9, 7), mode="bilinear", align_corners=True)
    expected = torch.cat([parts[letter] for letter in order], 1)
    ours = PyramidPooling(4, reduction=False, concat=concat)(x)  # type: ignore[arg-type]
    assert torch.allclose(ours, expected, atol=1e-12)


def test_a_level_without_norm_at_one_has_a_bias_and_relu() -> None:
    level, other = PyramidPooling(8, bins=(1, 2), norm_at_one=False).levels
    assert sorted(level.state_dict()) == ["0.bias", "0.weight"]
    assert "1.running_mean" in other.state_dict()
    assert level(torch.randn(3, 8, 1, 1)).min() >= 0


def test_a_batch_of_one_trains_at_bin_one_as_it_is_tested() -> None:
    norm = LevelNorm(3).train()
    with torch.no_grad():
        norm.running_mean.copy_(torch.tensor([1.0, 2.0, 3.0]))
        norm.running_var.copy_(torch.tensor([4.0, 4.0, 4.0]))
    before = {key: value.clone() for key, value in norm.state_dict().items()}
    x = torch.tensor([3.0, 2.0, 1.0]).view(1, 3, 1, 1)
    y = norm(x)
    assert y.flatten().tolist() == pytest.approx([1.0, 0.0, -1.0], abs=1e-5)
    assert torch.equal(y, norm.eval()(x))
    assert all(torch.equal(value, before[key]) for key, value in norm.state_dict().items())
    norm.train()(x).square().sum().backward()
    assert norm.weight.grad is not None
    assert norm.weight.grad.abs().max() > 0


def test_more_values_are_normalised_as_ever() -> None:
    ours, oracle = LevelNorm(3).train(), nn.BatchNorm2d(3).train()
    for x in (torch.randn(2, 3, 1, 1), torch.randn(1, 3, 2, 2)):
        assert torch.equal(ours(x), oracle(x))
    assert all(torch.equal(value, oracle.state_dict()[key]) for key, value in ours.state_dict().items())


def test_the_whole_pyramid_trains_on_one_photo() -> None:
    pyramid = PyramidPooling(8).train()
    pyramid(torch.randn(1, 8, 9, 7)).square().mean().backward()
    assert all(parameter.grad is not None for parameter in pyramid.parameters())


def test_bins_that_are_larger_than_the_features() -> None:
    pyramid = PyramidPooling(8)
    pyramid.check_size(6, 9)
    with pytest.raises(UsageError, match="bin 6 of the pyramid is larger than its features of 5 x 9"):
        pyramid.check_size(5, 9)


def test_unknown_pooling_and_bins_are_refused() -> None:
    with pytest.raises(UsageError, match="average or max"):
        PyramidPooling(8, pooling="median")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="first, last or reversed"):
        PyramidPooling(8, concat="middle")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="bins"):
        PyramidPooling(8, bins=(0, 2))
    with pytest.raises(UsageError, match="2 channels"):
        PyramidPooling(2)
