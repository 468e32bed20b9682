from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path

import pytest

from hairseg.errors import MissingExtraError, PhotoError
from hairseg.inputs import Source
from hairseg.plan import Job
from hairseg.report import Outcome, Report, line_of, say


def job(name: str = "a.jpg") -> Job:
    return Job(Source(Path(name), Path(name)), Path("a.hair.png"))


DONE = Outcome(job(), "done", found={"fraction": 0.5}, notes=("a note",), summary="50% hair")
KEPT = Outcome(job(), "kept")
FAILED = Outcome(job("b.jpg"), "failed", PhotoError("b.jpg is empty"))


class TestLines:
    def test_done(self) -> None:
        assert line_of(DONE) == {
            "photo": "a.jpg",
            "status": "done",
            "output": "a.hair.png",
            "fraction": 0.5,
        }

    def test_failed(self) -> None:
        assert line_of(FAILED) == {
            "photo": "b.jpg",
            "status": "failed",
            "error": "b.jpg is empty",
            "output": None,
        }

    def test_a_name_that_is_no_text(self) -> None:
        line = json.loads(json.dumps(line_of(Outcome(job(os.fsdecode(b"caf\xe9.jpg")), "kept"))))
        assert line["photo"] == "caf\ufffd.jpg"
        assert line["photo_base64"] == "Y2Fm6S5qcGc="
        line["photo"].encode()  # a lone surrogate would fail

    def test_lines_are_ascii(self, capsys: pytest.CaptureFixture[str]) -> None:
        with Report(1, lines=True, quiet=True) as report:
            report.add(Outcome(job("사\n진.jpg"), "kept"))
        out, err = capsys.readouterr()
        assert out.isascii()
        assert out.count("\n") == 1
        assert json.loads(out)["photo"] == "사\n진.jpg"
        assert err == ""


class TestPeople:
    def test_one_photo(self, capsys: pytest.CaptureFixture[str]) -> None:
        with Report(1) as report:
            report.add(DONE)
        out, err = capsys.readouterr()
        assert out == ""
        assert err == "hairseg: a.jpg: a note\nhairseg: a.jpg -> a.hair.png (50% hair)\n"
        assert report.exit_code() == 0

    def test_several_photos_end_with_the_failures_and_a_sum(self, capsys: pytest.CaptureFixture[str]) -> None:
        with Report(3) as report:
            for outcome in (FAILED, DONE, KEPT):
                report.add(outcome)
        assert capsys.readouterr().err.splitlines() == [
            "hairseg: a.jpg: a note",
            "hairseg: b.jpg is empty",
            "hairseg: 1 done, 1 kept as they exist already (--force replaces them), 1 failed",
        ]
        assert report.exit_code() == 1

    def test_verbose(self, capsys: pytest.CaptureFixture[str]) -> None:
        with Report(2, verbose=True) as report:
            report.add(DONE)
            report.add(KEPT)
        err = capsys.readouterr().err
        assert "a.jpg -> a.hair.png (50% hair)" in err
        assert "a.hair.png exists and is kept: use --force" in err

    def test_quiet_says_only_what_failed(self, capsys: pytest.CaptureFixture[str]) -> None:
        with Report(3, quiet=True) as report:
            for outcome in (FAILED, DONE, KEPT):
                report.add(outcome)
        assert capsys.readouterr().err == "hairseg: b.jpg is empty\n"

    def test_an_interrupt_tells_what_is_left(self, capsys: pytest.CaptureFixture[str]) -> None:
        report = Report(10)
        report.__enter__()
        report.add(DONE)
        report.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
        assert "1 done, 9 left (run the same command again to go on)" in capsys.readouterr().err

    def test_an_interrupt_tells_what_is_waited_for(self, capsys: pytest.CaptureFixture[str]) -> None:
        with Report(10, quiet=True) as report:
            report.finishing()
        assert capsys.readouterr().err.startswith(
            "hairseg: interrupted: the photos in hand are being finished"
        )

    def test_escapes_do_not_reach_the_terminal(self, capsys: pytest.CaptureFixture[str]) -> None:
        say("\x1b[2Jgone\n.jpg")
        assert capsys.readouterr().err == "hairseg: \\x1b[2Jgone\\x0a.jpg\n"

    def test_a_missing_extra_for_all_photos_has_its_own_code(self) -> None:
        missing = Outcome(job(), "failed", MissingExtraError("pip install"))
        with Report(2, quiet=True) as report:
            report.add(missing)
            report.add(missing)
        assert report.exit_code() == 3

    def test_the_bar_is_for_terminals(self, monkeypatch: pytest.MonkeyPatch) -> None:
        terminal = io.StringIO()
        terminal.isatty = lambda: True  # type: ignore[method-assign]
        monkeypatch.setattr(sys, "stderr", terminal)
        monkeypatch.setenv("TERM", "xterm")
        with Report(2) as report:
            report.add(DONE)
            report.add(FAILED)
        shown = terminal.getvalue()
        assert "photos/s" in shown
        assert "2/2" in shown
        assert shown.index("a note") < shown.index("b.jpg is empty") < shown.index("1 done, 1 failed")
