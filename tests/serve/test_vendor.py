from __future__ import annotations

import base64
import hashlib
import io
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from hairseg.errors import ModelError
from hairseg.serve import vendor


def _archive(folder: Path) -> Path:
    """A package as npm packs it, with one file too many."""
    path = folder / "onnxruntime-web.tgz"
    with tarfile.open(path, "w:gz") as package:
        for name in (*vendor.FILES, "ort.all.js"):
            member = tarfile.TarInfo(f"package/dist/{name}")
            member.size = len(name)
            package.addfile(member, io.BytesIO(name.encode()))
    return path


def _integrity(path: Path) -> str:
    return "sha512-" + base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()


@pytest.fixture
def packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """npm replaced by an archive of our own, which is pinned."""
    archive = _archive(tmp_path)
    monkeypatch.setattr(vendor, "_pack", lambda folder: archive)
    monkeypatch.setattr(vendor, "INTEGRITY", _integrity(archive))
    return archive


def test_the_image_copies_all_that_fetching_needs(tmp_path: Path) -> None:
    # As the first stage of the Dockerfile: these files and nothing else, under an interpreter without packages.
    root = Path(__file__).parents[2]
    for line in (root / "Dockerfile").read_text(encoding="utf-8").splitlines():
        if line.startswith("COPY src/hairseg/"):
            *files, target = line.split()[1:]
            (tmp_path / target).mkdir(parents=True)
            for name in files:
                shutil.copy(root / name, tmp_path / target)
    assert (tmp_path / "hairseg" / "serve" / "vendor.py").is_file()
    ran = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            "import sys; sys.path.insert(0, '.'); import hairseg.serve.vendor",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr


def test_only_the_needed_files_are_unpacked(packed: Path, tmp_path: Path) -> None:
    vendor.fetch(tmp_path / "vendor")
    found = vendor.vendored(tmp_path / "vendor")
    assert set(found) == {*vendor.FILES, "NOTICE.txt"}
    assert {path.name for path in (tmp_path / "vendor").iterdir()} == set(found)
    assert found["ort.wasm.min.mjs"].read_text() == "ort.wasm.min.mjs"
    assert "Microsoft" in found["NOTICE.txt"].read_text()


def test_another_archive_is_refused(packed: Path, tmp_path: Path) -> None:
    packed.write_bytes(packed.read_bytes() + b"x")
    with pytest.raises(ModelError, match="not the file that was pinned"):
        vendor.fetch(tmp_path / "vendor")
    assert not (tmp_path / "vendor").exists()


def test_what_is_missing_names_the_command(packed: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=vendor.COMMAND):
        vendor.vendored(tmp_path / "vendor")
    vendor.fetch(tmp_path / "vendor")
    (tmp_path / "vendor" / "ort.wasm.min.mjs").unlink()
    with pytest.raises(ModelError, match=vendor.VERSION):
        vendor.vendored(tmp_path / "vendor")


def test_an_older_version_counts_as_missing(
    packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor.fetch(tmp_path / "vendor")
    monkeypatch.setattr(vendor, "_LICENCE", "onnxruntime-web 99.0.0")
    with pytest.raises(ModelError, match="is not here"):
        vendor.vendored(tmp_path / "vendor")


def test_without_npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ModelError, match=r"install Node\.js"):
        vendor.fetch(tmp_path / "vendor")
