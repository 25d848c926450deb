"""Picking by the phrases of texts, the retrievers' default, beside picking by vectors alone."""

from __future__ import annotations

import random
import string
from functools import partial

import numpy as np

from benchmarks.speed.batches import ROADS
from benchmarks.speed.methods import DEFAULT
from benchmarks.speed.pools import pools, query_of
from benchmarks.speed.turns import Task, median, of_tasks
from sift_retrievers import select
from sift_retrievers.witnesses import phrase_coverage


def passages(count: int, characters: int) -> list[str]:
    """Texts of random words."""
    draw = random.Random(0)
    words = [
        "".join(draw.choices(string.ascii_lowercase, k=draw.randint(2, 11))) for _ in range(4000)
    ]
    return [" ".join(draw.choices(words, k=characters // 4))[:characters] for _ in range(count)]


def table_of_phrases(rounds: int) -> list[str]:
    """The texts are read before the clock starts; reading them is in words.md."""
    lines = [
        "| road | K | N | d | by phrases, ms | by vectors | ratio |",
        "|" + "---|" * 7,
    ]
    for count, k in ((100, 10), (200, 10), (1000, 50)):
        pool = pools(count, 384, 1)[0]
        query = query_of(pool)
        relevance = (pool @ query).astype(np.float64)
        coverage = phrase_coverage(passages(count, 800))
        for road, enter in ROADS.items():
            tasks: dict[str, Task] = {
                "phrases": (
                    partial(
                        select,
                        query,
                        pool,
                        k,
                        kernel=coverage,
                        objective="undirected",
                        lambda_=0.2,
                        relevance=relevance,
                    ),
                    enter,
                ),
                "vectors": (partial(select, query, pool, k, **DEFAULT), enter),
            }
            times = of_tasks(tasks, rounds)
            phrases, vectors = (median(taken) for taken in times.values())
            cells = f"{count} | {k} | 384 | {phrases:.3f} | {vectors:.3f} | {phrases / vectors:.2f}"
            lines.append(f"| {road} | {cells} |")
    return lines
