import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hairseg.errors import DataError
from hairseg.evaluation.bootstrap import difference
from hairseg.evaluation.metrics import Counts, f1_from_iou
from hairseg.evaluation.report import Report, compare
from hairseg.evaluation.scores import Area, Cost, Legacy, PhotoScore, pooled_share

pixels = st.integers(0, 10**6)
counts = st.builds(Counts, pixels, pixels, pixels, pixels)
names = st.text(min_size=1, max_size=8)
shares = st.floats(0, 1)
photos = st.builds(
    PhotoScore, names, st.sampled_from(["", "straight", "kinky"]), counts, counts, shares, shares, shares
)
areas = st.builds(Area, names, names, pixels, pixels)
optional = st.none() | pixels
reports = st.builds(
    Report,
    data=names,
    model=names,
    threshold=shares,
    photos=st.lists(photos, min_size=1, max_size=4, unique_by=lambda photo: photo.name).map(tuple),
    thresholds=st.lists(st.tuples(shares, counts), max_size=3).map(tuple),
    duplicates=st.just(()),
    beards=st.lists(areas, max_size=2).map(tuple),
    negatives=st.lists(areas, max_size=2).map(tuple),
    legacy=st.lists(st.builds(Legacy, names, counts, shares), max_size=2).map(tuple),
    cost=st.builds(Cost, optional, optional, optional, optional, optional),
)


@given(reports)
def test_json_round_trip(report):
    assert Report.from_dict(json.loads(json.dumps(report.to_dict()))) == report


@given(reports)
def test_scores_are_flat_numbers_that_agree_with_each_other(report):
    scores = report.scores()
    assert all(isinstance(value, float) for value in scores.values())
    assert scores["f1"] == pytest.approx(f1_from_iou(scores["iou"]), abs=2e-5)
    assert scores["iou_low"] <= scores["iou_high"]
    assert scores["per_photo_worst"] <= scores["per_photo_p5"] <= scores["per_photo_median"]
    assert ("hair_on_beards" in scores) == bool(report.beards)
    assert {key for key in scores if key in ("iou_straight", "iou_kinky")} == {
        f"iou_{photo.style}" for photo in report.photos if photo.style
    }


def photo(name, tp, fp=10, fn=20, tn=100, style="straight"):
    return PhotoScore(name, style, Counts(tp, fp, fn, tn), Counts(tp, fp, fn, tn), 0.1, 0.8, 3.0)


def report_of(*photos, model="a"):
    return Report("toy", model, 0.5, photos, ((0.5, Counts(1, 1, 1, 1)), (0.6, Counts(2, 1, 1, 1))))


def test_compare_pairs_photos_by_name():
    first = report_of(photo("x", 50, fn=20), photo("y", 80, fn=20))
    second = report_of(photo("y", 90, fn=10), photo("x", 60, fn=10), model="b")
    gain = compare(first, second)
    assert gain == difference(
        [p.counts for p in first.photos], [second.photos[1].counts, second.photos[0].counts]
    )
    assert gain.value == pytest.approx(150 / 190 - 130 / 190)
    assert gain.settled
    assert compare(first, first).value == 0


@pytest.mark.parametrize(
    "other",
    [
        report_of(photo("x", 50), model="b"),
        report_of(photo("x", 50), photo("z", 80), model="b"),
        report_of(photo("x", 50), photo("y", 81), model="b"),  # one more pixel of true hair
    ],
)
def test_compare_refuses_other_photos(other):
    first = report_of(photo("x", 50), photo("y", 80))
    with pytest.raises(DataError, match=r"reports of a and b cannot be compared: [yz] is not in both"):
        compare(first, other)


def test_best_threshold_is_that_of_the_highest_iou():
    assert report_of(photo("x", 50)).best_threshold == (0.6, Counts(2, 1, 1, 1))


def test_duplicates_leave_the_clean_score():
    report = replace(report_of(photo("x", 50), photo("y", 80)), duplicates=("y",))
    assert report.scores()["iou_without_duplicates"] == 50 / 80


def test_shares_are_pooled_over_pixels():
    assert pooled_share([Area("a", "", 100, 10), Area("b", "", 300, 0)]) == 0.025
    assert pooled_share([]) == Area("a", "", 0, 0).share == 0


@pytest.mark.parametrize(
    "change",
    [
        {"protocol": "padded"},
        {"format": 2},
        {"photos": [{"name": "x"}]},
        {"cost": None},
        {"thresholds": [{"threshold": 0.5}]},
    ],
)
def test_what_is_no_report_is_refused(change):
    values = report_of(photo("x", 50)).to_dict() | change
    with pytest.raises(DataError, match="no report that can be read"):
        Report.from_dict(values)
