"""The page that explains one retrieval: one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Final

SCRIPTS: Final = (
    "relevance.js",
    "phrases.js",
    "vectors.js",
    "choice.js",
    "elements.js",
    "columns.js",
    "map.js",
    "passages.js",
    "page.js",
)
"""In this order they are one script."""


def page(explanation: Mapping[str, Any]) -> str:
    """The page for an explanation.

    Texts of documents reach the page as JSON whose `<`, `>` and `&` are escapes, and are shown as
    text only. The page's content security policy lets no script run but its own, and loads nothing.

    Args:
        explanation: what `Explanation.to_dict(inputs=True)` gives. Without "inputs", as for more
            than 1,000 candidates, the page has no sliders.

    Raises:
        ValueError: for values that JSON cannot hold.
    """
    script = '(() => {\n"use strict";\n' + "\n".join(map(_asset, SCRIPTS)) + "\n})();"
    style = _asset("page.css")
    parts = {
        "TITLE": html.escape(_title(str(explanation.get("query", "")))),
        "POLICY": f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; "
        "base-uri 'none'; form-action 'none'",
        "STYLE": style,
        "DATA": as_json(explanation),
        "SCRIPT": script,
    }
    pieces = _asset("page.html").split("%%")
    return "".join(parts.get(piece, piece) for piece in pieces)


def as_json(value: Any) -> str:
    """JSON that may stand in a `<script>` element: no character of it has a meaning in HTML."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _title(query: str) -> str:
    """The question on one line, of characters that a file can hold."""
    line = " ".join(query.split()) or "(no text)"
    line = line if len(line) <= 120 else f"{line[:119]}…"
    return line.encode("utf-8", "replace").decode("utf-8")


def _asset(name: str) -> str:
    return (files("sift_retrievers.report") / "assets" / name).read_text(encoding="utf-8").strip()


def _hash(source: str) -> str:
    digest = hashlib.sha256(source.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
