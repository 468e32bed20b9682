"""benchmarks/scaling.py: the plan's numbers, by hand."""

from __future__ import annotations

import argparse
from types import ModuleType

import pytest

from hairseg.training.recipe import Recipe
from scripts import load_script

FAST = {"per_gpu": 2, "node": 8, "inside": 100.0, "between": 10.0, "message_us": 10.0, "far_us": 30.0}


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return load_script("scaling")


def test_a_step_on_many_gpus_by_hand(script: ModuleType) -> None:
    load = script.Load(parameters=50_000_000, channels=(100,) * 10, operations=0)
    wishes = argparse.Namespace(**FAST, overlap=0.9)
    # 16 GPUs: 2 * 15/16 * 200 MB over 10 GB/s; the backward pass of 2 * 30 ms hides 0.9 * 40 ms of it.
    row = script.row(load, 16, 0.030, wishes)
    assert (row.batch, row.reduced) == (32, pytest.approx(375e6))
    assert row.gradients == pytest.approx(0.0375)
    # 20 messages, one hop inside and one between, and 2 * 10 * 401 numbers of 4 bytes.
    assert row.norms == pytest.approx(20 * 40e-6 + 2 * 10 * 401 * 4 / 10e9)
    assert row.waiting == pytest.approx(row.norms + 0.0015)
    assert row.efficiency == pytest.approx(0.060 / (0.060 + row.waiting))
    assert row.speed == pytest.approx(32 / row.step)
    alone, machine = script.row(load, 1, 0.030, wishes), script.row(load, 8, 0.030, wishes)
    assert (alone.waiting, alone.efficiency) == (0, 1)
    assert machine.gradients == pytest.approx(2 * 7 / 8 * 200e6 / 100e9)
    assert machine.waiting == machine.norms


def test_a_network_is_counted(script: ModuleType, recipe: Recipe) -> None:
    from hairseg.net import build

    net = build(recipe.net)
    load = script.load_of(recipe, 64)
    assert load.parameters == sum(one.numel() for one in net.parameters())
    assert sum(load.channels) * 2 == sum(
        module.weight.numel() + module.bias.numel()
        for module in net.modules()
        if hasattr(module, "running_mean")
    )
    assert load.operations > 0
