from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchmetrics.functional.classification import (
    multiclass_accuracy,
    multiclass_confusion_matrix,
    multiclass_jaccard_index,
)

from hairseg.classes import IGNORE
from hairseg.evaluation.confusion import Confusion, cross_entropy


def pixels(*values: int) -> np.ndarray:
    return np.array([values], np.uint8)


def test_by_hand() -> None:
    truth = pixels(0, 0, 0, 1, 1, 2, IGNORE, IGNORE)
    labels = pixels(0, 0, 1, 1, 3, 2, 0, 3)
    found = Confusion.of(labels, truth, 5)
    assert found.pixels.tolist() == [
        [2, 1, 0, 0, 0],
        [0, 1, 0, 1, 0],
        [0, 0, 1, 0, 0],
        [0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0],
    ]
    # Class 3 is only predicted and counts 0; class 4 is nowhere and is left out.
    np.testing.assert_allclose(found.iou, [2 / 3, 1 / 3, 1, 0, np.nan])
    np.testing.assert_allclose(found.recall, [2 / 3, 1 / 2, 1, 0, np.nan])
    assert found.mean_iou == pytest.approx((2 / 3 + 1 / 3 + 1) / 4)
    assert found.mean_accuracy == pytest.approx((2 / 3 + 1 / 2 + 1) / 4)
    assert found.accuracy == pytest.approx(4 / 6)
    assert found.present.tolist() == [True, True, True, True, False]


def test_nothing_counts_where_everything_is_ignored() -> None:
    found = Confusion.of(pixels(0, 1), pixels(IGNORE, IGNORE), 2)
    assert (found.mean_iou, found.accuracy, found.mean_accuracy) == (1, 1, 1)
    assert np.isnan(found.iou).all()


@given(st.integers(2, 7), st.integers(0, 10_000), st.floats(0, 1), st.integers(1, 3))
def test_torchmetrics_agrees(classes: int, seed: int, ignored: float, photos: int) -> None:
    generator = np.random.default_rng(seed)
    shape = (photos, 5, 6)
    # Fewer classes in the truth than there are, so that some are absent.
    truth = generator.integers(0, generator.integers(1, classes + 1), shape).astype(np.uint8)
    labels = generator.integers(0, generator.integers(1, classes + 1), shape).astype(np.uint8)
    truth[generator.random(shape) < ignored] = IGNORE
    truth[0, 0, 0] = 0
    total = Confusion(np.zeros((classes, classes), np.int64))
    for one, other in zip(labels, truth, strict=True):
        total += Confusion.of(one, other, classes)
    given_ = (torch.from_numpy(labels).long(), torch.from_numpy(truth).long(), classes)
    matrix = multiclass_confusion_matrix(*given_, ignore_index=IGNORE)
    assert total.pixels.tolist() == matrix.tolist()

    def jaccard(average: str) -> torch.Tensor:
        return multiclass_jaccard_index(*given_, average=average, ignore_index=IGNORE)

    assert total.mean_iou == pytest.approx(jaccard("macro").item(), abs=1e-6)
    np.testing.assert_allclose(np.nan_to_num(total.iou), jaccard("none").numpy(), atol=1e-6)
    for ours, average in ((total.accuracy, "micro"), (total.mean_accuracy, "macro")):
        theirs = multiclass_accuracy(*given_, average=average, ignore_index=IGNORE)
        assert ours == pytest.approx(theirs.item(), abs=1e-6)


def test_cross_entropy_is_torchs() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(1, 4, 5, 6, generator=generator)
    truth = torch.randint(0, 4, (1, 5, 6), generator=generator)
    truth[0, 1:3] = IGNORE
    band = torch.softmax(logits, 1)[0].numpy()
    nats, count = cross_entropy(band, truth[0].numpy().astype(np.uint8))
    expected = torch.nn.functional.cross_entropy(logits, truth, ignore_index=IGNORE)
    assert count == 18
    assert nats / count == pytest.approx(expected.item(), rel=1e-5)
