"""Texts of documents never run, whatever they are; the page asks the network for nothing."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chromium import Chromium
from documents_in_memory import Doc, Store

from sift_retrievers.report.page import as_json

HOSTILE = [
    "<script>globalThis.ran = 'script'</script>",
    "</script><script>globalThis.ran = 'closed'</script>",
    "</SCRIPT ><img src=x onerror=\"globalThis.ran = 'image'\">",
    "<!--<script>globalThis.ran = 'comment'",
    "--><svg onload=globalThis.ran='svg'>",
    "\u2028globalThis.ran='line'\u2029//",
    "\"'`;globalThis.ran='quotes';//\\",
    "<style>body{display:none}</style><base href='//example.org/'>",
    "javascript:globalThis.ran='link' <a href=\"javascript:globalThis.ran=1\">link</a>",
    "&lt;b&gt; &amp; &#60;i&#62;",
    "%%SCRIPT%% %%DATA%%",
    "a\x00b \ud800 \u202eright to left\u202c \ufeff \U0001f600",
    "${globalThis.ran='template'} {{globalThis.ran=1}}",
    "]]><![CDATA[<script>globalThis.ran='cdata'</script>",
]


def hostile_store() -> Store:
    documents = [Doc(f"a question {text}", {"title": text}) for text in HOSTILE]
    random = np.random.default_rng(0)
    return Store(documents, random.normal(size=(len(HOSTILE), 96)).astype(np.float32))


class Count(HTMLParser):
    """Which elements a document has, and their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}


@pytest.mark.parametrize("question", ["a question?", *HOSTILE])
def test_texts_are_only_text_in_the_file(question: str, tmp_path: Path) -> None:
    retrieval = hostile_store().ask(question, 6, ids=[*HOSTILE])
    explanation = retrieval.explanation(note=question)
    counted = Count()
    counted.feed(explanation.html(tmp_path / "page.html").read_text(encoding="utf-8"))
    assert counted.tags.count("script") == 2
    assert {"img", "base", "a", "link"}.isdisjoint(counted.tags)
    assert counted.attributes.isdisjoint({"onerror", "onload", "src", "href"})
    table = Count()
    table.feed(explanation._repr_html_())
    assert {"script", "img", "svg", "style", "a", "base"}.isdisjoint(table.tags)
    assert table.attributes <= {"style", "scope", "aria-hidden"}


def test_texts_do_not_run(chromium: Chromium, tmp_path: Path) -> None:
    for question in ("a question", "<script>globalThis.ran = 'query'</script>"):
        explanation = hostile_store().ask(question, 9, ids=[*HOSTILE]).explanation(note=question)
        chromium.open(explanation.html(tmp_path / "page.html"))
        chromium.run("for (const one of document.querySelectorAll('details')) one.open = true")
        assert chromium.run("return globalThis.ran ?? null") is None
        assert chromium.run("return document.scripts.length") == 2
        assert chromium.run("return document.querySelectorAll('img, base, a, iframe').length") == 0
        assert chromium.messages() == []
        shown = chromium.run("return document.body.innerText.toWellFormed()")
        for text in ("<script>globalThis.ran = 'script'</script>", "&lt;b&gt; &amp; &#60;i&#62;"):
            assert text in shown
        assert {address.partition(":")[0] for address in chromium.requests()} <= {"file", "data"}


def test_an_injected_script_is_refused(chromium: Chromium, tmp_path: Path) -> None:
    """Even if markup got in, the page's policy runs no script but its own, and loads nothing."""
    path = hostile_store().ask("a question", 3).explanation().html(tmp_path / "page.html")
    page = path.read_text(encoding="utf-8")
    attack = (
        "<script>globalThis.ran = 1</script><img src=x onerror='globalThis.ran = 2'>"
        "<img src='http://127.0.0.1:9/picture'>"
    )
    path.write_text(page.replace("<main", f"{attack}<main"), encoding="utf-8")
    chromium.open(path)
    assert chromium.run("return globalThis.ran ?? null") is None
    assert any("Content Security Policy" in message for message in chromium.messages())


def test_json_has_no_character_with_a_meaning_in_html() -> None:
    text = as_json({"texts": HOSTILE})
    assert {*text}.isdisjoint("<>&\u2028\u2029")
    assert text.isascii()
    with pytest.raises(ValueError, match="JSON"):
        as_json([float("nan")])
