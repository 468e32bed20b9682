"""What a run leaves for its reader: curves, and the validation photos that it finds hardest."""

from __future__ import annotations

from hairseg.data import read_item
from hairseg.evaluation.metrics import count
from hairseg.training.batches import open_sources
from hairseg.training.checkpoint import read_checkpoint
from hairseg.training.curves import draw_curves
from hairseg.training.predict import predictor
from hairseg.training.recipe import Recipe
from hairseg.training.run import Run

SHOWN = 12


def finish(run: Run, recipe: Recipe) -> None:
    """Write ``curves.png`` and ``worst.png`` into the run's folder."""
    draw_curves(run.lines(), run.folder / "curves.png")
    items = [item for dataset in open_sources(recipe.validate) for item in dataset.items]
    if not items:
        return
    from hairseg.evaluation.sheets import sheet

    net, _, _ = read_checkpoint(run.best)
    predict = predictor(net, recipe.fit, recipe.bf16)
    scored = []
    for item in items:
        photo, truth = read_item(item)
        scored.append((count(predict(photo) >= 0.5, truth).iou, item))
    scored.sort(key=lambda pair: pair[0])
    sheet([item for _, item in scored[:SHOWN]], predict).save(run.folder / "worst.png")
