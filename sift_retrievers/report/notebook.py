"""The forms that notebooks show, as HTML in which texts are only text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

from sift_retrievers.report.printed import MOST_ROWS, QUERY, visible

PASSAGE: Final = 160  # characters of a passage that a row shows
VALUE: Final = 200  # and of a setting

_CELL: Final = "text-align:left;vertical-align:top;padding:.25em .6em"
_NUMBER: Final = "text-align:right;vertical-align:top;padding:.25em .6em;white-space:nowrap"


def explanation_html(explanation: Mapping[str, Any]) -> str:
    """An explanation, what `Explanation.to_dict()` gives, as a table of at most 30 passages."""
    passages = explanation["passages"]
    chosen = sum(passage["rank"] is not None for passage in passages)
    most = max((passage["information_gain"] or 0.0 for passage in passages), default=0.0)
    warned = " (probably not)" if explanation["probably_missing"] else ""
    summary = (
        f"{chosen} of {len(passages)} passages, ended by {explanation['stop_reason']}; chance that "
        f"the evidence is there: {explanation['chance']:.2f}{warned}"
    )
    rows = [_row(passage, most) for passage in passages[:MOST_ROWS]]
    more = len(passages) - MOST_ROWS
    rest = f"<p>… and {more} more</p>" if more > 0 else ""
    head = "".join(
        f'<th scope="col" style="{_NUMBER if number else _CELL}">{name}</th>'
        for name, number in (
            ("pick", True),
            ("gain, nats", False),
            ("new", True),
            ("relevance", True),
            ("cosine", True),
            ("words", True),
            ("reason", False),
            ("passage", False),
        )
    )
    return (
        f"<div><p><strong>{escape(visible(explanation['query'], QUERY))}</strong><br>"
        f"{escape(summary)}</p><table><thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table>{rest}"
        "<p><small><code>explanation.html(&quot;page.html&quot;)</code> writes the page with "
        "sliders</small></p></div>"
    )


def table_html(
    caption: str, headings: Sequence[str], rows: Sequence[Sequence[str]], bold: int | None = None
) -> str:
    """A table of texts: the first column on the left, the others, numbers, on the right.

    Args:
        caption: above the table.
        headings: of the columns.
        rows: as many texts each as there are headings.
        bold: the row to stress.
    """
    styles = [_CELL] + [_NUMBER] * (len(headings) - 1)
    head = "".join(
        f'<th scope="col" style="{style}">{escape(heading)}</th>'
        for style, heading in zip(styles, headings, strict=True)
    )
    body = []
    for at, row in enumerate(rows):
        weight = ";font-weight:bold" if at == bold else ""
        cells = (
            f'<td style="{style}{weight}">{escape(visible(cell, VALUE))}</td>'
            for style, cell in zip(styles, row, strict=True)
        )
        body.append(f"<tr>{''.join(cells)}</tr>")
    return (
        f'<table><caption style="text-align:left">{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"
    )


def settings_html(title: str, settings: Mapping[str, Any]) -> str:
    """Names and values, of a retriever say, as a table with a caption; without those of None."""
    rows = "".join(
        f'<tr><th scope="row" style="{_CELL}">{escape(name)}</th>'
        f'<td style="{_CELL}"><code>{escape(visible(_shown(value), VALUE))}</code></td></tr>'
        for name, value in settings.items()
        if value is not None
    )
    return (
        f'<table><caption style="text-align:left"><strong>{escape(title)}</strong></caption>'
        f"<tbody>{rows}</tbody></table>"
    )


def _shown(value: Any) -> str:
    if callable(value) and hasattr(value, "__qualname__"):
        return f"{value.__qualname__}(…)"  # an address in memory says nothing
    return repr(value)


def _row(passage: Mapping[str, Any], most: float) -> str:
    gain, share = passage["information_gain"], passage["witnesses"].get("share")
    bar = ""
    if gain is not None:
        width = 6 * gain / most if most > 0 else 0.0
        bar = (
            f'<span aria-hidden="true" style="display:inline-block;height:.7em;'
            f'width:{width:.2f}em;background:#1667c5;margin-right:.4em"></span>{gain:.3f}'
        )
    cells = [
        ("" if passage["rank"] is None else str(passage["rank"] + 1), _NUMBER),
        (bar, f"{_CELL};white-space:nowrap"),
        ("" if passage["novelty"] is None else f"{passage['novelty']:.0%}", _NUMBER),
        (f"{passage['relevance']:.2f}", _NUMBER),
        (f"{passage['similarity']:.3f}", _NUMBER),
        ("" if share is None else f"{share:.2f}", _NUMBER),
        (escape(passage["reason"]), _CELL),
        (escape(visible(passage["text"], PASSAGE)), _CELL),
    ]
    columns = "".join(f'<td style="{style}">{cell}</td>' for cell, style in cells)
    return f"<tr>{columns}</tr>"
