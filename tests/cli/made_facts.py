"""A corpus with questions that is made up, and what a command leaves."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np


class Ended(NamedTuple):
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Command = Callable[..., Ended]


class Facts(NamedTuple):
    """Passages about facts, and questions with two gold passages each."""

    texts: list[str]
    vectors: np.ndarray[Any, Any]
    metadata: list[dict[str, Any]]
    questions: list[dict[str, Any]]

    @property
    def ids(self) -> list[str]:
        return [f"p{i}" for i in range(len(self.texts))]

    def write(self, folder: Path, *, vectors: bool = True) -> tuple[Path, Path]:
        """The corpus and the questions as JSONL."""
        corpus, questions = folder / "corpus.jsonl", folder / "questions.jsonl"
        rows = zip(self.ids, self.texts, self.metadata, self.vectors.tolist(), strict=True)
        corpus.write_text(
            "".join(
                json.dumps(
                    {"id": name, "text": text, **metadata} | ({"vector": v} if vectors else {})
                )
                + "\n"
                for name, text, metadata, v in rows
            )
        )
        questions.write_text("".join(json.dumps(one) + "\n" for one in self.questions))
        return corpus, questions


def facts(topics: int, copies: int, seed: int = 0) -> Facts:
    """`topics` questions; the first fact of each stands `copies` times, the second once.

    With `copies` = 1 no passage repeats another, and the two gold passages are the two nearest.
    """
    random = np.random.default_rng(seed)
    words = [f"{a}{b}{c}" for a in "bdfgklmn" for b in "aeiou" for c in "rstvwxz"]
    texts, vectors, metadata, questions = [], [], [], []
    for topic in range(topics):
        query = random.normal(size=16)
        first = " ".join(random.choice(words, 14))
        gold: dict[str, list[str]] = {}
        for copy in range(copies):
            gold[f"p{len(texts)}"] = ["first"]
            texts.append(first if copy == 0 else f"{first} ({copy})")
            vectors.append(query + 0.05 * random.normal(size=16))
        gold[f"p{len(texts)}"] = ["second"]
        texts.append(" ".join(random.choice(words, 14)))
        vectors.append(query + 0.15 * random.normal(size=16))
        for _ in range(2):
            texts.append(" ".join(random.choice(words, 14)))
            vectors.append(query + 0.6 * random.normal(size=16))
        metadata += [{"topic": topic}] * (copies + 3)
        # Words that occur nowhere: the vectors alone find the passages.
        asked = {"question": f"zzyzx{topic}?", "vector": query.tolist(), "gold": gold}
        questions.append(asked)
    return Facts(texts, np.array(vectors, dtype=np.float32), metadata, questions)
