"""The rows of a JSON, JSONL or CSV file, each with the place that a message names."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sift_retrievers.evaluation.cells import is_absent

JSON_SUFFIXES: Final = (".json", ".jsonl", ".ndjson")
CSV_SUFFIXES: Final = (".csv", ".tsv")
LISTS: Final = ("examples", "goldens", "samples", "questions", "data", "rows")
"""Fields of a JSON object that hold the list of rows."""
ASKED: Final = ("question", "query", "user_input", "input")
"""Fields that hold the question of a row, or those of all rows in a file of columns."""
LONGEST_CELL: Final = 2**31 - 1

_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass
class Row:
    """The fields of one row. `take` marks a field as read; `rest` holds the others."""

    place: str
    """For messages: "row 3 of questions.csv"."""
    fields: Mapping[str, Any]
    keys: dict[str, str] = field(init=False)
    """The fields that say something: from their plain name ("expected_output") to the file's own
    ("expectedOutput", "Expected output")."""
    taken: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.keys = {}
        for key, value in self.fields.items():
            if is_absent(value):
                continue
            name = plain_name(str(key))
            if name in self.keys:
                raise ValueError(
                    f"{self.place} has two fields {self.keys[name]!r} and {key!r}; expected one"
                )
            self.keys[name] = key

    def take(self, *names: str) -> Any:
        """The value of the first of these fields that says something; None if none does."""
        for name in names:
            if name in self.keys:
                self.taken.add(self.keys[name])
                return self.fields[self.keys[name]]
        return None

    def take_with(self, *prefixes: str) -> dict[str, Any]:
        """The fields whose plain names begin with one of these, without their beginning."""
        found = {}
        for name, key in self.keys.items():
            for prefix in prefixes:
                if name.startswith(prefix) and len(name) > len(prefix):
                    found[name.removeprefix(prefix)] = self.fields[key]
                    self.taken.add(key)
                    break
        return found

    @property
    def rest(self) -> dict[str, Any]:
        """The fields that nobody took, by the file's own names, empty ones included."""
        return {key: value for key, value in self.fields.items() if key not in self.taken}


def plain_name(key: str) -> str:
    """A field's name in lower case with underscores: "expectedOutput" is "expected_output"."""
    return re.sub(r"[\s_\-]+", "_", _HUMP.sub("_", key.strip())).lower()


def read_rows(path: Path) -> list[Row]:
    """The rows of a file, by the ending of its name; `.gz` after it is understood.

    Raises:
        ValueError: for another ending, text that is not UTF-8, JSON or CSV that cannot be read, or
            rows that are no objects.
    """
    name = path.name.lower()
    packed = name.endswith(".gz")
    suffix = Path(name.removesuffix(".gz")).suffix
    if suffix not in (*JSON_SUFFIXES, *CSV_SUFFIXES):
        expected = ", ".join((*JSON_SUFFIXES, *CSV_SUFFIXES))
        raise ValueError(f"a file of questions must end in {expected}; got {path.name!r}")
    content = path.read_bytes()
    try:
        text = (gzip.decompress(content) if packed else content).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path.name} must be text in UTF-8; {error}") from None
    except (OSError, EOFError) as error:  # of gzip
        raise ValueError(f"{path.name} cannot be unpacked: {error}") from None
    if suffix in CSV_SUFFIXES:
        return [*_csv_rows(text, path.name)]
    return [*_json_rows(text, path.name)]


def _csv_rows(text: str, name: str) -> Iterator[Row]:
    head = text.partition("\n")[0]
    separator = max(",;\t", key=head.count)
    before = csv.field_size_limit(LONGEST_CELL)
    try:
        lines = [*csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)]
    except csv.Error as error:
        raise ValueError(f"{name} is no CSV that can be read: {error}") from None
    finally:
        csv.field_size_limit(before)
    filled = [line for line in lines if any(cell.strip() for cell in line)]
    header = filled[0] if filled else []
    twice = sorted({key for key in header if key.strip() and header.count(key) > 1})
    if twice:
        raise ValueError(f"{name} has more than one column named {twice[0]!r}")
    for number, line in enumerate(filled[1:], 1):
        place = f"row {number} of {name}"
        if len(line) > len(header):
            raise ValueError(f"{place} has {len(line)} cells; the header has {len(header)}")
        yield Row(place, dict(zip(header, line, strict=False)))


def _json_rows(text: str, name: str) -> Iterator[Row]:
    try:
        content = json.loads(text)
    except RecursionError:
        raise ValueError(f"{name} is nested too deeply") from None
    except ValueError as whole:
        lines = [(i, line) for i, line in enumerate(text.split("\n"), 1) if line.strip()]
        if not lines:
            return
        for number, line in lines:
            place = f"line {number} of {name}"
            try:
                yield _row(place, json.loads(line))
            except json.JSONDecodeError as error:
                # Of a file that is one value over many lines, its own error says more.
                shown = whole if number == lines[0][0] and line.strip() in "[{" else error
                raise ValueError(f"{place} is no JSON: {shown}") from None
        return
    for number, fields in enumerate(_listed(content), 1):
        yield _row(f"row {number} of {name}", fields)


def _row(place: str, fields: Any) -> Row:
    if not isinstance(fields, Mapping):
        raise ValueError(f"{place} must be a JSON object; got {str(fields)[:80]!r}")
    return Row(place, fields)


def _listed(content: Any) -> list[Any]:
    """The rows of a JSON value: a list, an object that holds one, columns, or a single row."""
    if isinstance(content, list):
        return content
    if not isinstance(content, Mapping):
        return [content]
    asked = next((content[key] for key in ASKED if key in content), None)
    if isinstance(asked, Mapping):
        asked = [*asked.values()]
    if isinstance(asked, list) and asked and all(isinstance(text, str) for text in asked):
        columns = {
            key: [*column.values()] if isinstance(column, Mapping) else column
            for key, column in content.items()
        }
        if all(
            isinstance(column, list) and len(column) == len(asked) for column in columns.values()
        ):
            return [{key: columns[key][i] for key in columns} for i in range(len(asked))]
    for key in LISTS:
        rows = content.get(key)
        if asked is None and isinstance(rows, list) and rows and isinstance(rows[0], Mapping):
            return rows
    return [content]
