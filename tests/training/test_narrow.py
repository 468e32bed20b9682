"""Hidden channels that a trained network does without."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hairseg.errors import UsageError
from hairseg.net import NetConfig, PSPNet, build
from hairseg.net.hidden import hidden_channels
from hairseg.training.narrow import EVEN, measure, narrow, surgeon

WIDE = NetConfig(
    backbone="tf_efficientnet_lite0", backbone_stages=2, bins=(1, 2), decoder="fine", widths=(12, 8)
)
# The stem's 32 channels and the 96 and 144 of two blocks, the decoder's 12.
NARROW = dataclasses.replace(WIDE, backbone_hidden=(24, 80, 64), widths=(9, 8))


def trained(config: NetConfig = WIDE) -> PSPNet:
    """A network whose batch norms have seen something, so that no channel is like another."""
    torch.manual_seed(0)
    net = build(config)
    for norm in net.modules():
        if isinstance(norm, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(norm.weight, 0.5, 1.5)
            torch.nn.init.normal_(norm.bias, 0.3, 0.3)
    with torch.no_grad():
        for _ in range(30):
            net.train()(photos(1)[0])
    return net.eval()


def photos(count: int = 4) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(2, 3, 64, 64, generator=generator) for _ in range(count)]


def regression(inputs: np.ndarray, outputs: np.ndarray) -> tuple[np.ndarray, float]:
    """Least squares with a constant, by NumPy: the weights, and the error that is left."""
    with_one = np.column_stack([inputs, np.ones(len(inputs))])
    weights = np.linalg.lstsq(with_one, outputs, rcond=None)[0]
    return weights[:-1].T, float(((outputs - with_one @ weights) ** 2).sum(1).mean())


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10_000), width=st.integers(1, 5))
def test_what_is_left_is_the_best_regression_on_it(seed: int, width: int) -> None:
    random = np.random.default_rng(seed)
    inputs = random.normal(size=(200, 6)) @ random.normal(size=(6, 6)) + random.normal(size=6)
    weights, gain = random.normal(size=(3, 6)), random.uniform(0.5, 2, 3)
    outputs = inputs @ weights.T * gain
    covariance = torch.from_numpy(np.cov(inputs.T, bias=True))
    found = surgeon(torch.from_numpy(weights), covariance, [width], torch.from_numpy(gain))[width]
    best, error = regression(inputs[:, found.chosen], outputs)
    assert np.allclose(found.weights.numpy() * gain[:, None], best, atol=1e-3)
    assert found.error == pytest.approx(error / outputs.var(0).sum(), abs=1e-4)


def test_the_first_channel_to_go_is_the_one_that_costs_least() -> None:
    random = np.random.default_rng(0)
    inputs, weights = random.normal(size=(300, 5)) @ random.normal(size=(5, 5)), random.normal(size=(2, 5))
    outputs = inputs @ weights.T
    errors = [regression(np.delete(inputs, gone, 1), outputs)[1] for gone in range(5)]
    covariance = torch.from_numpy(np.cov(inputs.T, bias=True))
    chosen = surgeon(torch.from_numpy(weights), covariance, [4])[4].chosen
    assert set(range(5)) - set(chosen.tolist()) == {int(np.argmin(errors))}


def test_channels_that_say_the_same_twice_or_nothing_cost_nothing() -> None:
    random = np.random.default_rng(0)
    inputs = random.normal(size=(300, 3))
    doubled = np.column_stack([inputs, inputs[:, 0], np.zeros(300)])
    covariance = torch.from_numpy(np.cov(doubled.T, bias=True))
    found = surgeon(torch.from_numpy(random.normal(size=(2, 5))), covariance, [2, 3, 5, 7])
    assert sorted(found) == [2, 3]
    assert found[3].error < 1e-5 < 0.01 < found[2].error
    assert 4 not in found[3].chosen


def test_a_regression_on_nothing_but_constants_loses_nothing() -> None:
    assert surgeon(torch.ones(2, 3).double(), torch.zeros(3, 3).double(), [1])[1].error == 0


def test_the_moments_are_weighted_by_what_hangs_on_a_place() -> None:
    net = trained()
    first = hidden_channels(net)[0]
    seen: list[torch.Tensor] = []
    hook = first.reader[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
    batches = [photo[:, :, :32, :32] for photo in photos(2)]
    found = measure(net, [first], batches)[first.name]
    hook.remove()
    # A second implementation: the same labels, the gradient by a perturbation that is added to the reader's output.
    generator = torch.Generator().manual_seed(0)
    weights, squares = [], torch.zeros(16, dtype=torch.float64)
    for batch in batches:
        added = torch.zeros(2, 16, 16, 16, requires_grad=True)
        hook = first.reader[0].register_forward_hook(lambda _, given, made, added=added: made + added)
        logits = net(batch)
        hook.remove()
        labels = (torch.rand(2, 1, 32, 32, generator=generator) < logits.detach().sigmoid()).float()
        likelihood = torch.where(labels == 1, logits.sigmoid(), 1 - logits.sigmoid()).log().sum()
        (gradient,) = torch.autograd.grad(likelihood, added)
        each = gradient.square().sum(1).flatten()
        weights.append(each + EVEN * each.mean())
        squares += gradient.square().sum((0, 2, 3)).double()
    rows = torch.cat([values.movedim(1, -1).flatten(0, 2) for values in seen]).double()
    assert len(rows) == 2 * 2 * 16 * 16  # fewer than what is looked at: all of it
    weight = torch.cat(weights).double().numpy()
    mean = np.average(rows.numpy(), axis=0, weights=weight)
    assert np.allclose(found.mean.numpy(), mean, rtol=1e-3, atol=1e-4)
    expected = np.cov(rows.numpy().T, bias=True, aweights=weight)
    assert np.allclose(found.covariance.numpy(), expected, rtol=1e-2, atol=1e-3)
    assert torch.allclose(found.outputs, squares / squares.sum(), rtol=1e-3, atol=1e-5)
    assert found.information == pytest.approx(float(squares.sum()) / 2 / 4, rel=1e-3)


def test_what_moves_the_answer_is_told_in_nats() -> None:
    """A small step of one output, against the divergence of the answers before and after it."""
    net = trained()
    first = hidden_channels(net)[0]
    batches = photos(8)
    known = measure(net, [first], batches)[first.name]
    random = torch.Generator().manual_seed(3)
    told, seen = 0.0, 0.0
    for batch in batches:
        step = 0.02 * torch.randn(2, 16, 32, 32, generator=random)
        with torch.inference_mode():
            before = torch.distributions.Bernoulli(logits=net(batch))
            hook = first.reader[0].register_forward_hook(lambda _, given, made, step=step: made + step)
            after = torch.distributions.Bernoulli(logits=net(batch))
            hook.remove()
        seen += float(torch.distributions.kl_divergence(before, after).sum()) / 2
        told += known.information * 0.02**2
    assert told == pytest.approx(seen, rel=0.5)


def test_places_on_which_nothing_hangs_count_alike() -> None:
    net = trained()
    with torch.no_grad():
        net.head.weight.zero_()
    first = hidden_channels(net)[0]
    seen: list[torch.Tensor] = []
    hook = first.reader[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
    found = measure(net, [first], [photos(1)[0][:, :, :32, :32]])[first.name]
    hook.remove()
    rows = seen[0].movedim(1, -1).flatten(0, 2).double()
    assert torch.allclose(found.covariance, torch.cov(rows.T, correction=0), atol=1e-6)
    assert found.outputs.tolist() == [1 / 16] * 16
    assert found.information == 0


def test_a_narrower_network_says_nearly_the_same() -> None:
    wide, net = trained(), build(NARROW).eval()
    # A channel is a copy of another, where as many go as can: those are found, and nothing is lost.
    with torch.no_grad():
        for one, width in zip(hidden_channels(wide), (24, 80, 64, 9, 9), strict=True):
            copies = torch.arange(one.width) % width
            for conv, norm in (*one.makers, one.depthwise):
                conv.weight.copy_(conv.weight[copies])
                for values in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
                    values.copy_(values[copies])  # type: ignore[union-attr, index]
    with torch.inference_mode():
        before = wide(photos(1)[0])
    lost = narrow(wide, net, photos())
    with torch.inference_mode():
        after = net(photos(1)[0])
    assert list(lost) == [one.name for one in hidden_channels(net)]
    assert max(lost.values()) < 1e-4
    assert (before - after).abs().max() < 0.02 * before.std()
    assert [one.width for one in hidden_channels(net)] == [24, 80, 64, 9, 9]


def test_what_is_lost_keeps_its_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hairseg.training.narrow.EVEN", 1e9)  # so that all places count alike
    wide, net = trained(), build(dataclasses.replace(WIDE, backbone_hidden=(8, 96, 144))).eval()
    reader = hidden_channels(wide)[0].reader[1]
    outputs: list[torch.Tensor] = []

    def mean_of(network: PSPNet) -> torch.Tensor:
        hook = (
            hidden_channels(network)[0].reader[1].register_forward_hook(lambda *seen: outputs.append(seen[2]))
        )
        with torch.inference_mode():
            for photo in photos():
                network(photo[:, :, :48, :48])
        hook.remove()
        means = torch.cat(outputs).mean((0, 2, 3))
        outputs.clear()
        return means

    before = mean_of(wide)
    assert reader.num_features == 16
    lost = narrow(wide, net, [torch.cat(photos())[:, :, :48, :48]])
    assert list(lost) == ["backbone.body.blocks.0.0.conv_dw"]
    assert 0.001 < lost["backbone.body.blocks.0.0.conv_dw"] < 0.9
    assert torch.allclose(mean_of(net), before, atol=1e-3)


def test_channels_are_taken_away_and_never_added() -> None:
    said = r"blocks\.0\.0\.conv_dw has 32 channels, and what training starts from 24: channels can"
    with pytest.raises(UsageError, match=said):
        narrow(trained(NARROW), build(WIDE), photos(1))


def test_networks_of_other_blocks_are_refused() -> None:
    other = dataclasses.replace(WIDE, backbone_without=("1.1",))
    with pytest.raises(UsageError, match="has other blocks: it may differ in hidden channels alone"):
        narrow(trained(), build(other), photos(1))


def test_only_these_networks_have_hidden_channels() -> None:
    assert hidden_channels(build(NetConfig())) == []
    plain = NetConfig(backbone="resnet18", backbone_stages=2, bins=(1,), decoder="paper", head_width=8)
    assert hidden_channels(build(plain)) == []
    names = [one.name for one in hidden_channels(build(WIDE))]
    assert names[-2:] == ["decoder.reduce.3.0", "decoder.steps.0.0"]
