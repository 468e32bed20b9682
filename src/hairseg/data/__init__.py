"""Photos with true masks, from the layouts in which people have them.

    dataset = open_data("figaro1k:PATH", split="val84")
    photo, truth = read_item(dataset.items[0])

Hair: ``figaro1k:PATH`` reads the repacked layout (``manifest.csv``) and the official archive's;
``folder:PATH`` reads ``images/`` + ``masks/`` or a ``manifest.csv``. Many classes: ``folder:PATH`` with a
``classes.csv``, ``fasseg:PATH``, ``ade20k:PATH``, ``voc:PATH`` and ``cityscapes:PATH``.
"""

from hairseg.classes import IGNORE
from hairseg.data.check import check
from hairseg.data.items import DataSet, Item, read_item
from hairseg.data.sources import common_classes, open_data

__all__ = ["IGNORE", "DataSet", "Item", "check", "common_classes", "open_data", "read_item"]
