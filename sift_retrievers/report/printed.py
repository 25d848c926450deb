"""The printed form of an explanation: as plain text, and as a table of rich."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from rich.console import Group

MOST_ROWS: Final = 30
SNIPPET: Final = 60  # characters of a passage that are shown
QUERY: Final = 200  # and of a query

HEADINGS: Final = (
    "rank",
    "relevance",
    "cosine",
    "words",
    "named",
    "novel",
    "gain",
    "left",
    "reason",
    "passage",
)
_WIDTHS: Final = (5, 9, 6, 5, 5, 5, 7, 7, -21, 0)  # negative: on the left


def as_text(explanation: Mapping[str, Any]) -> str:
    """The explanation, what `Explanation.to_dict()` gives, as a table of at most 30 passages."""
    lines = [*_summary(explanation), "", _line(HEADINGS)]
    lines += [_line(_cells(passage)) for passage in explanation["passages"][:MOST_ROWS]]
    return "\n".join(lines + _rest(explanation))


def as_rich(explanation: Mapping[str, Any]) -> Group:
    """The same for `rich.print`."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    shown = [at for at, heading in enumerate(HEADINGS) if heading not in ("named", "left")]
    for at in shown:
        last = at == shown[-1]
        table.add_column(
            HEADINGS[at],
            justify="left" if _WIDTHS[at] <= 0 else "right",
            no_wrap=True,
            overflow="ellipsis",
            ratio=1 if last else None,
            min_width=None if last else min(abs(_WIDTHS[at]), 11),
        )
    for passage in explanation["passages"][:MOST_ROWS]:
        cells, picked = _cells(passage), passage["rank"] is not None
        # Text, not a string, in which rich would look for its own markup.
        table.add_row(*(Text(cells[at]) for at in shown), style="bold" if picked else "dim")
    return Group(*map(Text, _summary(explanation)), Text(), table, *map(Text, _rest(explanation)))


def visible(text: str, most: int) -> str:
    """The beginning of a text on one line; control and bidirectional characters as escapes."""
    line = " ".join(text[: 4 * most].split())
    line = line if len(line) <= most else line[: most - 1] + "…"
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in line
    )


def literal(text: str) -> str:
    """A text in which matplotlib sees no formula."""
    return text.replace("$", r"\$")


def _summary(explanation: Mapping[str, Any]) -> list[str]:
    passages = explanation["passages"]
    chosen = sum(passage["rank"] is not None for passage in passages)
    times = ", ".join(f"{n} {1e3 * value:.1f} ms" for n, value in explanation["seconds"].items())
    settings = ", ".join(f"{name}={value!r}" for name, value in explanation["settings"].items())
    warned = ": probably not" if explanation["probably_missing"] else ""
    return [
        f"{visible(explanation['query'], QUERY)!r}: {chosen} of {len(passages)} passages "
        f"(ended by {explanation['stop_reason']})",
        f"settings: {settings}",
        f"vectors:  {explanation['vectors']}",
        f"time:     {times}",
        f"chance that the evidence is there: {explanation['chance']:.2f}{warned}",
    ]


def _rest(explanation: Mapping[str, Any]) -> list[str]:
    more = len(explanation["passages"]) - MOST_ROWS
    return [f"… and {more} more: to_pandas(), to_dict() and html(…) have all"] if more > 0 else []


def _cells(passage: Mapping[str, Any]) -> list[str]:
    witnesses = passage["witnesses"]
    numbers: list[tuple[float | None, int]] = [
        (passage["relevance"], 2),
        (passage["similarity"], 3),
        (witnesses.get("share"), 2),
        (witnesses.get("mention") or None, 2),
        (passage["novelty"], 2),
        (passage["information_gain"], 4),
        (passage["gain_left"], 4),
    ]
    rank = "" if passage["rank"] is None else str(passage["rank"])
    cells = ["" if value is None else f"{value:.{digits}f}" for value, digits in numbers]
    return [rank, *cells, passage["reason"], visible(passage["text"], SNIPPET)]


def _line(cells: Sequence[str]) -> str:
    sides = (
        f"{cell:>{width}}" if width > 0 else f"{cell:<{-width}}"
        for cell, width in zip(cells, _WIDTHS, strict=True)
    )
    return "  ".join(sides).rstrip()
