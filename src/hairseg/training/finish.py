"""What a run leaves for its reader: curves, and the validation photos that it finds hardest."""

from __future__ import annotations

from PIL import Image

from hairseg.data import Item, common_classes, read_item
from hairseg.evaluation.metrics import count
from hairseg.evaluation.scene_protocol import score_photo
from hairseg.evaluation.scene_sheets import scene_sheet
from hairseg.evaluation.sheets import sheet
from hairseg.net import PSPNet
from hairseg.training.batches import open_sources
from hairseg.training.checkpoint import read_checkpoint
from hairseg.training.curves import draw_curves
from hairseg.training.precision import best_device
from hairseg.training.predict import parser, predictor
from hairseg.training.recipe import Recipe
from hairseg.training.run import Run

SHOWN = 12


def finish(run: Run, recipe: Recipe) -> None:
    """Write ``curves.png`` and ``worst.png`` into the run's folder."""
    draw_curves(run.lines(), run.folder / "curves.png")
    datasets = open_sources(recipe.validate, recipe.net.classes)
    items = [item for dataset in datasets for item in dataset.items]
    if not items:
        return
    net, _, _ = read_checkpoint(run.best)
    net.to(best_device())
    classes = common_classes(datasets)
    if classes:
        parse = parser(net, recipe.fit, recipe.bf16)
        hardest = sorted(items, key=lambda item: score_photo(parse, item)[0].mean_iou)
        picture = scene_sheet(hardest[:SHOWN], parse, classes)
    else:
        picture = _hair(net, recipe, items)
    picture.save(run.folder / "worst.png")


def _hair(net: PSPNet, recipe: Recipe, items: list[Item]) -> Image.Image:
    predict = predictor(net, recipe.fit, recipe.bf16)
    scored = []
    for item in items:
        photo, truth = read_item(item)
        scored.append((count(predict(photo) >= 0.5, truth).iou, item))
    scored.sort(key=lambda pair: pair[0])
    return sheet([item for _, item in scored[:SHOWN]], predict)
