"""Every code block of README.md and of the pages in docs/ runs as it stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from code_blocks import ROOT, Page

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def small_language_model() -> dict[str, Any]:
    """What stands in for the model that a page loads from a hub."""
    from tests.finetune.tiny_models import PASSAGES, QUERY, tiny, tokenizer

    return {"model": tiny(), "tokenizer": tokenizer(), "query": QUERY, "passages": PASSAGES}


GIVEN = {"test-time-fine-tuning.md": small_language_model}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_blocks_run_in_order(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    given = GIVEN[path.name]() if path.name in GIVEN else {}
    Page(path).run(given)
