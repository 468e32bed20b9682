"""Photos with true masks, from the layouts in which people have them.

    dataset = open_data("figaro1k:PATH", split="val84")
    photo, truth = read_item(dataset.items[0])

``figaro1k:PATH`` reads the repacked layout (``manifest.csv``) and the official archive's; ``folder:PATH``
reads ``images/`` + ``masks/`` or a ``manifest.csv``.
"""

from hairseg.data.check import check
from hairseg.data.items import IGNORE, DataSet, Item, read_item
from hairseg.data.sources import open_data

__all__ = ["IGNORE", "DataSet", "Item", "check", "open_data", "read_item"]
