"""The folder of evaluation data that SIFT_DATA names, and the files of JSON lines in it.

Nothing is downloaded: a benchmark that misses something says what must be there and where it comes
from.
"""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any


class MissingDataError(Exception):
    """SIFT_DATA is not set, or a file is not there; the text says what is expected."""


def data_folder(layout: str) -> Path:
    """The folder that SIFT_DATA names; `layout` says what must be in it.

    Raises:
        MissingDataError: if it is not set, or no folder.
    """
    named = os.environ.get("SIFT_DATA", "")
    if not named:
        raise MissingDataError(f"SIFT_DATA is not set.\n\n{layout}")
    folder = Path(named)
    if not folder.is_dir():
        raise MissingDataError(f"SIFT_DATA names {named!r}, which is no folder.\n\n{layout}")
    return folder


def json_lines(file: Path, needed: tuple[str, ...], key: str | None = "id") -> list[dict[str, Any]]:
    """The lines of a gzipped file, with the strings `needed`, and with `key` different in each.

    Raises:
        ValueError: for a line that is no such object, or a key that comes twice.
    """
    rows, seen = [], set()
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                row = json.loads(line)
            except json.JSONDecodeError:
                row = None
            if not (isinstance(row, dict) and all(isinstance(row.get(f), str) for f in needed)):
                raise ValueError(
                    f"{file}, line {number}: expected an object with the strings {list(needed)}; "
                    f"got {line.strip()[:200]}"
                )
            if key and row[key] in seen:
                raise ValueError(f"{file}, line {number}: the {key} {row[key]!r} came before")
            seen.add(row[key] if key else number)
            rows.append(row)
    return rows
