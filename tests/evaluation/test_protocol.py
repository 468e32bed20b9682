from dataclasses import replace

import numpy as np
import pytest

from hairseg.data import DataSet, open_data, read_item
from hairseg.evaluation.bootstrap import interval
from hairseg.evaluation.metrics import Counts, count, pooled
from hairseg.evaluation.protocol import FIGARO_DUPLICATES, evaluate, peak_memory, to_grey
from hairseg.evaluation.scores import Cost, pooled_share

from .conftest import red_is_hair


@pytest.fixture(scope="module")
def report(toy_data, toy_negatives):
    return evaluate(red_is_hair, toy_data, model="red", negatives=toy_negatives, legacy=True)


def test_every_photo_has_the_counts_of_its_shifted_mask(report):
    # A block of 20 x 30 true pixels, found k rows too low.
    shifts = [Counts(600 - 30 * k, 30 * k, 30 * k, (40 + 10 * k) * 50 - 600 - 30 * k) for k in range(4)]
    assert [photo.counts for photo in report.photos] == shifts
    assert report.counts == pooled(shifts)
    assert report.counts.iou == pytest.approx(2220 / 2580)
    assert report.interval == interval(shifts)
    assert report.per_photo.worst == pytest.approx(510 / 690)
    assert report.worst.name == "test/images/Frame00991-org.png"


def test_styles_are_pooled_one_by_one(report):
    assert list(report.styles) == ["straight", "kinky", "short-men"]
    assert report.styles["straight"] == report.photos[0].counts + report.photos[1].counts


def test_boundary_and_loss_are_means_over_photos(report, toy_data):
    assert report.photos[0].boundary == report.photos[1].boundary == 1
    assert report.boundary == pytest.approx(np.mean([photo.boundary for photo in report.photos]))
    photo, truth = read_item(toy_data.items[0])
    sure = np.where(truth == 1, red_is_hair(photo), 1 - red_is_hair(photo))
    assert report.photos[0].loss == pytest.approx(-np.log(sure).mean(), rel=1e-5)
    assert report.loss == pytest.approx(np.mean([photo.loss for photo in report.photos]))


def test_grey_photos_have_no_red(report, toy_data):
    # Every grey pixel is at 0.5 exactly, so all of it is called hair.
    assert all(photo.grey.fn == photo.grey.tn == 0 for photo in report.photos)
    assert report.grey.value == pytest.approx(pooled(p.grey for p in report.photos).iou - report.counts.iou)
    assert report.grey.settled
    photo, _ = read_item(toy_data.items[0])
    grey = to_grey(photo)
    assert grey.shape == photo.shape
    assert grey.dtype == np.uint8
    assert (grey == grey[..., :1]).all()
    luma = photo @ np.array([0.299, 0.587, 0.114])
    assert np.abs(grey[..., 0] - luma).max() <= 1


def test_duplicates_are_known_in_the_test_split_of_figaro_only(report, toy_data):
    assert report.duplicates == ("test/images/Frame00090-org.png",)
    assert len(report.without_duplicates) == 3
    elsewhere = evaluate(red_is_hair, replace(toy_data, name="other:test"))
    assert elsewhere.duplicates == ()
    assert len(elsewhere.without_duplicates) == 4


def test_hair_without_people(report):
    assert [(area.pixels, area.found) for area in report.negatives] == [(400, 10), (800, 0)]
    assert report.scores()["hair_without_people"] == (10 / 400 + 0) / 2


@pytest.mark.parametrize(("value", "share"), [(0.0, 0.0), (1.0, 1.0)])
def test_beards_count_on_marked_photos_only(toy_data, value, share):
    report = evaluate(lambda photo: np.full(photo.shape[:2], value, np.float32), toy_data)
    assert [area.name for area in report.beards] == [
        "test/images/Frame00558-org.png",
        "test/images/Frame00991-org.png",
    ]
    assert all(area.pixels > 0 for area in report.beards)
    assert pooled_share(report.beards) == share


@pytest.mark.parametrize("step", range(11))
def test_a_row_of_the_threshold_table_is_an_evaluation_at_that_threshold(report, toy_data, step):
    threshold, counts = report.thresholds[step]
    assert threshold == step / 10
    assert evaluate(red_is_hair, toy_data, threshold=threshold).counts == counts


def test_order_of_photos_changes_no_score(report, toy_data, toy_negatives):
    turned = evaluate(red_is_hair, DataSet(toy_data.name, toy_data.items[::-1]), negatives=toy_negatives)
    same = {
        "iou",
        "f1",
        "accuracy",
        "loss",
        "per_photo_p5",
        "boundary_f",
        "grey_difference",
        "hair_on_beards",
    }
    for key in same:
        assert turned.scores()[key] == pytest.approx(report.scores()[key])
    assert turned.styles == {name: report.styles[name] for name in turned.styles}


def test_ignored_pixels_count_nowhere(tmp_path, toy_data):
    photo, truth = read_item(toy_data.items[3])
    from PIL import Image

    from hairseg.classes import unnamed
    from hairseg.data.labels import Labels

    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    Image.fromarray(photo).save(tmp_path / "images" / "a.png")
    truth[red_is_hair(photo) < 0.5] = 255
    Image.fromarray(truth).save(tmp_path / "masks" / "a.png")
    item = replace(open_data(f"folder:{tmp_path}").items[0], labels=Labels(unnamed(2)))
    report = evaluate(red_is_hair, DataSet("one", (item,)))
    assert report.counts == Counts(tp=510, fp=90)
    assert (
        report.boundary == 0
    )  # what is left of the truth has a boundary, what is left of the prediction none


def test_legacy_protocols_are_named_and_scored(report, toy_data):
    native, square, padded = report.legacy
    assert (native.name, square.name, padded.name) == (
        "native size",
        "256 px square",
        "padded to a multiple of 32",
    )
    assert native.counts == report.counts
    assert native.mean_iou == pytest.approx(report.per_photo.mean)
    assert native.two_class_iou == (report.counts.iou + report.counts.background_iou) / 2
    assert square.counts.total == 4 * 256 * 256
    assert square.counts.iou == pytest.approx(report.photos[0].counts.iou, abs=0.15)
    # 40 and 50 become 64, 60 becomes 64, 70 becomes 96, all by 64. Black is neither red nor green: all hair.
    assert padded.counts.total == 64 * (64 + 64 + 64 + 96)
    assert padded.counts.fp == report.counts.fp + padded.counts.total - report.counts.total
    assert evaluate(red_is_hair, toy_data).legacy == ()


def test_cost_keeps_what_is_known(toy_data):
    report = evaluate(red_is_hair, toy_data, cost=Cost(parameters=7, threads=2))
    assert (report.cost.parameters, report.cost.threads, report.cost.file_bytes) == (7, 2, None)
    assert report.cost.peak_memory == pytest.approx(peak_memory(), rel=0.1)
    assert report.cost.peak_memory > 10e6
    assert 0 < report.milliseconds < 1000


def test_progress_is_told_of_each_photo(toy_data, toy_negatives):
    seen = []
    evaluate(red_is_hair, toy_data, negatives=toy_negatives, progress=lambda: seen.append(1))
    assert len(seen) == 6


@pytest.mark.parametrize(
    "wrong",
    [
        lambda photo: np.zeros((3, 3), np.float32),
        lambda photo: np.full(photo.shape[:2], 1.5, np.float32),
        lambda photo: np.full(photo.shape[:2], np.nan, np.float32),
    ],
)
def test_what_is_no_probability_is_refused(toy_data, wrong):
    with pytest.raises(ValueError, match=r"\(H, W\) in \[0, 1\] is expected"):
        evaluate(wrong, toy_data)


@pytest.mark.data
def test_duplicates_are_those_of_the_split_lists(real_figaro):
    official = open_data(f"figaro1k:{real_figaro}", "test")
    clean = open_data(f"figaro1k:{real_figaro}", "test206_noleak")
    lost = {item.photo.stem for item in official.items} - {item.photo.stem for item in clean.items}
    assert lost == FIGARO_DUPLICATES


@pytest.mark.data
def test_predicting_no_hair_is_mostly_right(real_figaro):
    truths = (read_item(item)[1] for item in open_data(f"figaro1k:{real_figaro}", "test").items)
    total = pooled(count(np.zeros(truth.shape, bool), truth) for truth in truths)
    assert total.accuracy == pytest.approx(0.706, abs=0.0005)
    assert total.iou == 0
