"""Quotes names and values for the SQL of embedded databases, so that they cannot change a query."""

from __future__ import annotations

import math
from typing import Any


def identifier(name: str, quote: str = '"') -> str:
    """The name of a column, in the quotes of an SQL dialect."""
    return quote + name.replace(quote, 2 * quote) + quote


def literal(value: Any) -> str:
    """A text, number or truth value as SQL.

    Raises:
        TypeError: for any other type.
        ValueError: for NaN and infinite numbers.
    """
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"a filter compares with finite numbers; got {value}")
        return repr(float(value))
    raise TypeError(
        f"a filter compares with a text, a number or a truth value; got {type(value).__name__}"
    )
