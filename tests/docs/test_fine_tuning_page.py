"""What the blocks of docs/test-time-fine-tuning.md print and write, with a small model."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from code_blocks import ROOT, Page
from finetune.tiny_models import PASSAGES, QUERY, tiny, tokenizer

from sift_retrievers.finetune import TestTimeTuner

PAGE = ROOT / "docs" / "test-time-fine-tuning.md"


def test_blocks_run_with_a_small_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # A random model learns too little from four passages to be tuned.
    monkeypatch.setitem(TestTimeTuner.__init__.__kwdefaults__ or {}, "min_transfer", None)
    page = Page(PAGE)
    page.run({"model": tiny(), "tokenizer": tokenizer(), "query": QUERY, "passages": PASSAGES})
    assert "5 steps, ended by passages" in page.output
    assert "step 5 of 5: loss" in page.output
    assert page.output.count("from the cache: True") == 2
    folder = page.document.namespace["folder"]
    assert [path.name for path in (tmp_path / "adapters").iterdir()] == [folder.name]


def test_files_that_the_page_names_exist() -> None:
    for name in re.findall(r"tests/finetune/\w+\.py", PAGE.read_text(encoding="utf-8")):
        assert (ROOT / name).exists(), name
