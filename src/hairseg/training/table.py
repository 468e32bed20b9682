"""A dataclass from plain values, as a TOML or JSON file holds them: every key and every type is checked."""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from typing import Any, Literal, TypeVar

from hairseg.errors import UsageError

T = TypeVar("T")


def from_table(kind: type[T], table: dict[str, Any], where: str) -> T:
    """A dataclass from a table of plain values, checked key by key and type by type.

    Raises:
        UsageError: names ``where``, the key, and what it should be.
    """
    hints = typing.get_type_hints(kind)
    known = {item.name for item in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(sorted(known))}"
            raise UsageError(f"{where}: unknown key {key!r}; {hint}")
    values = {key: _value(hints[key], value, f"{where}: {key}") for key, value in table.items()}
    try:
        return kind(**values)
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from error
    except TypeError as error:
        raise UsageError(f"{where}: {str(error).rpartition('() ')[2]}") from error


def _value(hint: Any, value: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        if not isinstance(value, dict):
            raise UsageError(f"{where} must be a table, not {value!r}")
        return from_table(hint, value, where)
    if origin is Literal:
        if value not in arguments:
            raise UsageError(f"{where} is {value!r}: use one of {', '.join(map(str, arguments))}")
        return value
    if origin is tuple:
        return _tuple(arguments, value, where)
    if origin in (typing.Union, types.UnionType):  # a type, or None for a key that is not given
        (known,) = (kind for kind in arguments if kind is not types.NoneType)
        return None if value is None else _value(known, value, where)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        raise UsageError(f"{where} is {value!r}: it must be of type {hint.__name__}")
    return value


def _tuple(arguments: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise UsageError(f"{where} must be a list, not {value!r}")
    if arguments[-1] is Ellipsis:
        return tuple(_value(arguments[0], entry, f"{where}[{i}]") for i, entry in enumerate(value))
    if len(value) != len(arguments):
        raise UsageError(f"{where} must hold {len(arguments)} values, not {len(value)}")
    return tuple(
        _value(kind, entry, f"{where}[{i}]")
        for i, (kind, entry) in enumerate(zip(arguments, value, strict=True))
    )
