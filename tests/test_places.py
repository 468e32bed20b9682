"""Names as Windows and macOS take them, on any system."""

from __future__ import annotations

import sys
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hairseg import inputs, plan
from hairseg.errors import UsageError
from hairseg.inputs import Source
from hairseg.kinds import Kind
from hairseg.places import fixed_part, same_place, why_impossible
from hairseg.save import is_result, result_name

W, P = PureWindowsPath, PurePosixPath
SYSTEMS = [("win32", W, "C:\\"), ("darwin", P, "/"), ("linux", P, "/")]
NFC, NFD = "caf\u00e9", "cafe\u0301"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (r"C:\Photos\A.hair.png", r"c:\photos\a.HAIR.png", True),
        (r"C:\a.png", "C:/a.png", True),
        (r"C:\a.png", r"D:\a.png", False),
        (r"C:\x.\a.png", r"C:\x\a.png. ", True),
        (r"C:\x. y\a.png", r"C:\x y\a.png", False),
        (r"\\Server\Share\a.png", r"\\server\share\A.png", True),
        (r"\\server\one\a.png", r"\\server\two\a.png", False),
        (r"\\?\C:\a.png", r"C:\a.png", True),
        (r"\\?\UNC\server\share\a.png", r"\\server\share\a.png", True),
        (r"C:\stra\u00dfe.png", r"C:\strasse.png", False),
        ("C:\\\u00c4.png", "C:\\\u00e4.png", True),
        (f"C:\\{NFC}.png", f"C:\\{NFD}.png", False),
    ],
)
def test_one_file_on_windows(one: str, other: str, same: bool) -> None:
    assert (same_place(W(one), "win32") == same_place(W(other), "win32")) is same


@pytest.mark.parametrize(
    ("one", "other", "macos", "linux"),
    [
        ("/x/a.png", "/x/a.png", True, True),
        ("/x/A.png", "/x/a.png", True, False),
        (f"/{NFC}.png", f"/{NFD}.png", True, False),
        (f"/{NFC.upper()}.png", f"/{NFD}.png", True, False),
        ("/\ud55c.png", "/\u1112\u1161\u11ab.png", True, False),  # Hangul, composed and not
        ("/x/a.png.", "/x/a.png", False, False),
        ("/x\\a.png", "/x/a.png", False, False),
        ("/caf\udce9.png", "/caf\udce9.png", True, True),  # a byte that is no UTF-8
    ],
)
def test_one_file_elsewhere(one: str, other: str, macos: bool, linux: bool) -> None:
    assert (same_place(P(one), "darwin") == same_place(P(other), "darwin")) is macos
    assert (same_place(P(one), "linux") == same_place(P(other), "linux")) is linux


@pytest.mark.parametrize(
    "name",
    [
        "CON",
        "nul.png",
        "aux.hair.png",
        "com1.png",
        "LPT9.hair.png",
        "Nul .png",
        "COM\u00b2.png",
        "conout$",
        r"x\prn.d\a.png",
    ],
)
def test_devices_of_windows(name: str) -> None:
    assert "is the name of a device" in why_impossible(W("C:\\") / name, "win32")
    assert "is the name of a device" in why_impossible(W(name), "win32")
    assert why_impossible(P("/") / name, "darwin") == ""
    assert why_impossible(P("/") / name, "linux") == ""


@pytest.mark.parametrize(
    "name", ["what?.png", "a*b.png", "ab:c.png", 'a"b.png', "a<b.png", "a|b.png", "a\tb.png"]
)
def test_letters_that_windows_forbids(name: str) -> None:
    assert "Windows allows no" in why_impossible(W("C:\\x") / W(f".\\{name}"), "win32")
    assert why_impossible(P("/") / name, "linux") == ""


@pytest.mark.parametrize(
    "path",
    [
        r"C:\x\a.png",
        r"C:a.png",
        r"\\server\share\a.png",
        r"\\?\C:\a.png",
        r"\\?\UNC\server\share\a.png",
        "a.png",
        *("console.png", "com10.png", "nullable.png", "x.con.png", "..\\a.png", "사진.png", "a'b & c.png"),
    ],
)
def test_what_windows_allows(path: str) -> None:
    assert why_impossible(W(path), "win32") == ""


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (W(r"C:\x\*.jpg"), W(r"C:\x")),
        (W(r"C:*.jpg"), W("C:")),
        (W(r"\\server\share\*\a.jpg"), W(r"\\server\share\\")),
        (W(r"\\?\C:\x\*.jpg"), W(r"\\?\C:\x")),  # a question mark that is no wildcard
        (W("*.jpg"), W()),
        (P("/x/[ab]/y/*.jpg"), P("/x")),
        (P("x/y/*.jpg"), P("x/y")),
        (P("**/*.jpg"), P()),
    ],
)
def test_where_a_pattern_begins(pattern: PurePath, expected: PurePath) -> None:
    assert fixed_part(pattern) == expected
    match = type(pattern)(str(pattern).replace("*", "m").replace("[ab]", "a"))
    below = match.relative_to(fixed_part(pattern))
    assert not below.anchor
    assert ".." not in below.parts


@pytest.mark.parametrize(("system", "flavour", "root"), SYSTEMS)
@given(
    name=st.text(
        st.characters(exclude_characters='/\\\0<>:"|?*', min_codepoint=32, exclude_categories=["Cs"]),
        min_size=1,
        max_size=300,
    )
)
def test_a_result_is_a_name_of_its_own_on_every_system(
    system: str, flavour: type[PurePath], root: str, name: str
) -> None:
    assume(name.strip(" ."))  # folders
    result = result_name(name + ".jpg", "hair")
    assert is_result(result)
    path = flavour(root, result)
    assert path.name == result
    assert len(result.encode("utf-16-le", "surrogatepass")) // 2 <= 255  # what NTFS holds
    assert len(result.encode("utf-8", "surrogateescape")) <= 255  # what APFS and ext4 hold
    assert result[-1] not in " ."
    assert same_place(path, system) == same_place(flavour(str(path)), system)


class TestPlan:
    """The whole rule, on a system that is told to be another one."""

    def targets(self, *names: str, kind: Kind = "hair", output: str | None = None) -> list[str]:
        jobs = plan.plan([Source(Path(name), Path(name)) for name in names], kind, output=output)
        return [str(job.target) for job in jobs]

    @pytest.mark.parametrize(
        ("system", "names", "clash"),
        [
            ("linux", ("A.jpg", "a.png"), False),
            ("darwin", ("A.jpg", "a.png"), True),
            ("darwin", (f"{NFC}.jpg", f"{NFD}.png"), True),
            ("darwin", ("a.jpg", "b.jpg"), False),
        ],
    )
    def test_clashes(
        self, monkeypatch: pytest.MonkeyPatch, system: str, names: tuple[str, str], clash: bool
    ) -> None:
        monkeypatch.setattr(inputs.sys, "platform", system)
        if not clash:
            assert len(set(self.targets(*names))) == 2
            return
        with pytest.raises(UsageError, match="would both become"):
            self.targets(*names)

    def test_a_photo_under_another_spelling_is_not_replaced(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "platform", "darwin")
        with pytest.raises(UsageError, match="would replace the photo"):
            self.targets("Portrait.PNG", output="portrait.png")

    @pytest.mark.parametrize("output", ["nul.png", "masks/aux/"])
    def test_devices(self, monkeypatch: pytest.MonkeyPatch, output: str) -> None:
        monkeypatch.setattr(plan, "one_place", str)
        assert self.targets("a.jpg", output=output)
        monkeypatch.setattr(plan.sys, "platform", "win32")
        with pytest.raises(
            UsageError, match="is the name of a device on Windows: choose another name with -o"
        ):
            self.targets("a.jpg", output=output)
