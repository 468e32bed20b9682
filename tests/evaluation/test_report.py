import json
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hairseg.errors import DataError
from hairseg.evaluation.bootstrap import difference
from hairseg.evaluation.metrics import Counts, f1_from_iou
from hairseg.evaluation.report import Report, compare
from hairseg.evaluation.scores import Area, Cost, Legacy, PhotoScore, mean_share, pooled_share

from .conftest import UNTIMED


def random_report(seed):
    """A report of up to four photos, each part there or not."""
    random = Random(seed)

    def number():
        return random.choice([0, random.randrange(10**6)])

    def counts():
        return Counts(number(), number(), number(), number())

    def areas():
        return tuple(Area(f"né|{k}", "kinky", number(), number()) for k in range(random.randrange(3)))

    names = random.choice([(), ("sideways", "crowd")])
    photos = tuple(
        PhotoScore(
            f"{k}.jpg",
            random.choice(["", "straight", "kinky"]),
            counts(),
            counts(),
            *(random.random() for _ in "abc"),
            {name: counts() for name in names},
        )
        for k in range(random.randrange(1, 5))
    )
    return Report(
        data="toy:test",
        model=random.choice(["", "m"]),
        threshold=random.random(),
        photos=photos,
        thresholds=tuple((random.random(), counts()) for _ in range(3)),
        beards=areas(),
        negatives=areas(),
        legacy=tuple(Legacy("old", counts(), random.random()) for _ in range(random.randrange(3))),
        cost=Cost(*(random.choice([None, number()]) for _ in range(5))),
    )


reports = st.integers(0, 2**32).map(random_report)


@UNTIMED
@given(reports)
def test_json_round_trip(report):
    assert Report.from_dict(json.loads(json.dumps(report.to_dict()))) == report


@UNTIMED
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


def test_four_places_of_a_score_are_those_of_the_pixels():
    # 0.9314496: by way of six places, 0.931450, it would be printed as 0.9315.
    counts = Counts(9_314_496, 685_504, 0, 100)
    report = replace(random_report(0), photos=(replace(random_report(0).photos[0], counts=counts),))
    assert f"{counts.iou:.4f}" == "0.9314"
    assert f"{report.scores()['iou']:.4f}" == "0.9314"


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


def test_shares_are_pooled_over_pixels_or_averaged_over_photos():
    areas = [Area("a", "", 100, 10), Area("b", "", 300, 0)]
    assert pooled_share(areas) == 0.025
    assert mean_share(areas) == 0.05
    assert pooled_share([]) == mean_share([]) == Area("a", "", 0, 0).share == 0


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
