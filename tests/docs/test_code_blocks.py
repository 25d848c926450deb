"""Every code block of README.md and of the pages in docs/ runs as it stands."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from code_blocks import ROOT, Page

APART = {"test-time-fine-tuning.md"}  # test_fine_tuning_page.py: it needs a model
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize(
    "path",
    [page for page in PAGES if page.name not in APART],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_blocks_run_in_order(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if path.name == "quickstart.md":  # which makes a store of a folder of Markdown files
        for page in sorted((ROOT / "docs").glob("*.md")):
            (tmp_path / "notes").mkdir(exist_ok=True)
            shutil.copy(page, tmp_path / "notes")
    Page(path).run({})
