"""The hooks of the site: links, pages made of notebooks, nothing loaded from the network."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from code_blocks import ROOT

pytest.importorskip("mkdocs", reason="the extra [docs] is not installed")
sys.path.append(str(ROOT / "docs"))

import hooks
import notebook_hook
from mkdocs.exceptions import PluginError

ON_SITE = {"index.md", "quickstart.md", "notebooks/quickstart.md", "notebooks/quickstart.ipynb"}


def page(uri: str) -> Any:
    return SimpleNamespace(file=SimpleNamespace(src_uri=uri))


def linked(markdown: str, uri: str) -> str:
    files: Any = SimpleNamespace(get_file_from_path=lambda path: path if path in ON_SITE else None)
    return hooks.on_page_markdown(markdown, page=page(uri), files=files)


@pytest.mark.parametrize(
    ("uri", "markdown", "expected"),
    [
        ("index.md", "[a](docs/quickstart.md#b)", "[a](quickstart.md#b)"),
        ("notebooks/x.md", "[a](../quickstart.md)", "[a](../quickstart.md)"),
        ("notebooks/index.md", "[a](quickstart.ipynb)", "[a](quickstart.md)"),
        ("notebooks/quickstart.md", "[a](quickstart.ipynb)", "[a](quickstart.ipynb)"),
        ("benchmarks/README.md", "[a](../README.md)", "[a](../index.md)"),
        ("quickstart.md", "[a `b`](../Makefile)", "a `b`"),
        ("quickstart.md", "[a](nowhere.md)", "[a](nowhere.md)"),
        ("quickstart.md", "[a](https://b.example/c.md)", "[a](https://b.example/c.md)"),
        (
            "index.md",
            "```text\n[a](docs/quickstart.md)\n```",
            "```text\n[a](docs/quickstart.md)\n```",
        ),
    ],
)
def test_links(uri: str, markdown: str, expected: str) -> None:
    assert linked(markdown, uri) == expected


@pytest.mark.parametrize(
    "html",
    [
        '<script async src="https://cdn.example/a.js"></script>',
        '<link rel="stylesheet" href="//fonts.example/a.css">',
        '<img alt="" src="http://pictures.example/a.png">',
    ],
)
def test_what_is_loaded_from_the_network_is_refused(html: str) -> None:
    with pytest.raises(PluginError, match=r"quickstart\.md loads from the network"):
        hooks.on_post_page(html, page=page("quickstart.md"))


def test_links_to_the_network_stay() -> None:
    html = '<a href="https://arxiv.org">paper</a><script src="assets/a.js"></script>'
    assert hooks.on_post_page(html, page=page("quickstart.md")) == html


def test_a_notebook_becomes_a_page(tmp_path: Path) -> None:
    png = base64.b64encode(b"\x89PNG").decode()
    outputs = [
        {"output_type": "stream", "text": ["\x1b[31mone\x1b[0m\n", "```\n"]},
        {"output_type": "display_data", "data": {"image/png": png, "text/plain": "<Figure>"}},
    ]
    cells = [
        {"cell_type": "markdown", "source": ["# Title\n", "Text."]},
        {"cell_type": "code", "source": "print(1)", "outputs": outputs},
    ]
    path = tmp_path / "small.ipynb"
    path.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    text, pictures = notebook_hook.page_of(path)
    assert text.startswith("# Title\nText.\n\n```python\nprint(1)\n```\n\n````text\none\n```\n````")
    assert pictures == {"small-1.png": b"\x89PNG"}
    assert "](small-1.png)" in text
    assert "](small.ipynb)" in text
