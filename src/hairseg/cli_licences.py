"""``hairseg licences``."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError
from typing import Annotated, Any

from cyclopts import Parameter

from hairseg.errors import ModelError
from hairseg.licences import UNKNOWN, installed
from hairseg.models import list_models
from hairseg.printable import printable


def licences(*, as_json: Annotated[bool, Parameter(name="--json", negative="")] = False) -> int:
    """List the licences of hairseg, of all that is installed for it, and of the packaged models.

    Parameters
    ----------
    as_json
        Print one JSON object.
    """
    found = examine()
    if as_json:
        print(json.dumps(found))
    else:
        for line in _lines(found):
            print(printable(line))
    sys.stdout.flush()
    return 0


def examine() -> dict[str, Any]:
    """Packages and models with their licences.

    Raises:
        ModelError: a model is damaged, or hairseg was not installed but only lies there.
    """
    try:
        packages = installed()
    except PackageNotFoundError as error:
        raise ModelError(
            "hairseg lies here but is not installed, so its dependencies are unknown: pip install hairseg"
        ) from error
    return {
        "packages": [dataclasses.asdict(package) for package in packages],
        "models": [
            {"name": info.path.stem, "licence": info.licence or UNKNOWN, "data": list(info.data)}
            for info in list_models()
        ],
    }


def _lines(found: dict[str, Any]) -> list[str]:
    """Two tables for a person, and what they cannot tell."""
    packages = [
        (package["name"], package["version"], ", ".join(package["wanted_by"]), package["licence"])
        for package in found["packages"]
    ]
    models = [(model["name"], model["licence"], ", ".join(model["data"])) for model in found["models"]]
    lines = _table(("package", "version", "for", "licence"), packages)
    lines += ["", *_table(("model", "licence of the weights", "trained on"), models)]
    silent = [package["name"] for package in found["packages"] if package["licence"].startswith(UNKNOWN)]
    if silent:
        lines += ["", f"{len(silent)} without a licence in their metadata: {', '.join(silent)}"]
    return lines


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Columns of a width each; the last one may be of any."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in (head, *rows)]
