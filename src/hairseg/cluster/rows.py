"""A photo's result, or its failure, as a row of a Parquet table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hairseg.errors import UsageError
from hairseg.rle import from_rle

if TYPE_CHECKING:
    import pyarrow

Row = dict[str, Any]


def schema() -> pyarrow.Schema:
    """Columns of the result.

    name: the photo's path below INPUT, or what its Parquet file calls it. error: why it failed; all that
    follows is empty then. width, height: in pixels, upright. fraction: share of hair, 0 to 1. box: x0, y0, x1,
    y1 in pixels, x1 and y1 exclusive; empty without hair. color, color_name: of the hair. threshold, model:
    what found it. notes: what a person should know. rle: the mask, in COCO's compressed run lengths. output:
    the mask's file below OUTPUT, where files are asked for.
    """
    import pyarrow as pa

    return pa.schema(
        [
            ("name", pa.string()),
            ("error", pa.string()),
            ("width", pa.int32()),
            ("height", pa.int32()),
            ("fraction", pa.float64()),
            ("box", pa.list_(pa.int32())),
            ("color", pa.string()),
            ("color_name", pa.string()),
            ("threshold", pa.float64()),
            ("model", pa.string()),
            ("notes", pa.list_(pa.string())),
            ("rle", pa.struct([("size", pa.list_(pa.int32())), ("counts", pa.string())])),
            ("output", pa.string()),
        ]
    )


def found_row(name: str, found: Mapping[str, Any]) -> Row:
    """The row of a photo's ``Hair.to_dict(rle=True)``."""
    color = found["color"] or {}
    return {
        **{key: found[key] for key in ("width", "height", "fraction", "box", "threshold", "model", "notes")},
        "name": _text(name),
        "color": color.get("hex"),
        "color_name": color.get("name"),
        "rle": found["rle"],
    }


def failed_row(name: str, error: object) -> Row:
    """The row of a photo that could not be done."""
    return {"name": _text(name), "error": str(error)}


def mask_of(row: Row) -> NDArray[np.bool_]:
    """(H, W) bool: the mask that a row holds."""
    return from_rle(row["rle"])


def encode(rows: Sequence[Row]) -> bytes:
    """The bytes of a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    buffer = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows, schema()), buffer)
    data: bytes = buffer.getvalue().to_pybytes()
    return data


def decode(data: bytes, columns: Sequence[str] | None = None, name: str = "the file of rows") -> list[Row]:
    """The rows of a Parquet file; ``name`` is what a message calls it.

    Raises:
        UsageError: it is damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows: list[Row] = pq.read_table(pa.BufferReader(data), columns=columns).to_pylist()
        if any(row.keys() < set(columns or ("name", "error")) for row in rows):
            raise ValueError("a column is missing")
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        reason = str(error).partition("\n")[0]
        raise UsageError(f"{name} is damaged ({reason}): remove it, and its photos are done again") from error
    return rows


def _text(name: str) -> str:
    """A file name as valid Unicode."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
