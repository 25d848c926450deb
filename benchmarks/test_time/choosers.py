"""The rules that choose what to train on: from the 200 nearest passages, but for `at_random`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from benchmarks.retrieval.pools import POOL
from benchmarks.test_time.corpus import SEED
from benchmarks.test_time.memory import STEPS, Candidates, Kind
from sift_retrievers import select

LAMBDAS = (0.01, 0.1, 1.0)
PAPERS_LAMBDA = 0.01
ALPHAS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0)


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
    memory: Kind = Kind.WHOLE
    """What it chooses from."""

    @property
    def label(self) -> str:
        """Name in tables."""
        return self.name if self.memory is Kind.WHOLE else f"{self.name}, {self.memory}"


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
        lambda_=PAPERS_LAMBDA,
        objective="undirected",
        replacement=True,
    )
    return _choice(offered, picked.indices)


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
        sigma = np.sqrt(picked.variance.astype(float))
        return replace(_choice(offered, picked.indices), sigma=tuple(sigma.tolist()))

    return choose


def _choice(offered: Candidates, positions: npt.NDArray[np.integer]) -> Choice:
    similarity = float((offered.vectors[positions] @ offered.query).mean())
    return Choice(tuple(offered.origins[positions].tolist()), similarity)


NEAREST = Method("nearest neighbour", nearest_neighbours)
NEAREST_COPIES = replace(NEAREST, memory=Kind.COPIES)
NEAREST_HALF = replace(NEAREST, memory=Kind.HALF)
NEAREST_AGAIN = Method("the nearest one again and again", nearest_again)
RANDOM = Method("random", at_random)
UNCERTAINTY = Method("uncertainty sampling", uncertainty_sampling)
SIFT = {value: Method(f"SIFT({value:g})", sift(value)) for value in LAMBDAS}
SIFT_NEAR = Method(f"SIFT({PAPERS_LAMBDA:g}) of {STEPS}", sift(PAPERS_LAMBDA, pool=STEPS))
SIFT_COPIES = {value: replace(method, memory=Kind.COPIES) for value, method in SIFT.items()}
SIFT_HALF = replace(SIFT[PAPERS_LAMBDA], memory=Kind.HALF)

METHODS = (
    NEAREST,
    RANDOM,
    UNCERTAINTY,
    *SIFT.values(),
    SIFT_NEAR,
    NEAREST_COPIES,
    *SIFT_COPIES.values(),
    NEAREST_HALF,
    SIFT_HALF,
    NEAREST_AGAIN,
)
LORA_METHODS = (
    NEAREST,
    SIFT[0.01],
    SIFT[0.1],
    NEAREST_COPIES,
    SIFT_COPIES[0.01],
    SIFT_COPIES[0.1],
)
