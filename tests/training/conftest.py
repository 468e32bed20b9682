from __future__ import annotations

from pathlib import Path

import pytest

from hairseg.fit import Fit
from hairseg.net import NetConfig
from hairseg.training.recipe import Augment, Recipe, Source, Stage
from toys import write_toy_photos

# Bins that fit into the 2 x 2 features of 64 px at stride 32.
TINY = NetConfig(
    backbone="test_efficientnet", bins=(1, 2), decoder="fine", widths=(8, 8, 8, 8, 8), pyramid_norm=True
)


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight photos with a red block of "hair" on noise."""
    folder = tmp_path_factory.mktemp("tiny")
    write_toy_photos(folder)
    return folder


@pytest.fixture
def recipe(tiny_data: Path) -> Recipe:
    source = Source(f"folder:{tiny_data}", "")
    return Recipe(
        name="tiny",
        net=TINY,
        train=(source,),
        validate=(source,),
        stages=(
            Stage(epochs=2, size=64, area=(0.6, 1.0), batch=4),
            Stage(epochs=1, size=96, area=(0.6, 1.0), batch=4),
        ),
        fit=Fit("area", 64),
        augment=Augment(jpeg=0.5, blur=0.5, grey=0.2),
        pretrained="none",
        backbone_rate=3e-3,
        head_rate=1e-2,
        warmup=2,
        ema=0.5,
        bf16=False,
        workers=0,
    )
