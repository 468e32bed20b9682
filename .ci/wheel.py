"""Builds the sdist and the wheel, compares them, and uses the wheel in a bare environment.

    python .ci/wheel.py        # needs hatchling

What it checks: every file of the repository is in the sdist and every file of the package in the wheel, the sdist
builds to the same wheel, and with nothing but the wheel and its dependencies `hairseg PHOTO` makes a mask, without
torch. Prints sizes.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
# Fetched from npm, not part of the sources: in a wheel that was built where it lies.
VENDOR = "hairseg/serve/page/vendor/"
NEEDED = (
    "py.typed",
    "models/SHA256SUMS",
    "models/hairseg.onnx",
    "models/hairseg.md",
    "serve/page/index.html",
)


def main() -> None:
    """Build, compare, install, use."""
    with TemporaryDirectory() as name:
        place = Path(name)
        build(ROOT, place / "ours", "sdist", "wheel")
        (sdist,), (wheel,) = (place / "ours").glob("*.tar.gz"), (place / "ours").glob("*.whl")
        with tarfile.open(sdist) as archive:
            archive.extractall(place / "unpacked", filter="data")
        (unpacked,) = (place / "unpacked").iterdir()
        check_sdist(unpacked)
        build(unpacked, place / "again", "wheel")
        (again,) = (place / "again").glob("*.whl")
        compare(wheel, again)
        check_contents(wheel)
        print(sizes(wheel, sdist))
        use(wheel, place)


def build(source: Path, out: Path, *targets: str) -> None:
    """Build a source tree."""
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(out)]
    for target in targets:
        command += ["-t", target]
    subprocess.run(command, cwd=source, check=True, stdout=subprocess.DEVNULL)


def contents(wheel: Path) -> dict[str, int]:
    """Name and CRC of every file but the fetched ones, and RECORD, which lists them all."""
    with zipfile.ZipFile(wheel) as archive:
        return {
            entry.filename: entry.CRC
            for entry in archive.infolist()
            if not entry.filename.startswith(VENDOR) and not entry.filename.endswith("/RECORD")
        }


def compare(wheel: Path, again: Path) -> None:
    """Refuse two wheels that differ."""
    one, other = contents(wheel), contents(again)
    different = sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
    if different:
        sys.exit(f"the sdist builds to another wheel: {', '.join(different[:10])}")
    print(f"the sdist builds to the same {len(one)} files")


def check_sdist(unpacked: Path) -> None:
    """Refuse an sdist that lacks a tracked file, but for those of CI, or holds anything else but its metadata."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    )
    tracked = {
        name for name in listed.stdout.split("\0") if name and not name.startswith((".ci/", ".gitattr"))
    }
    found = {path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*") if path.is_file()}
    found = {name for name in found if not name.startswith(f"src/{VENDOR}")} - {"PKG-INFO"}
    if tracked != found:
        sys.exit(f"missing in the sdist: {sorted(tracked - found)}; in it alone: {sorted(found - tracked)}")
    print(f"the sdist holds the repository's {len(found)} files")


def check_contents(wheel: Path) -> None:
    """Refuse a wheel that lacks a file of the package, or holds anything else."""
    found = {name for name in contents(wheel) if ".dist-info/" not in name}
    source = ROOT / "src"
    expected = {
        path.relative_to(source).as_posix()
        for path in (source / "hairseg").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    expected = {name for name in expected if not name.startswith(VENDOR)}
    missing = sorted(expected - found) + [name for name in NEEDED if f"hairseg/{name}" not in found]
    if missing or found - expected:
        sys.exit(f"missing in the wheel: {missing}; in the wheel alone: {sorted(found - expected)}")


def sizes(wheel: Path, sdist: Path) -> str:
    """A line about sizes."""
    with zipfile.ZipFile(wheel) as archive:
        parts = {
            title: sum(
                entry.compress_size for entry in archive.infolist() if entry.filename.startswith(start)
            )
            for title, start in (("models", "hairseg/models/"), ("onnxruntime-web", VENDOR))
        }
    inside = ", ".join(f"{title} {size / 1e6:.1f} MB" for title, size in parts.items() if size)
    return f"{wheel.name} {wheel.stat().st_size / 1e6:.1f} MB ({inside}); sdist {sdist.stat().st_size / 1e6:.1f} MB"


def use(wheel: Path, place: Path) -> None:
    """Install the wheel alone, and make a mask."""
    venv.create(place / "bare", with_pip=True)
    scripts = place / "bare" / ("Scripts" if os.name == "nt" else "bin")
    environment = {
        key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")
    }

    def run(program: str, *arguments: str) -> str:
        command = [str(scripts / program), *arguments]
        ran = subprocess.run(
            command, cwd=place, env=environment, check=True, stdout=subprocess.PIPE, text=True
        )
        return ran.stdout

    run("python", "-m", "pip", "install", "-q", str(wheel))
    shutil.copy(ROOT / "samples" / "astronaut.jpg", place)
    (line,) = run("hairseg", "astronaut.jpg", "--json").splitlines()
    found = json.loads(line)
    mask = place / "astronaut.hair.png"
    if not mask.is_file() or not 0.02 < found["fraction"] < 0.3:
        sys.exit(f"no mask of the astronaut: {found}")
    packages = [package["name"] for package in json.loads(run("hairseg", "licences", "--json"))["packages"]]
    if {"torch", "matplotlib", "fastapi"} & set(packages) or "onnxruntime" not in packages:
        sys.exit(f"the plain install brings {packages}")
    installed = run("python", "-c", "import importlib.util as u; print(u.find_spec('torch') is None)")
    if installed.strip() != "True":
        sys.exit("torch is there, so this says nothing about an install without it")
    run("hairseg", "doctor")
    size = sum(path.stat().st_size for path in (place / "bare").rglob("*") if path.is_file())
    print(f"a mask ({found['fraction']:.1%} hair) with {', '.join(sorted(packages, key=str.lower))}")
    print(f"the environment with Python's own pip takes {size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
