"""The rules that choose what to train on: from the 200 nearest passages, but for `at_random`."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.common.embeddings import CACHE, Vectors
from benchmarks.retrieval.pools import POOL, nearest
from benchmarks.test_time.corpus import SEED
from sift_retrievers import select

STEPS = 50
COPIED, COPIES = 1 / 3, 3
LAMBDAS = (0.01, 0.1, 1.0)
DEFAULT_LAMBDA = 0.01  # the paper's, and what the hooks of the retrievers train with
ALPHAS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0)

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


@dataclass(frozen=True)
class Candidates:
    """What one document is offered: the nearest rows of a memory, nearest first."""

    query: Vectors
    """`[d]`."""
    vectors: Vectors
    """`[K, d]`."""
    origins: Positions
    """`[K]` which text each is."""
    texts: int
    """Texts in the whole memory."""
    seed: int
    """For rules that draw: another one for every document."""


@dataclass(frozen=True)
class Choice:
    """What to train on, in order."""

    origins: tuple[int, ...]
    """`[STEPS]` texts; the same one may come again."""
    similarity: float | None = None
    """Mean cosine of these texts to the document; None where it was not looked at."""
    sigma: tuple[float, ...] = ()
    """`[STEPS + 1]` σ_0 … of the document; empty where the rule has none."""


@dataclass(frozen=True)
class Method:
    """A rule on a memory."""

    name: str
    choose: Callable[[Candidates], Choice]
    duplicated: bool = False
    """Whether the memory has copies."""

    @property
    def label(self) -> str:
        """Name in tables."""
        return f"{self.name}, duplicates" if self.duplicated else self.name


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
    texts = len(np.unique(memory.origins))
    if texts < STEPS:
        raise ValueError(f"the memory must have at least {STEPS} texts; got {texts}")
    pools = nearest(queries, memory.vectors, POOL, folder=folder)
    return [
        Candidates(
            query, memory.vectors[rows], memory.origins[rows], texts, zlib.crc32(document.encode())
        )
        for document, query, rows in zip(documents, queries, pools.positions, strict=True)
    ]


def nearest_neighbours(offered: Candidates) -> Choice:
    """The nearest rows of the memory, in order: a text as often as it stands there."""
    return _choice(offered, np.arange(STEPS))


def nearest_again(offered: Candidates) -> Choice:
    """The one nearest passage, at every step: all that is left where everything has many copies."""
    return _choice(offered, np.zeros(STEPS, dtype=np.int64))


def at_random(offered: Candidates) -> Choice:
    """Passages of the whole memory; the same ones for the same document."""
    draw = np.random.default_rng([SEED, offered.seed])
    return Choice(tuple(draw.choice(offered.texts, size=STEPS, replace=False).tolist()))


def uncertainty_sampling(offered: Candidates) -> Choice:
    """The passage that is itself most uncertain, whatever it says about the document."""
    picked = select(
        offered.query,
        offered.vectors,
        STEPS,
        kernel="cosine",
        lambda_=DEFAULT_LAMBDA,
        objective="undirected",
        replacement=True,
    )
    return _choice(offered, picked.indices[0])


def sift(lambda_: float, pool: int = POOL) -> Callable[[Candidates], Choice]:
    """SIFT(λ′) as in the paper: the cosine kernel, with replacement; from so many candidates."""

    def choose(offered: Candidates) -> Choice:
        picked = select(
            offered.query,
            offered.vectors[:pool],
            STEPS,
            kernel="cosine",
            lambda_=lambda_,
            replacement=True,
        )
        assert picked.variance is not None
        sigma = np.sqrt(picked.variance[0].astype(float))
        return replace(_choice(offered, picked.indices[0]), sigma=tuple(sigma.tolist()))

    return choose


def _choice(offered: Candidates, positions: npt.NDArray[np.integer]) -> Choice:
    similarity = float((offered.vectors[positions] @ offered.query).mean())
    return Choice(tuple(offered.origins[positions].tolist()), similarity)


NEAREST = Method("nearest neighbour", nearest_neighbours)
NEAREST_COPIES = Method("nearest neighbour", nearest_neighbours, duplicated=True)
NEAREST_AGAIN = Method("the nearest one again and again", nearest_again)
RANDOM = Method("random", at_random)
UNCERTAINTY = Method("uncertainty sampling", uncertainty_sampling)
SIFT = {value: Method(f"SIFT({value:g})", sift(value)) for value in LAMBDAS}
SIFT_NEAR = Method(f"SIFT({DEFAULT_LAMBDA:g}) of {STEPS}", sift(DEFAULT_LAMBDA, pool=STEPS))
SIFT_COPIES = Method(f"SIFT({DEFAULT_LAMBDA:g})", sift(DEFAULT_LAMBDA), duplicated=True)
SIFT_NOISY_COPIES = Method("SIFT(1)", sift(1.0), duplicated=True)

METHODS = (
    NEAREST,
    RANDOM,
    UNCERTAINTY,
    *SIFT.values(),
    SIFT_NEAR,
    NEAREST_COPIES,
    SIFT_COPIES,
    SIFT_NOISY_COPIES,
    NEAREST_AGAIN,
)
LORA_METHODS = (NEAREST, SIFT[DEFAULT_LAMBDA], NEAREST_COPIES, SIFT_COPIES)
