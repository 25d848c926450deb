"""The memories that passages are chosen from, and what they offer each document."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.common.embeddings import CACHE, Vectors
from benchmarks.retrieval.pools import POOL, nearest
from benchmarks.test_time.corpus import SEED

STEPS = 50
COPIED, COPIES = 1 / 3, 3

Positions = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Memory:
    """Passages to choose from; some may be there several times."""

    vectors: Vectors
    """`[M, d]` of unit length."""
    origins: Positions
    """`[M]` which text each row is."""

    def duplicated(self) -> Memory:
        """Three exact copies more of a third of the passages, drawn at random."""
        drawn = np.random.default_rng(SEED)
        count = len(self.origins)
        copied = drawn.choice(count, size=round(COPIED * count), replace=False)
        rows = np.concatenate([np.arange(count), np.repeat(copied, COPIES)])
        return Memory(self.vectors[rows], self.origins[rows])

    def halved(self) -> Memory:
        """Half of the passages, drawn at random."""
        count = len(self.origins)
        rows = np.random.default_rng(SEED).choice(count, size=count // 2, replace=False)
        rows.sort()
        return Memory(self.vectors[rows], self.origins[rows])


class Kind(StrEnum):
    """Which memory; the value is what tables call it."""

    WHOLE = "the whole memory"
    COPIES = "duplicates"
    HALF = "half of the memory"


VARIANTS: dict[Kind, Callable[[Memory], Memory]] = {
    Kind.WHOLE: lambda memory: memory,
    Kind.COPIES: Memory.duplicated,
    Kind.HALF: Memory.halved,
}


@dataclass(frozen=True)
class Candidates:
    """What one document is offered: the nearest rows of a memory, nearest first."""

    query: Vectors
    """`[d]`."""
    vectors: Vectors
    """`[K, d]`."""
    origins: Positions
    """`[K]` which text each is."""
    texts: Positions
    """All texts of the memory."""
    seed: int
    """For rules that draw: another one for every document."""


def candidates(
    documents: Sequence[str], queries: Vectors, memory: Memory, folder: Path = CACHE
) -> list[Candidates]:
    """The nearest rows of the memory for every document.

    Args:
        documents: D texts.
        queries: `[D, d]` their vectors, of unit length.
        memory: of at least `STEPS` texts.
        folder: where searches are kept.

    Raises:
        ValueError: for a smaller memory.
    """
    texts = np.unique(memory.origins)
    if len(texts) < STEPS:
        raise ValueError(f"the memory must have at least {STEPS} texts; got {len(texts)}")
    pools = nearest(queries, memory.vectors, POOL, folder=folder)
    return [
        Candidates(
            query, memory.vectors[rows], memory.origins[rows], texts, zlib.crc32(document.encode())
        )
        for document, query, rows in zip(documents, queries, pools.positions, strict=True)
    ]
