from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hairseg.printable import printable


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("portrait.jpg", "portrait.jpg"),
        ("사진 été.jpg", "사진 été.jpg"),
        ("two\nlines.jpg", "two\\x0alines.jpg"),
        ("\x1b[31mred.jpg", "\\x1b[31mred.jpg"),
        ("gpj.\u202etxt", "gpj.\\u202etxt"),
        ("a\u2028b", "a\\u2028b"),
        (b"caf\xe9.jpg".decode("utf-8", "surrogateescape"), "caf\\xe9.jpg"),
        ("\U000e0001", "\\U000e0001"),
    ],
)
def test_what_a_terminal_could_act_on_is_spelled_out(name: str, shown: str) -> None:
    assert printable(name) == shown
    assert printable(Path(name)) == shown


@given(st.text())
def test_any_text_becomes_printable_and_stays_so(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert printable(shown) == shown
