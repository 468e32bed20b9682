from __future__ import annotations

import io
import subprocess
import sys

import pytest

from hairseg.streams import is_missing, open_missing


def test_what_is_missing_is_opened_on_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    output = io.StringIO()
    monkeypatch.setattr(sys, "stdin", None)
    monkeypatch.setattr(sys, "stdout", output)
    monkeypatch.setattr(sys, "stderr", None)
    open_missing()
    assert sys.stdout is output
    print("x", file=sys.stderr)
    assert output.getvalue() == ""
    assert sys.stdin.read() == ""
    assert [is_missing(stream) for stream in (sys.stdin, sys.stdout, sys.stderr, None)] == [
        True,
        False,
        True,
        True,
    ]
    sys.stdin.close()
    sys.stderr.close()


def test_a_stream_that_was_sent_to_the_null_device_is_there() -> None:
    code = "import sys; from hairseg.streams import is_missing; sys.exit(is_missing(sys.stdout))"
    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL).returncode == 0
