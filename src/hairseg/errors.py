"""The few things that can go wrong, and the exit code of each.

HairsegError
├── PhotoError    one photo cannot be read; the others of the run are done       exit 1
├── OutputError   a result cannot be written                                     exit 1
├── UsageError    an option, a recipe or a data set is wrong                     exit 2
│   └── DataError     a data set is missing, broken or inconsistent
└── ModelError    a model is missing or damaged                                  exit 3
    └── MissingExtraError   an optional dependency is not installed

Each message is one sentence that names the file or option, what is wrong and what to do.
"""

from __future__ import annotations

import importlib
from types import ModuleType

from hairseg.printable import printable_message


class HairsegError(Exception):
    """Base of every error that a person, rather than a bug, can cause.

    As text it is safe to print, whatever the names in its message hold.
    """

    exit_code = 1

    def __str__(self) -> str:
        return printable_message(super().__str__())


class PhotoError(HairsegError):
    """A photo cannot be read: not an image, truncated, missing, unreadable or too large."""


class OutputError(HairsegError):
    """A result cannot be written: read-only folder, full disk, name clash."""


class UsageError(HairsegError):
    """An option, argument or recipe is wrong."""

    exit_code = 2


class DataError(UsageError):
    """A data set is missing, broken or inconsistent."""


class ModelError(HairsegError):
    """A model file is missing, damaged or not one of ours."""

    exit_code = 3


class MissingExtraError(ModelError):
    """An optional dependency is not installed; the message holds the pip line."""


def require(module: str, extra: str) -> ModuleType:
    """Import ``module`` or say which extra brings it.

    Args:
        module: dotted name, for example ``"av"``.
        extra: the extra of this package that installs it, for example ``"video"``.

    Raises:
        MissingExtraError: the module is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        message = f"{module} is needed for this and is not installed: pip install 'hairseg[{extra}]'"
        raise MissingExtraError(message) from error
