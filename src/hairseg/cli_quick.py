"""Arguments of the verbs on photos, without the parser: its import would be a quarter of a photo's time.

Only what is plainly right is understood here; all else, mistakes among it, is left to the parser, which explains
them. What options there are is read from the same annotations that the parser reads.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args, get_origin

_NUMBERS = {float: r"\d+(\.\d+)?", int: r"\d+"}


@dataclass(frozen=True)
class _Option:
    """An option as it is written.

    Attributes:
        name: of the parameter.
        kind: bool for a flag; str, float, int or a Literal.
        dash: whether its value may be a lone ``-``.
        shared: it belongs to the options that all verbs share.
    """

    name: str
    kind: Any
    dash: bool
    shared: bool


def bind(
    verb: Callable[..., int], shared: type[Any], words: Sequence[str], names: Mapping[str, Any]
) -> tuple[list[str], dict[str, Any]] | None:
    """The arguments for ``verb``, or None where the parser is to look at them.

    Args:
        verb: takes photos, options of its own and, as ``options``, those of ``shared``.
        shared: a dataclass of options.
        words: what was written after the verb.
        names: what the annotations of both mean.
    """
    known = _known(verb, shared, names)
    photos: list[str] = []
    own: dict[str, Any] = {}
    common: dict[str, Any] = {}
    rest = iter(words)
    for word in rest:
        if word[:1] != "-" or word == "-":
            photos.append(word)
            continue
        option = known.get(word)
        place = common if option is not None and option.shared else own
        if option is None or option.name in place:
            return None
        value = True if option.kind is bool else _value(next(rest, ""), option)
        if value is None:
            return None
        place[option.name] = value
    needed = [
        parameter.name
        for parameter in inspect.signature(verb).parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY and parameter.default is parameter.empty
    ]
    if "" in photos or any(name not in own for name in needed):
        return None
    return photos, {**own, "options": shared(**common)}


def _known(verb: Callable[..., int], shared: type[Any], names: Mapping[str, Any]) -> dict[str, _Option]:
    """Every spelling of every option."""
    own = [
        (parameter.name, parameter.annotation, False)
        for parameter in inspect.signature(verb).parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY and parameter.name != "options"
    ]
    known = {}
    for name, annotation, common in [*own, *((field.name, field.type, True) for field in fields(shared))]:
        # The annotations are text; the parser's own objects in them are replaced by what is asked of them here.
        kind = eval(annotation, {**names, "option": _Written, "flag": _Written})
        written = _Written()
        if hasattr(kind, "__metadata__"):
            kind, written = kind.__origin__, kind.__metadata__[0]
        option = _Option(name, _without_none(kind), written.dash, common)
        known["--" + name.replace("_", "-")] = option
        if written.alias:
            known[written.alias] = option
    return known


class _Written:
    """What ``option`` and ``flag`` of the annotations are told."""

    def __init__(self, alias: str = "", *, allow_leading_hyphen: bool = False, **_: Any) -> None:
        self.alias = alias
        self.dash = allow_leading_hyphen


def _without_none(kind: Any) -> Any:
    """``str`` of ``str | None``."""
    kinds = get_args(kind)
    return next(each for each in kinds if each is not type(None)) if type(None) in kinds else kind


def _value(word: str, option: _Option) -> Any:
    """The option's value, or None where it is none that is plainly right."""
    if not word or (word[0] == "-" and not (word == "-" and option.dash)):
        return None
    if get_origin(option.kind) is Literal:
        return word if word in get_args(option.kind) else None
    if option.kind in _NUMBERS:
        return option.kind(word) if re.fullmatch(_NUMBERS[option.kind], word, re.ASCII) else None
    return word if option.kind is str else None
