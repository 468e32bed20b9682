from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hairseg.fit import Fit
from hairseg.net import NetConfig
from hairseg.training.recipe import Augment, Recipe, Source, Stage

# Bins that fit into the 2 x 2 features of 64 px at stride 32.
TINY = NetConfig(
    backbone="test_efficientnet", bins=(1, 2), decoder="fine", widths=(8, 8, 8, 8, 8), pyramid_norm=True
)


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight photos with a red block of "hair" on noise."""
    folder = tmp_path_factory.mktemp("tiny")
    generator = np.random.default_rng(0)
    (folder / "images").mkdir()
    (folder / "masks").mkdir()
    for number in range(8):
        photo = generator.integers(0, 120, (72, 64, 3), np.uint8)
        truth = np.zeros((72, 64), np.uint8)
        top, left = generator.integers(4, 30, 2)
        truth[top : top + 30, left : left + 26] = 255
        photo[truth > 0] = (230, 40, 40)
        Image.fromarray(photo).save(folder / "images" / f"{number}.png")
        Image.fromarray(truth).save(folder / "masks" / f"{number}.png")
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
