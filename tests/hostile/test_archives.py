"""The one archive that is unpacked, npm's, if its pinned checksum did not stand before it."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from hairseg.errors import ModelError
from hairseg.serve import vendor


def archive(path: Path, *more: tarfile.TarInfo, without: str = "") -> Path:
    """npm's package with further members, one of its own left out."""
    with tarfile.open(path, "w:gz") as package:
        for member in more:
            data = io.BytesIO(b"evil" + bytes(min(member.size, 1 << 20))) if member.isreg() else None
            member.size = len(data.getvalue()) if data else 0
            package.addfile(member, data)
        for name in vendor.FILES:
            if name != without:
                member = tarfile.TarInfo(f"package/dist/{name}")
                member.size = 4
                package.addfile(member, io.BytesIO(b"good"))
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.type, found.linkname = kind, target
    return found


@pytest.mark.parametrize(
    "evil",
    [
        member("../../evil"),
        member("/tmp/hairseg-evil"),
        member("package/dist/../../../../evil"),
        member("evil\n\x1b[2J"),
        member("package/evil", tarfile.SYMTYPE, "/etc/passwd"),
        member("package", tarfile.SYMTYPE, "/etc"),
        member("package/evil", tarfile.LNKTYPE, "/etc/passwd"),
        member("package/evil", tarfile.CHRTYPE),
        member("package/evil", tarfile.FIFOTYPE),
    ],
    ids=lambda one: repr(one.name + one.linkname),
)
def test_only_our_names_are_written(evil: tarfile.TarInfo, tmp_path: Path) -> None:
    path = archive(tmp_path / "a.tgz", evil)
    vendor._unpack(path, tmp_path / "deep/er/vendor")
    found = {file.relative_to(tmp_path).as_posix() for file in tmp_path.rglob("*") if not file.is_dir()}
    assert found == {"a.tgz", *(f"deep/er/vendor/{name}" for name in vendor.FILES)}
    assert not Path("/tmp/hairseg-evil").exists()
    assert {file.read_bytes() for file in (tmp_path / "deep/er/vendor").iterdir()} == {b"good"}


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE]
)
@pytest.mark.parametrize("target", ["/etc/passwd", "../../../secret", "package/dist/other"])
def test_what_is_no_plain_file_is_refused(kind: bytes, target: str, tmp_path: Path) -> None:
    name = vendor.FILES[2]
    path = archive(tmp_path / "a.tgz", member(f"package/dist/{name}", kind, target), without=name)
    with pytest.raises(ModelError, match="is not the file that it should be"):
        vendor._unpack(path, tmp_path / "vendor")
    assert not (tmp_path / "vendor" / name).exists()


def test_what_is_missing_or_far_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = vendor.FILES[2]
    with pytest.raises(ModelError, match=f"holds no {name}"):
        vendor._unpack(archive(tmp_path / "a.tgz", without=name), tmp_path / "vendor")
    monkeypatch.setattr(vendor, "_LARGEST", 100)
    large = member(f"package/dist/{name}")
    large.size = 1000
    with pytest.raises(ModelError, match="is not the file that it should be"):
        vendor._unpack(archive(tmp_path / "b.tgz", large, without=name), tmp_path / "vendor")


def test_a_package_that_is_not_the_pinned_one_is_not_opened(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not the file that was pinned"):
        vendor.check(archive(tmp_path / "a.tgz"), vendor.INTEGRITY)
