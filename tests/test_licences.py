from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
from email.message import Message
from pathlib import Path

import pytest

from hairseg import licences
from hairseg.__main__ import main
from hairseg.licences import licence_of

Capture = pytest.CaptureFixture[str]


class Told(importlib.metadata.Distribution):
    """A package that tells nothing but its metadata and its needs."""

    def __init__(self, entries: list[tuple[str, str]]) -> None:
        self._entries = Message()
        for key, value in entries:
            self._entries[key] = value

    @property
    def metadata(self) -> Message:  # type: ignore[override]
        return self._entries

    @property
    def version(self) -> str:
        return "1.0"

    @property
    def requires(self) -> list[str]:
        return self._entries.get_all("Requires-Dist") or []

    def read_text(self, filename: str) -> None:
        return None

    def locate_file(self, path: object) -> Path:  # type: ignore[override]
        return Path()


MIT, BSD = "License :: OSI Approved :: MIT License", "License :: OSI Approved :: BSD License"


@pytest.mark.parametrize(
    ("entries", "licence"),
    [
        ([("License-Expression", "MIT AND\n Zlib"), ("License", "x"), ("Classifier", BSD)], "MIT AND Zlib"),
        ([("License", "MIT"), ("Classifier", MIT)], "MIT"),
        ([("License", "BSD-3-Clause"), ("Classifier", MIT)], "BSD-3-Clause; MIT License"),
        ([("License", "Permission is hereby " * 90), ("Classifier", MIT)], "MIT License"),
        ([("Classifier", MIT), ("Classifier", BSD), ("Classifier", "License :: OSI Approved")],
         "MIT License; BSD License"),
        ([("License", "UNKNOWN")], "unknown"),
        ([], "unknown"),
        ([("License-File", "COPYING")], "unknown, its text is COPYING"),
    ],
)  # fmt: skip
def test_as_a_package_tells_it(entries: list[tuple[str, str]], licence: str) -> None:
    assert licence_of(Told(entries)) == licence


def test_what_an_install_brings(monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = {
        "ours": ["one>=1", "never; python_version < '3'", "web; extra == 'serve'", "gone; extra == 'video'"],
        "one": ["Deep_One", "ours"],  # packages may need each other
        "deep-one": ["side; extra == 'more'"],
        "web": ["deep.one[more]"],
        "side": [],
        "stranger": [],
    }

    def distribution(name: str) -> Told:
        if name not in shelf:
            raise importlib.metadata.PackageNotFoundError(name)
        extras = [("Provides-Extra", "serve"), ("Provides-Extra", "video")] if name == "ours" else []
        return Told([("Name", name), *extras, *[("Requires-Dist", need) for need in shelf[name]]])

    monkeypatch.setattr(importlib.metadata, "distribution", distribution)
    found = {package.name: package.wanted_by for package in licences.installed("ours")}
    base, serve = ("base",), ("serve",)
    assert found == {"ours": base, "deep-one": base, "one": base, "side": serve, "web": serve}


def test_all_of_this_installation(capsys: Capture) -> None:
    assert main(["licences", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    packages = {package["name"].lower(): package for package in found["packages"]}
    assert packages["hairseg"]["licence"] == "MIT"
    assert {"numpy", "pillow", "onnxruntime", "cyclopts", "rich"} <= packages.keys()
    assert packages["rich"]["wanted_by"] == ["base"]  # through cyclopts
    assert "test" in packages["pytest"]["wanted_by"]
    for package in packages.values():
        assert package["licence"]
        assert package["version"] == importlib.metadata.version(package["name"])
    assert "figaro1k:train756" in found["models"][0]["data"]
    assert all("non-commercial" in model["licence"] for model in found["models"])


def test_for_people_in_both_spellings(packaged_toy: Path, capsys: Capture) -> None:
    assert main(["licences"]) == 0
    out = capsys.readouterr().out
    assert main(["licenses"]) == 0
    assert capsys.readouterr().out == out
    first, *_ = out.splitlines()
    assert first.split() == ["package", "version", "for", "licence"]
    assert [line.split() for line in out.splitlines() if line.startswith("hairseg")] == [
        ["hairseg", importlib.metadata.version("hairseg"), "base", "MIT"],
        ["hairseg-int8", "MIT", "figaro1k"],
    ]


def test_without_torch() -> None:
    code = (
        "import sys\nfrom hairseg.__main__ import main\nmain(['licences', '--json'])\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
