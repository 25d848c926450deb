"""The Python of docs/test-time-fine-tuning.md runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from tiny_models import PASSAGES, QUERY, tiny, tokenizer

PAGE = Path(__file__).parents[2] / "docs" / "test-time-fine-tuning.md"


def test_the_blocks_run_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 5
    names: dict[str, Any] = {
        "model": tiny(),
        "tokenizer": tokenizer(),
        "query": QUERY,
        "passages": PASSAGES,
    }
    for block in blocks:
        exec(block, names)
    printed = capsys.readouterr().out
    assert "step 5 of 5: loss" in printed
    assert "passages" in printed
    assert printed.count("from the cache: True") == 2
    assert [path.name for path in (tmp_path / "adapters").iterdir()] == [names["folder"].name]


def test_files_that_the_page_names_exist() -> None:
    for name in re.findall(r"tests/finetune/\w+\.py", PAGE.read_text(encoding="utf-8")):
        assert (PAGE.parents[1] / name).exists(), name
