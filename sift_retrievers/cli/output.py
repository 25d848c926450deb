"""What the subcommands print: JSON, or text that a terminal shows safely."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from math import isfinite
from typing import Any

from sift_retrievers.retrieval import Pick


def print_json(value: Any) -> None:
    """Print a value as JSON on stdout; numbers that are not finite become null."""
    plain = as_plain(value)
    text = json.dumps(plain, ensure_ascii=False, indent=2, allow_nan=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:  # another encoding, or half a character in a document
        text = json.dumps(plain, indent=2, allow_nan=False)
    print(text)


def visible(text: str, most: int | None = None) -> str:
    """A text on one line, without characters that control the terminal.

    Args:
        text: any.
        most: characters; a longer text is cut. None: it is not.
    """
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if most is None or len(line) <= most else f"{line[: most - 1]}…"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in plain text, its first column left, the others right."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in [header, *rows]
    )


def reason_of(pick: Pick[Any]) -> str:
    """Why a passage was chosen, in words."""
    parts = [
        f"adds {pick.information_gain:.2f} nats",
        f"{pick.novelty:.0%} new" + (" after the passages above" if pick.rank else ""),
        f"cosine {pick.similarity:.2f}",
    ]
    if "share" in pick.witnesses:
        parts.append(f"{pick.witnesses['share']:.0%} of the question's words")
    if pick.witnesses.get("mention"):
        parts.append("named by one of the best passages")
    return ", ".join(parts)


def pick_dict(pick: Pick[Any], metadata: Any) -> dict[str, Any]:
    """A chosen passage for JSON."""
    return {
        "id": pick.id,
        "text": pick.text,
        "metadata": metadata,
        "reason": reason_of(pick),
        **pick.numbers(),
    }


def as_plain(value: Any) -> Any:
    """A value as JSON holds it; numbers that are not finite become None, others texts."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): as_plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [as_plain(one) for one in value]
    item = getattr(value, "item", None)  # of a number of numpy
    if item is not None and getattr(value, "ndim", None) == 0:
        return as_plain(item())
    return str(value)
