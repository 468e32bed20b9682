from __future__ import annotations

import json
import re
from pathlib import Path

import hairseg.serve
from hairseg import color, dye, edge
from hairseg.serve.constants import constants, constants_module, swatches

PAGE = Path(hairseg.serve.__file__).parent / "page"


def test_tuning_python_tunes_the_page() -> None:
    found = constants()
    assert found["EDGE"]["GRID"] == edge.GRID
    assert found["EDGE"]["OUTSIDE"] == list(edge.OUTSIDE)
    assert found["DYE"]["PHOTOGRAPHED"][0][0] == dye._PHOTOGRAPHED[0, 0]
    assert found["COLOR"]["FROM_LAB"][2][2] == color._FROM_LAB[2, 2]
    assert "DECODE" not in found["COLOR"]


def test_every_swatch_in_its_order() -> None:
    assert {swatch["name"]: swatch["hex"] for swatch in swatches()} == color.SWATCHES
    assert [swatch["name"] for swatch in swatches()] == list(color.SWATCHES)


def test_the_module_exports_what_the_page_imports() -> None:
    exported = dict(re.findall(r"export const (\w+) = (.*?);\n", constants_module(), flags=re.DOTALL))
    names = {name.lower() for name in constants()}
    assert names == {"fit", "resample", "closer", "edge", "foreground", "color", "dye", "heads", "paint"}
    for name, value in constants().items():
        assert json.loads(exported[name]) == value
    imports = re.findall(
        r'import \{ ([\w, ]+) \} from "./constants.js"', "".join(map(Path.read_text, PAGE.glob("*.js")))
    )
    wanted = {name for names in imports for name in names.split(", ")}
    assert wanted <= set(exported)
    assert {"SWATCHES", "RESAMPLE"} <= wanted


def test_every_constant_that_the_page_reads_exists() -> None:
    found = constants()
    for script in PAGE.glob("*.js"):
        for module, name in re.findall(r"\b([A-Z]{3,})\.([A-Z_]+)\b", script.read_text(encoding="utf-8")):
            if module in found:
                assert name in found[module], f"{script.name}: {module}.{name}"
