"""Numbers that the page must not copy, written for it as a JavaScript module.

The page repeats the arithmetic of a few modules in JavaScript; their constants stay here, in Python, so that
tuning one of them changes both. ``tests/serve/test_same_answer.py`` feeds both the same photo.
"""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import numpy as np

from hairseg import closer, color, dye, edge, fit, foreground, heads, paint, resample

_MODULES = (fit, resample, closer, edge, foreground, color, dye, heads, paint)
# Larger tables are computed from formulas on both sides.
_LARGEST = 64


def constants() -> dict[str, dict[str, Any]]:
    """Every upper-case number or table of the modules that the page repeats.

    Returns:
        Module name in upper case to constants, without the leading underscores that make them private:
        ``{"EDGE": {"GRID": 160, ...}, ...}``.
    """
    found = {module.__name__.rpartition(".")[2].upper(): _numbers(module) for module in _MODULES}
    names, table = color._names()
    found["COLOR"]["NAMES"] = [[name, *_plain(lab)] for name, lab in zip(names, table, strict=True)]
    return found


def swatches() -> list[dict[str, str]]:
    """The named colours in their order: name, hex, and whether hair grows in them."""
    return [
        {"name": name, "hex": code, "kind": "natural" if name in color.NATURAL else "fantasy"}
        for name, code in color.SWATCHES.items()
    ]


def constants_module() -> str:
    """``constants.js``: one export per Python module, and the swatches."""
    parts = {**constants(), "SWATCHES": swatches()}
    lines = [f"export const {name} = {json.dumps(value, indent=1)};" for name, value in parts.items()]
    return "\n".join(["// Written by hairseg/serve/constants.py.", *lines, ""])


def _numbers(module: ModuleType) -> dict[str, Any]:
    """The upper-case numbers and tables of one module."""
    return {
        name.lstrip("_"): _plain(value)
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, (int, float, tuple, list, np.generic, np.ndarray))
        if np.size(value) <= _LARGEST
    }


def _plain(value: Any) -> Any:
    """Numbers and lists as JSON has them."""
    return np.asarray(value).tolist()
