import re
from dataclasses import replace

import pytest

from hairseg.evaluation.bootstrap import Difference
from hairseg.evaluation.metrics import pooled
from hairseg.evaluation.protocol import evaluate
from hairseg.evaluation.scores import Cost
from hairseg.evaluation.tables import (
    cost,
    legacy,
    markdown,
    points,
    report_text,
    side_by_side,
    styles,
    styles_side_by_side,
    thresholds,
)

from .conftest import red_is_hair


@pytest.fixture(scope="module")
def report(toy_data, toy_negatives):
    return evaluate(red_is_hair, toy_data, model="red", negatives=toy_negatives, legacy=True)


def cells(table):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]


def test_markdown_is_aligned_and_names_cannot_break_it():
    table = markdown(["a", "longer"], [["x|y", "1"], ["", "22"]])
    assert table.splitlines() == [
        "| a   | longer |",
        "|-----|--------|",
        "| x/y | 1      |",
        "|     | 22     |",
    ]


def test_the_text_holds_every_number_of_the_protocol(report):
    text = report_text(report)
    assert text.startswith("## red on figaro1k:test\n\n4 photos at their own size, threshold 0.5\n")
    spread, chance = report.per_photo, report.interval
    clean = pooled(photo.counts for photo in report.without_duplicates)
    numbers = [report.counts.iou, report.counts.f1, report.counts.accuracy, report.loss, report.boundary]
    numbers += [spread.mean, spread.median, spread.p5, spread.worst, chance.low, chance.high, clean.iou]
    assert [number for number in numbers if f"{number:.4f}" not in text] == []
    assert "3 photos without duplicates" in text
    assert "hair found on beards, 2 photos" in text
    assert re.search(r"hair on photos without people, mean over 2 photos +\| 1.25%", text)
    assert "2.50% on train/images/dog.png" in text


def test_styles_thresholds_and_legacy_have_a_row_each(report):
    assert [row[:2] for row in cells(styles(report))[2:]] == [
        ["straight", "2"],
        ["kinky", "1"],
        ["short-men", "1"],
    ]
    rows = cells(thresholds(report))[2:]
    assert [row[0] for row in rows] == [f"{k / 10:.1f}" for k in range(11)]
    assert sum("**" in row[2] for row in rows) == 1
    assert len(cells(legacy(report))) == 5


def test_what_is_not_there_is_left_out(report):
    plain = replace(
        report,
        photos=tuple(replace(photo, style="", views={}) for photo in report.photos),
        duplicates=(),
        beards=(),
        negatives=(),
        legacy=(),
    )
    text = report_text(plain)
    for word in ("hairstyle", "beard", "people", "duplicates", "legacy"):
        assert word not in text
    assert "\n\n\n" not in text


def test_cost_says_what_is_known():
    row = cells(cost_of(Cost(3_850_000, 1_320_000_000, 7_700_000, 2, 300_000_000)))[2]
    assert row == ["3.85 M", "1.32 G", "7.70 MB", "5.0 ms, 2 threads", "300.00 MB"]
    assert cells(cost_of(Cost(threads=1)))[2] == ["-", "-", "-", "5.0 ms, 1 thread", "-"]


def cost_of(what):
    from .test_report import photo, report_of

    return cost(replace(report_of(replace(photo("x", 5), milliseconds=5.0)), cost=what))


@pytest.mark.parametrize(
    ("gain", "text"),
    [
        (Difference(0.0123, 0.005, 0.02), "+1.23 points (+0.50 to +2.00)"),
        (Difference(-0.001, -0.004, 0.002), "-0.10 points (-0.40 to +0.20, not settled)"),
    ],
)
def test_points(gain, text):
    assert points(gain) == text


def test_side_by_side(report, toy_data):
    worse = evaluate(lambda photo: red_is_hair(photo) * 0.4, toy_data, model="pale")
    rows = cells(side_by_side([report, worse]))
    assert rows[0][2] == "gain over red"
    assert [row[0] for row in rows[2:]] == ["red", "pale"]
    assert rows[2][2] == ""
    assert rows[3][2].startswith(f"-{100 * report.counts.iou:.2f} points (")
    assert [row[0] for row in cells(styles_side_by_side([report, worse]))] == [
        "hairstyle",
        "-" * 11,
        "straight",
        "kinky",
        "short-men",
    ]
