"""Hook of MkDocs: each notebook with its kept outputs as a page. Nothing is executed."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

NOTEBOOKS = Path(__file__).with_name("notebooks")
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
"""Colours of a terminal."""


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add a page for each notebook, and its pictures as files."""
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        text, pictures = page_of(path)
        files.append(File.generated(config, f"notebooks/{path.stem}.md", content=text))
        for name, picture in pictures.items():
            files.append(File.generated(config, f"notebooks/{name}", content=picture))
    return files


def page_of(path: Path) -> tuple[str, dict[str, bytes]]:
    """The notebook as Markdown, and its pictures by the names that the Markdown uses."""
    parts: list[str] = []
    pictures: dict[str, bytes] = {}
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = joined(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
            continue
        parts.append(fenced(source, "python"))
        for output in cell["outputs"]:
            png = output.get("data", {}).get("image/png")
            if png is None:
                parts.append(fenced(plain_text(output), "text"))
                continue
            name = f"{path.stem}-{len(pictures) + 1}.png"
            pictures[name] = base64.b64decode(joined(png))
            parts.append(f"![A plot, drawn by the code above]({name})")
    parts.append(f"[The notebook]({path.name})")
    return "\n\n".join(part for part in parts if part), pictures


def plain_text(output: dict[str, Any]) -> str:
    """What an output shows as text."""
    shown = output["text"] if "text" in output else output.get("data", {}).get("text/plain", "")
    return ESCAPE.sub("", joined(shown))


def joined(lines: str | list[str]) -> str:
    """A text of the notebook format, which may be split into lines."""
    return lines if isinstance(lines, str) else "".join(lines)


def fenced(text: str, language: str) -> str:
    """A code block, with a fence that does not occur in the text; "" for no text."""
    fence = "`" * max(3, 1 + max(map(len, re.findall(r"`+", text)), default=0))
    return f"{fence}{language}\n{text.rstrip()}\n{fence}" if text.strip() else ""
