"""Words that options take: apart from what acts on them, whose imports would be most of a photo's time.

A command line is understood, and its model on its way, before NumPy and Pillow are imported.
"""

from __future__ import annotations

from typing import Literal

# Where the hair ends: at a threshold, or in shares of hair.
Edge = Literal["hard", "soft"]

# What is made of a photo; names the results.
Kind = Literal["hair", "overlay", "cutout", "recolor", "labels"]
