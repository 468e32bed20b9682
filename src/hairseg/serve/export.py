"""The page as plain files, for any static host."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from hairseg import licences
from hairseg.errors import OutputError, UsageError
from hairseg.models import ModelInfo
from hairseg.printable import printable
from hairseg.serve.assets import ISOLATION, assets

_NOTE = """\
This folder is the whole page: copy it to any static host. Nothing is computed on the server.

Two headers make it two to four times faster, because browsers give threads only to isolated pages:

{headers}

The file _headers says so to Netlify. For nginx:

{nginx}

For Apache (.htaccess):

{apache}

Without them, for example on GitHub Pages, the page works the same with one thread. WebGPU, where a browser has
it, needs no header. A browser gives the camera only to pages on https or on localhost.

Where a host takes no file of more than 25 MiB (Cloudflare Pages, for one), leave out
vendor/ort-wasm-simd-threaded.asyncify.wasm, which WebGPU needs: the page then uses WebAssembly alone.

Terms. The page is hairseg's, under the MIT licence (LICENSE.txt); onnxruntime-web: vendor/NOTICE.txt. The weights
have terms of their own, which their cards beside them explain:

{terms}

To look at it here: python -m http.server --directory {folder}
"""


def export_page(folder: Path, models: Sequence[ModelInfo], force: bool = False) -> list[Path]:
    """Write the page.

    Args:
        folder: made if it is missing.
        models: that the page offers, the first of them at once.
        force: write into a folder that is not empty; files of the same name are replaced.

    Returns:
        The files written.

    Raises:
        UsageError: the folder is not empty.
        OutputError: it cannot be written.
        ModelError: onnxruntime-web was not fetched yet.
    """
    contents = {**assets(models), **_cards(models)}
    text = licences.own_text()
    if text is not None:
        contents["LICENSE.txt"] = text.encode()
    shown = printable(folder)
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())) and not force:
            raise UsageError(f"{shown} is not an empty folder: name another one, or add --force")
        written = [_put(folder / address, content) for address, content in contents.items()]
        headers = "".join(f"  {name}: {value}\n" for name, value in ISOLATION.items())
        written.append(_put(folder / "_headers", f"/*\n{headers}".encode()))
        written.append(_put(folder / "README.txt", _note(shown, models).encode()))
    except OSError as error:
        raise OutputError(f"{shown} cannot be written ({error.strerror}): choose another folder") from error
    return written


def _put(path: Path, content: Path | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        shutil.copyfile(content, path)
    return path


def _cards(models: Sequence[ModelInfo]) -> dict[str, Path]:
    """Address to file of the models' cards, of those that have one."""
    cards = [model.path.with_suffix(".md") for model in models]
    return {f"models/{card.name}": card for card in cards if card.is_file()}


def _note(folder: str, models: Sequence[ModelInfo]) -> str:
    def lines(pattern: str) -> str:
        return "\n".join("    " + pattern.format(name, value) for name, value in ISOLATION.items())

    return _NOTE.format(
        headers=lines("{}: {}"),
        nginx=lines('add_header {} "{}";'),
        apache=lines('Header set {} "{}"'),
        folder=folder,
        terms="\n".join(f"    {model.name}: {model.licence or 'its file says nothing'}" for model in models),
    )
