"""``hairseg serve`` and ``hairseg page``."""

from __future__ import annotations

import socket
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from hairseg.cli import whole
from hairseg.errors import UsageError, require
from hairseg.models import ModelInfo, list_models
from hairseg.report import say

if TYPE_CHECKING:
    from hairseg.serve.service import Limits

_OFF = Parameter(negative="")


def serve(
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    model: Annotated[str | None, Parameter(name=["--model", "-m"])] = None,
    threads: Annotated[int | None, Parameter(converter=whole)] = None,
    open: Annotated[bool, _OFF] = False,
    page: bool = True,
    allow_origin: tuple[str, ...] = (),
    max_megabytes: float = 25,
    max_megapixels: float = 40,
    timeout: float = 30,
    queue: int = 32,
    connections: int = 512,
) -> int:
    """Open a page that finds and recolours hair in the visitor's own browser, and an HTTP service beside it.

    Parameters
    ----------
    host
        Address to listen at; 0.0.0.0 lets other machines in, there is no password.
    port
        0 takes a free one.
    model
        Name of a packaged model or path of an .onnx file.
    threads
        Photos worked on at a time. Default: all physical cores.
    open
        Open the page in the browser.
    page
        Without it only the service.
    allow_origin
        Another site whose pages may use the service, such as https://example.org; may be repeated.
    max_megabytes
        Largest body of a request.
    max_megapixels
        Largest photo.
    timeout
        Seconds until a request is given up: so many for its body to arrive, for the work, and for its answer to be
        taken.
    queue
        Photos that may wait; the next one is answered with 503.
    connections
        That may be open at a time; the next one is answered with 503.
    """
    require("fastapi", "serve")
    require("python_multipart", "serve")
    require("prometheus_client", "serve")
    uvicorn = require("uvicorn", "serve")
    from hairseg.segmenter import Segmenter
    from hairseg.serve.app import create_app
    from hairseg.serve.assets import assets
    from hairseg.serve.guard import own_names
    from hairseg.serve.wire import wire

    limits = _limits(max_megabytes, max_megapixels, timeout, queue, connections)
    segmenter = Segmenter(model, threads)
    models = _offered(segmenter.info)
    app = create_app(
        segmenter,
        models,
        assets(models) if page else {},
        limits=limits,
        hosts=own_names(host),
        origins=allow_origin,
    )
    listener = _listen(host, port)
    address = f"http://{_shown(host)}:{listener.getsockname()[1]}/"
    say(f"{segmenter.info.name} answers at {address}{'' if page else 'docs'} (Ctrl+C stops it)")
    if open:
        webbrowser.open(address)
    config = uvicorn.Config(
        app,
        http=wire(limits.seconds, limits.connections),
        ws="none",
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=int(timeout) + 1,
    )
    uvicorn.Server(config).run(sockets=[listener])
    return 0


def page(
    folder: Path,
    *,
    model: Annotated[str | None, Parameter(name=["--model", "-m"])] = None,
    force: Annotated[bool, _OFF] = False,
) -> int:
    """Write the page as plain files for any static host.

    Parameters
    ----------
    folder
        Where to write it; made if it is missing.
    model
        Name of a packaged model or path of an .onnx file. Default: all packaged models.
    force
        Write into a folder that is not empty.
    """
    from hairseg.models import find_model, read_info
    from hairseg.serve.export import export_page

    models = list_models() if model is None else [read_info(find_model(model))]
    written = export_page(folder, models or [read_info(find_model())], force)
    size = sum(path.stat().st_size for path in written)
    say(f"{len(written)} files, {size / 1e6:.0f} MB in {folder}: see {folder / 'README.txt'}")
    return 0


def _limits(megabytes: float, megapixels: float, seconds: float, waiting: int, connections: int) -> Limits:
    """The limits, refused where they make no sense."""
    from hairseg.serve.service import Limits

    given = {"max-megabytes": megabytes, "max-megapixels": megapixels, "timeout": seconds}
    for name, value in given.items():
        if not 0 < value <= 1e6:
            raise UsageError(f"--{name} {value:g} is out of range: use a number above 0, up to a million")
    if waiting < 0:
        raise UsageError(f"--queue {waiting} is out of range: use 0 or more")
    if connections < 1:
        raise UsageError(f"--connections {connections} is out of range: use 1 or more")
    return Limits(int(megabytes * 1e6), int(megapixels * 1e6), seconds, waiting, connections)


def _offered(served: ModelInfo) -> Sequence[ModelInfo]:
    """The models of the page: the one that the service answers with, then the packaged ones."""
    return [served, *(info for info in list_models() if info.path.name != served.path.name)]


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    if not 0 <= port < 1 << 16:
        raise UsageError(f"--port {port} is out of range: use 0 to 65535")
    try:
        return socket.create_server((host, port), family=family, backlog=256)
    except OSError as error:
        raise UsageError(
            f"nothing can listen at {host} port {port} ({error.strerror}): use --port 0 for a free one"
        ) from error


def _shown(host: str) -> str:
    """``host`` as it stands in an address."""
    return f"[{host}]" if ":" in host else host
