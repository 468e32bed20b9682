"""benchmarks/pyramid_figure.py: it finds the levels of what is packaged."""

from __future__ import annotations

import numpy as np
import pytest

from scripts import load_script


@pytest.mark.parametrize("name", ["hairseg", "pspnet_squeezenet1_1"])
def test_levels_are_found_by_the_grids_that_they_have(name: str) -> None:
    pytest.importorskip("onnx")
    script = load_script("pyramid_figure")
    net = script.OpenPyramid(name)
    canvas = np.random.default_rng(0).integers(0, 256, (128, 160, 3), np.uint8)
    whole, tensors = net.run(canvas)
    assert net.bins(tensors) == [1, 2, 3, 6]
    for number in range(4):
        without, seen = net.run(canvas, (number,))
        assert not np.array_equal(without, whole)
        assert all(np.array_equal(seen[level.pooled], tensors[level.pooled]) for level in net.levels)
