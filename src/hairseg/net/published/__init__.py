"""Weights that others published: recognised by their names and shapes, and turned into a network of ours."""

from hairseg.net.published.convert import Converted, convert, from_state

__all__ = ["Converted", "convert", "from_state"]
