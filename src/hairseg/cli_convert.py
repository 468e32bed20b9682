"""``hairseg convert``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from hairseg.cli_training import parse_overrides
from hairseg.errors import OutputError, UsageError, require
from hairseg.printable import printable
from hairseg.report import say

if TYPE_CHECKING:
    from hairseg.net.published import Converted


def convert(
    file: Path,
    *fields: Annotated[str, Parameter(allow_leading_hyphen=True)],
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    force: Annotated[bool, Parameter(alias="-f", negative="", show_default=False)] = False,
    as_json: Annotated[bool, Parameter(name="--json", negative="", show_default=False)] = False,
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"], negative="", show_default=False)] = False,
) -> int:
    """Turn published PSPNet weights into a file that hairseg.net.load, train and export take.

    Read are the formats of semseg, mmsegmentation, segmentation_models.pytorch and the seed's upstream. Which
    one a file is, its backbone and its classes are seen in it, and printed.

    Parameters
    ----------
    file
        A .pth, .pt, .ckpt or .safetensors file. No code in it is run.
    fields
        What no tensor shows, as fields of the network: --bins '[1, 2, 4]' --align-corners true.
    output
        The .safetensors file to write; beside the other by default.
    force
        Replace a file that exists already, instead of keeping it.
    as_json
        Print one line of JSON.
    quiet
        Say nothing but failures.
    """
    require("torch", "train")
    from hairseg.net.published import convert as convert_file

    target = _target(file, output)
    if target.exists() and not force:
        if not quiet:
            say(f"{printable(target)} exists and is kept: use --force to replace it")
        if as_json:
            print(json.dumps({"file": str(file), "output": str(target), "status": "kept"}))
        return 0
    converted = convert_file(file, **_changes(fields))
    _write(converted, target, file)
    if converted.left_out and not quiet:
        from hairseg.net.published.fitting import some

        say(f"left out, since they give no logits: {some(converted.left_out)}")
    facts = _facts(converted)
    if as_json:
        print(json.dumps({"file": str(file), "output": str(target), "status": "done", **facts}))
    else:
        print(f"{printable(file)}: {_sentence(facts)} -> {printable(target)}")
    return 0


def _target(file: Path, output: Path | None) -> Path:
    target = output or file.with_suffix(".safetensors")
    if target.suffix.lower() != ".safetensors":
        raise UsageError(f"{printable(target)}: a converted file ends in .safetensors")
    if target == file:
        raise UsageError(f"{printable(file)} would be its own result: name another file with -o")
    return target


def _changes(fields: tuple[str, ...]) -> dict[str, Any]:
    from hairseg.net import NetConfig
    from hairseg.training.table import from_table

    given = parse_overrides(fields)
    checked = from_table(NetConfig, given, "hairseg convert")
    return {name: getattr(checked, name) for name in given}


def _write(converted: Converted, target: Path, file: Path) -> None:
    from safetensors import SafetensorError

    from hairseg.save import why_unwritable

    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        converted.write(target, source=file.name)
    except OSError as error:
        raise OutputError(f"{printable(target)} cannot be written: {why_unwritable(error)}") from error
    except SafetensorError as error:
        raise OutputError(
            f"{printable(target)} cannot be written ({error}): choose another place with -o"
        ) from error


def _facts(converted: Converted) -> dict[str, Any]:
    """What is told of a converted network."""
    config = converted.config
    return {
        "preset": converted.preset,
        "backbone": config.backbone,
        "stem": config.stem,
        "bins": list(config.bins),
        "classes": config.classes,
        "auxiliary": config.auxiliary,
        "parameters": sum(parameter.numel() for parameter in converted.net.parameters()),
        "left_out": list(converted.left_out),
    }


def _sentence(facts: dict[str, Any]) -> str:
    stem = "" if facts["stem"] == "own" else f" with {facts['stem']} stem"
    pyramid = "-".join(map(str, facts["bins"])) or "none"
    classes = "1 class" if facts["classes"] == 1 else f"{facts['classes']} classes"
    auxiliary = "with" if facts["auxiliary"] else "without"
    return (
        f"{facts['preset']}, {facts['backbone']}{stem}, pyramid {pyramid}, {classes}, "
        f"{auxiliary} auxiliary head, {facts['parameters']:,} parameters"
    )
