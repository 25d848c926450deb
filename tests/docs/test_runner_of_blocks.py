"""The runner of code blocks fails where a page is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from code_blocks import Page

SKIP = '<!--- skip: next "needs a server" -->\n\n'


def run(text: str, folder: Path) -> Page:
    path = folder / "page.md"
    path.write_text(text, encoding="utf-8")
    page = Page(path)
    page.run({})
    return page


def block(language: str, source: str) -> str:
    return f"```{language}\n{source}\n```\n"


RIGHT = [
    block("python", "x = 1") + block("python", "print(x)") + "\n" + block("text", "1"),
    block("python", "print(1)") + "\nAnother text:\n\n" + block("text", "2"),
    SKIP + block("python", "from not_installed import anything\nanything(undefined)"),
    block("bash", "make docs lint  # both\npip install './sift-retrievers[torch]' wordllama"),
    block("bash", "sift doctor ./my-store --k 5\nsift --help"),
    block("json", "{"),
]
WRONG = [
    block("python", "print(undefined)"),
    block("python", "print(1)") + "\n" + block("text", "2"),
    SKIP + block("python", "def broken(:"),
    SKIP + block("python", "from langchain_sift import NoSuchName"),
    SKIP + block("python", "import sift_retrievers.no_such_module"),
    block("bash", "if true; then"),
    block("bash", "make no-such-target"),
    block("bash", "pip install ./sift-retrievers/no-such-folder"),
    block("bash", "pip install './sift-retrievers[nothing]'"),
    block("bash", "sift no-such-command"),
    block("bash", "sift doctor ./my-store --no-such-option"),
]


@pytest.mark.parametrize("text", RIGHT)
def test_right_pages(text: str, tmp_path: Path) -> None:
    run(text, tmp_path)


@pytest.mark.parametrize("text", WRONG)
def test_wrong_pages(text: str, tmp_path: Path) -> None:
    with pytest.raises(Exception, match=r"."):
        run(text, tmp_path)


def test_a_skipped_block_is_not_run(tmp_path: Path) -> None:
    page = run(SKIP + block("python", "raise ValueError") + block("python", "print(2)"), tmp_path)
    assert page.output == "2\n"
    assert len(page.compiled_only) == 1
