"""Text files of a data set: lists and tables, from wherever they were written."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from hairseg.errors import DataError


def read_text(path: Path) -> str:
    """A file of UTF-8, with or without the mark that some editors put in front.

    Raises:
        DataError: missing, unreadable or not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: not UTF-8 text ({error.reason} at byte {error.start}): save it as UTF-8"
        ) from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error


def read_table(path: Path) -> tuple[list[str], list[dict[str, str | None]]]:
    """The columns and the rows of a CSV file; a row that is too short has None in what it lacks.

    Raises:
        DataError: missing, unreadable or no such table.
    """
    reader = csv.DictReader(io.StringIO(read_text(path), newline=""), skipinitialspace=True)
    try:
        return list(reader.fieldnames or ()), list(reader)
    except csv.Error as error:
        raise DataError(f"{path}: not a table of comma-separated values ({error})") from error
