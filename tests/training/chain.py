"""Two recipes in files, of which the second begins where the first ends."""

from __future__ import annotations

from pathlib import Path


def write_chain(folder: Path, data: Path) -> Path:
    """Two recipes, of which the second goes on from the first."""
    common = f"""
        backbone_rate = 3e-3
        head_rate = 1e-2
        warmup = 2
        ema = 0.5
        bf16 = false
        workers = 0
        [net]
        backbone = "test_efficientnet"
        bins = [1, 2]
        decoder = "fine"
        widths = [8, 8, 8, 8, 8]
        pyramid_norm = true
        [fit]
        mode = "area"
        size = 64
        [[train]]
        data = "folder:{data}"
        split = ""
        [[validate]]
        data = "folder:{data}"
        split = ""
        [[stages]]
        epochs = 2
        size = 64
        batch = 4
    """
    (folder / "first.toml").write_text('pretrained = "none"\n' + common)
    (folder / "second.toml").write_text('pretrained = "first.toml"\nseed = 5\n' + common)
    return folder / "second.toml"
