"""What is installed because of hairseg, and under which licence, as every package tells it of itself."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

UNKNOWN = "unknown"
# A licence's field may hold its whole text.
_LONGEST = 80
_CLASSIFIER = "License :: "


@dataclass(frozen=True)
class Package:
    """An installed package.

    Attributes:
        name, version: as it spells them.
        licence: SPDX expression or the package's own words; :data:`UNKNOWN` where it says nothing.
        wanted_by: ``base`` for the plain install, or the extras that bring it.
    """

    name: str
    version: str
    licence: str
    wanted_by: tuple[str, ...]


def installed(package: str = "hairseg") -> list[Package]:
    """All that a package's plain install and its installed extras bring, transitively; itself first.

    An extra is installed where everything that it asks for directly is.

    Raises:
        PackageNotFoundError: ``package`` itself is not installed.
    """
    root = importlib.metadata.distribution(package)
    wanted = {"base": _reached(root, "")}
    for extra in sorted(root.metadata.get_all("Provides-Extra") or []):
        direct = [need for need in _needs(root, extra) if need not in list(_needs(root, ""))]
        if direct and all(_found(need.name) for need in direct):
            wanted[extra] = _reached(root, extra)
    names = sorted({name for names in wanted.values() for name in names})
    packages = [_package(root, ("base",))]
    for name in names:
        found = _found(name)
        if found is not None and name != canonicalize_name(package):
            of = [extra for extra, reached in wanted.items() if name in reached]
            packages.append(_package(found, ("base",) if "base" in of else tuple(of)))
    return packages


def own_text() -> str | None:
    """hairseg's own licence, where its installation holds it."""
    try:
        return importlib.metadata.distribution("hairseg").read_text("licenses/LICENSE")
    except PackageNotFoundError:
        return None


def licence_of(found: Distribution) -> str:
    """A package's licence in a line: its SPDX expression, or its own words and classifiers where they differ."""
    entries = found.metadata
    if "License-Expression" in entries:
        return " ".join(entries["License-Expression"].split())
    words = " ".join(entries["License"].split()) if "License" in entries else ""
    if len(words) > _LONGEST or words.upper() == "UNKNOWN":
        words = ""
    said = [line for line in entries.get_all("Classifier") or [] if line.startswith(_CLASSIFIER)]
    classified = [line.rpartition(" :: ")[2] for line in said if line != _CLASSIFIER + "OSI Approved"]
    # "MIT" and "MIT License" are the same; "BSD" beside "LGPL" is what a person has to know of.
    first = words.replace("-", " ").split()[0].lower() if words else ""
    other = [name for name in classified if not first or first not in name.lower()]
    if words:
        return "; ".join([words, *other])
    files = entries.get_all("License-File") or []
    return "; ".join(classified) or (f"{UNKNOWN}, its text is {files[0]}" if files else UNKNOWN)


def _package(found: Distribution, wanted_by: tuple[str, ...]) -> Package:
    return Package(found.metadata["Name"], found.version, licence_of(found), wanted_by)


def _found(name: str) -> Distribution | None:
    """An installed package, if it is."""
    try:
        return importlib.metadata.distribution(name)
    except PackageNotFoundError:
        return None


def _needs(found: Distribution, extra: str) -> Iterator[Requirement]:
    """What a package asks for on this machine, with an extra."""
    for line in found.requires or []:
        need = Requirement(line)
        if need.marker is None or need.marker.evaluate({"extra": extra}):
            yield need


def _reached(root: Distribution, extra: str) -> set[str]:
    """Names of all that a package asks for, and what that asks for, and so on."""
    seen: set[tuple[str, str]] = set()
    todo = list(_needs(root, extra))
    while todo:
        need = todo.pop()
        name = canonicalize_name(need.name)
        for wish in ("", *need.extras):
            if (name, wish) not in seen:
                seen.add((name, wish))
                found = _found(name)
                todo += [] if found is None else _needs(found, wish)
    return {name for name, _ in seen}
