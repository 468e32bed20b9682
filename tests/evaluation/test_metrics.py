import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchmetrics.classification import BinaryAccuracy, BinaryF1Score, BinaryJaccardIndex

from hairseg.evaluation.metrics import (
    THRESHOLDS,
    Counts,
    count,
    cross_entropy,
    f1_from_iou,
    per_photo,
    pooled,
    sweep,
)

from .conftest import UNTIMED

TRUTH = np.array(
    [
        [0, 0, 0, 0, 0],
        [0, 1, 1, 1, 0],
        [0, 1, 1, 1, 0],
        [0, 0, 1, 0, 0],
        [0, 0, 0, 0, 255],
    ],
    np.uint8,
)
MASK = np.array(
    [
        [0, 0, 1, 0, 0],
        [0, 1, 1, 0, 0],
        [0, 1, 1, 0, 0],
        [0, 0, 1, 0, 0],
        [1, 0, 0, 0, 1],
    ],
    bool,
)

photos = st.integers(0, 2**32 - 1).map(
    lambda seed: (
        (rng := np.random.default_rng(seed)).random((7, 9), dtype=np.float32),
        rng.choice(np.array([0, 1, 255], np.uint8), (7, 9), p=[0.6, 0.3, 0.1]),
    )
)


def test_counts_of_a_literal_mask():
    counts = count(MASK, TRUTH)
    assert counts == Counts(tp=5, fp=2, fn=2, tn=15)
    assert (counts.total, counts.iou, counts.f1) == (24, 5 / 9, 10 / 14)
    assert counts.accuracy == 20 / 24
    assert counts.background_iou == 15 / 19


@pytest.mark.parametrize(
    ("counts", "iou"),
    [(Counts(tn=9), 1.0), (Counts(fp=1, tn=8), 0.0), (Counts(fn=1, tn=8), 0.0), (Counts(tp=9), 1.0)],
)
def test_photos_without_hair(counts, iou):
    assert counts.iou == counts.f1 == iou


@UNTIMED
@given(st.lists(photos, min_size=1, max_size=4), st.randoms())
def test_pooled_counts_ignore_the_order_of_photos(data, random):
    counts = [count(probability >= 0.5, truth) for probability, truth in data]
    shuffled = random.sample(counts, len(counts))
    assert pooled(counts) == pooled(shuffled)
    assert pooled(counts).total == sum(one.total for one in counts)


@UNTIMED
@given(photos, st.permutations(range(63)))
def test_counts_ignore_the_order_of_pixels(photo, order):
    probability, truth = photo
    shuffled = truth.ravel()[order].reshape(truth.shape)
    moved = probability.ravel()[order].reshape(truth.shape)
    assert count(probability >= 0.5, truth) == count(moved >= 0.5, shuffled)
    assert cross_entropy(probability, truth) == pytest.approx(cross_entropy(moved, shuffled))


@UNTIMED
@given(*[st.integers(0, 10**9)] * 4)
def test_f1_and_iou_are_one_number(tp, fp, fn, tn):
    counts = Counts(tp, fp, fn, tn)
    assert counts.f1 == pytest.approx(f1_from_iou(counts.iou), abs=1e-12)


@UNTIMED
@given(photos)
def test_sweep_equals_thresholding_one_by_one(photo):
    probability, truth = photo
    probability = np.where(probability > 0.8, np.round(probability, 1), probability).astype(np.float32)
    rows = sweep(probability, truth)
    for threshold, row in zip(THRESHOLDS, rows, strict=True):
        assert row == count(probability >= threshold, truth)
    assert rows[0].fn == rows[0].tn == 0


@UNTIMED
@given(photos, st.sampled_from([0.2, 0.5, 0.7]))
def test_agrees_with_torchmetrics(photo, threshold):
    probability, truth = photo
    truth[0, 0] = 1  # torchmetrics calls nothing-of-nothing 0, this package 1
    counts = count(probability >= threshold, truth)
    predicted, target = (
        torch.from_numpy((probability >= threshold).astype(int)),
        torch.from_numpy(truth.astype(int)),
    )
    for metric, mine in [
        (BinaryJaccardIndex(ignore_index=255), counts.iou),
        (BinaryF1Score(ignore_index=255), counts.f1),
        (BinaryAccuracy(ignore_index=255), counts.accuracy),
    ]:
        assert mine == pytest.approx(metric(predicted, target).item(), abs=1e-6)


def test_pooled_counts_agree_with_torchmetrics_over_batches():
    rng = np.random.default_rng(3)
    metric, counts = BinaryJaccardIndex(), []
    for size in (5, 17, 40):
        mask, truth = rng.random((size, size)) > 0.4, (rng.random((size, size)) > 0.7).astype(np.uint8)
        metric.update(torch.from_numpy(mask.astype(int)), torch.from_numpy(truth.astype(int)))
        counts.append(count(mask, truth))
    assert pooled(counts).iou == pytest.approx(metric.compute().item(), abs=1e-6)


@UNTIMED
@given(photos)
def test_cross_entropy_agrees_with_torch(photo):
    probability, truth = photo
    valid = truth != 255
    truth[0, 0] = 0
    valid[0, 0] = True
    expected = torch.nn.functional.binary_cross_entropy(
        torch.from_numpy(probability[valid]).double().clamp(1e-7, 1 - 1e-7),
        torch.from_numpy((truth[valid] == 1).astype(float)),
    )
    assert cross_entropy(probability, truth) == pytest.approx(expected.item(), rel=1e-5)


def test_cross_entropy_of_a_sure_mistake_is_finite():
    assert cross_entropy(np.zeros((1, 2), np.float32), np.ones((1, 2), np.uint8)) == pytest.approx(
        16.118, rel=1e-3
    )


def test_per_photo():
    spread = per_photo([1.0, 0.5, 0.9, 0.8, 0.7])
    assert (spread.mean, spread.median, spread.worst) == (pytest.approx(0.78), 0.8, 0.5)
    assert spread.p5 == pytest.approx(0.54)
