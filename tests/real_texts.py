"""Real passages and questions: the sample of MuSiQue that the examples use."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path

SAMPLE = Path(__file__).parents[1] / "examples" / "data" / "musique_sample.jsonl.gz"


@cache
def real_texts() -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """(title, text) of the passages, and the questions."""
    passages, questions = [], []
    with gzip.open(SAMPLE, "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            if "chunk" in row:
                passages.append((row["chunk"]["title"], row["chunk"]["text"]))
            else:
                questions.append(row["question"]["text"])
    return tuple(passages), tuple(questions)
