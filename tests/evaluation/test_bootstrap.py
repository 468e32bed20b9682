import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hairseg.evaluation.bootstrap import difference, interval
from hairseg.evaluation.metrics import Counts, pooled

from .conftest import UNTIMED

some = st.builds(Counts, *[st.integers(0, 10**6)] * 4)


@UNTIMED
@given(st.lists(some, min_size=1, max_size=30))
def test_interval_contains_the_point_estimate(counts):
    found = interval(counts, resamples=500)
    assert found.low - 1e-12 <= pooled(counts).iou <= found.high + 1e-12
    assert 0 <= found.low <= found.high <= 1


@UNTIMED
@given(some, st.integers(1, 20))
def test_equal_photos_leave_no_chance(one, photos):
    found = interval([one] * photos, resamples=50)
    assert found.low == pytest.approx(one.iou)
    assert found.high == pytest.approx(one.iou)


def test_interval_is_that_of_resampling_with_a_loop():
    rng = np.random.default_rng(5)
    counts = [Counts(*map(int, rng.integers(1, 1000, 4))) for _ in range(40)]
    ious = [pooled([counts[k] for k in rng.integers(0, 40, 40)]).iou for _ in range(4000)]
    found = interval(counts, resamples=4000)
    assert (found.low, found.high) == pytest.approx(np.percentile(ious, [2.5, 97.5]), abs=0.005)


def test_the_same_seed_gives_the_same_interval():
    counts = [Counts(5, 1, 2, 9), Counts(7, 0, 1, 3), Counts(1, 8, 1, 3)]
    assert interval(counts) == interval(counts)
    assert interval(counts, resamples=21) != interval(counts, resamples=21, seed=1)


@UNTIMED
@given(st.lists(some, min_size=1, max_size=20))
def test_difference_to_oneself_is_nothing(counts):
    found = difference(counts, counts, resamples=50)
    assert (found.value, found.low, found.high, found.settled) == (0, 0, 0, False)


def test_pairing_sees_a_small_gain_that_two_intervals_cannot():
    rng = np.random.default_rng(0)
    first = [Counts(tp, 1000 - tp, 0, 0) for tp in map(int, rng.integers(300, 980, 60))]
    second = [Counts(one.tp + 10, one.fp - 10, 0, 0) for one in first]
    gain = difference(first, second)
    assert gain.value == pytest.approx(0.01)
    assert gain.settled
    assert not difference(second, second[::-1]).settled
    assert interval(first).high > interval(second).low


def test_difference_needs_the_same_photos():
    with pytest.raises(ValueError, match="same photos: 1 and 2"):
        difference([Counts(1)], [Counts(1), Counts(2)])
