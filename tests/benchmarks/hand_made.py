"""Candidates made by hand, and a method that reads its picks from a table."""

from __future__ import annotations

import numpy as np

from benchmarks.retrieval.candidates import Candidates, Picks, Store
from benchmarks.retrieval.data import Passage, Query
from benchmarks.retrieval.methods import OURS, Method
from sift_retrievers.metrics import Judgements

WORDS = ("mill", "river", "town", "bridge", "hill", "church", "market", "school", "road", "wall")


def candidates(
    queries: int = 4, size: int = 30, dim: int = 8, seed: int = 0, name: str = "musique"
) -> Candidates:
    """Random unit vectors, nearest first, of a corpus of `queries` times `size` passages.

    Passage i of question q is `q<q>d<i>`: its odd ones hold facet a, every fifth b. Every third
    nearly repeats the one before it. Texts are random words, every fourth has a title.
    """
    random = np.random.default_rng(seed)
    asked = random.normal(size=(queries, dim))
    pool = random.normal(size=(queries, size, dim)) + 2 * asked[:, None]
    pool[:, 2::3] = pool[:, 1::3] + 0.1 * random.normal(size=pool[:, 2::3].shape)
    asked, pool = (x / np.linalg.norm(x, axis=-1, keepdims=True) for x in (asked, pool))
    cosines = np.einsum("qd,qkd->qk", asked, pool)
    order = np.argsort(-cosines, axis=1)
    passages, questions = [], []
    for q in range(queries):
        facets: dict[str, set[str]] = {f"q{q}d{i}": {"a"} for i in range(1, size, 2)}
        for i in range(0, size, 5):
            facets.setdefault(f"q{q}d{i}", set()).add("b")
        questions.append(Query(f"q{q}", f"Where is the {WORDS[q % 10]}?", Judgements(facets)))
        for i in range(size):
            text = " ".join(random.choice(WORDS, 6)) + f" number {i}."
            title = "" if i % 4 else f"The {random.choice(WORDS)}"
            passages.append(Passage(f"q{q}d{i}", text, title, parent=f"q{q}d{i}"))
    # Row q * size + n of the corpus is the n-th nearest passage of question q.
    nearest = [passages[q * size + i] for q in range(queries) for i in order[q].tolist()]
    vectors = np.take_along_axis(pool, order[:, :, None], axis=1).astype(np.float32)
    return Candidates(
        name=name,
        variant="plain",
        store=Store(tuple(nearest), vectors.reshape(-1, dim)),
        asked=tuple(questions),
        queries=asked.astype(np.float32),
        rows=np.arange(queries * size, dtype=np.int32).reshape(queries, size),
        cosines=np.take_along_axis(cosines, order, axis=1).astype(np.float32),
    )


def shifted(candidates: Candidates, k: int, start: int) -> Picks:
    """The k candidates from `start` on."""
    return candidates.rows[:, start : start + k]


SHIFTED = Method("shifted", OURS, shifted, default={"start": 3}, grid={"start": (0, 3, 5)})
