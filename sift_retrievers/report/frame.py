"""The passages of an explanation as a table of pandas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pandas import DataFrame


def passages_frame(explanation: Mapping[str, Any]) -> DataFrame:
    """A row for each passage; the score by each witness in a column "witness_…" of its own.

    Args:
        explanation: what `Explanation.to_dict()` gives.

    Raises:
        ImportError: without pandas.
    """
    try:
        from pandas import DataFrame
    except ImportError as error:
        raise ImportError("this needs pandas: pip install 'sift-retrievers[report]'") from error
    rows = []
    for passage in explanation["passages"]:
        plain = {name: value for name, value in passage.items() if name != "witnesses"}
        scores = {f"witness_{name}": value for name, value in passage["witnesses"].items()}
        rows.append(plain | scores)
    columns = None if rows else [*_COLUMNS]
    frame = DataFrame(rows, columns=columns)
    return frame.astype({"rank": "Int64"})  # whole numbers, of which some are missing


_COLUMNS = (
    "id",
    "text",
    "similarity",
    "relevance",
    "rank",
    "information_gain",
    "novelty",
    "gain_alone",
    "gain_left",
    "reason",
)
