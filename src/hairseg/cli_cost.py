"""The verb ``cost``: what a network costs, before anybody trains it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from hairseg.errors import UsageError, require


def cost(
    recipe: Path | None = None,
    *,
    preset: str | None = None,
    backbone: str | None = None,
    classes: int | None = None,
    size: int | None = None,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
) -> int:
    """Print parameters and multiply-adds of a network, part by part.

    Parameters
    ----------
    recipe
        A TOML file, or --preset instead.
    preset
        A published PSPNet: paper, semseg, mmseg, smp, paddle, gluon or seed.
    backbone
        Another than the preset's own, for example resnet101.
    classes
        How many the preset tells apart; 1 by default.
    size
        Side of the square photo in pixels; the recipe's canvas size by default, and 473 for a preset.
    as_json
        One JSON object instead of a table.
    """
    require("torch", "train")
    import torch

    from hairseg.net import build
    from hairseg.net.cost import cost as cost_of
    from hairseg.net.presets import preset as config_of
    from hairseg.training.recipe import read_recipe

    changes = {
        key: value for key, value in (("backbone", backbone), ("classes", classes)) if value is not None
    }
    if (recipe is None) == (preset is None):
        raise UsageError("cost: give a recipe or --preset, one of them")
    if size is not None and size < 1:
        raise UsageError(f"--size {size} is out of range: use a positive number of pixels")
    if recipe is not None and changes:
        raise UsageError(f"--{next(iter(changes))} goes with --preset; a recipe says its own")
    if recipe is not None:
        chosen = read_recipe(recipe)
        name, config, side = chosen.name, chosen.net, size or chosen.fit.size
    else:
        # The paper's crop, at which the sizes of PSPNets are compared.
        name, config, side = str(preset), config_of(str(preset), **changes), size or 473
    with torch.device("meta"):
        net = build(config)
        try:
            rows = cost_of(net, side, side)
        except (RuntimeError, AssertionError) as error:  # as PyTorch and timm say it
            raise UsageError(
                f"{name}: {config.backbone} takes no photos of {side} x {side} pixels ({error}): give another --size, or "
                "another backbone"
            ) from error
    if as_json:
        parts = {row.name: {"parameters": row.parameters, "multiply_adds": row.multiply_adds} for row in rows}
        print(json.dumps({"name": name, "size": side, **parts}))
        return 0
    print(f"{name} at {side}x{side}")
    print(f"{'part':<12}{'parameters':>14} {'multiply-adds':>18}")
    for row in rows:
        print(f"{row.name:<12}{row.parameters:>14,} {row.multiply_adds:>18,}")
    return 0
