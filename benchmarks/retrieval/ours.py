"""The library's own ways of picking, and peers that are given its relevance.

Every selection is made by the retrievers' own code (`retrieve`), one question at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from pyversity import Strategy, diversify

from benchmarks.retrieval.candidates import Candidates, Picks
from benchmarks.retrieval.methods import MIXED, OURS, PARTS, Method, Pick
from benchmarks.retrieval.peers import DIVERSITIES, STRATEGIES
from sift_retrievers.calibration import QueryCandidates
from sift_retrievers.kernels import Exponential, RelevanceWeighted
from sift_retrievers.retrieval import SelectionRules

VERSION = 3
"""Raised when the library's picks change, so that they are made again."""

Values = npt.NDArray[np.float64]


def query_candidates(candidates: Candidates) -> Iterator[QueryCandidates]:
    """Every question with its candidates, as a retriever has them."""
    for n, rows in enumerate(candidates.rows):
        yield QueryCandidates(
            targets=candidates.queries[n][None],
            vectors=candidates.store.vectors[rows],
            passages=[candidates.store.passages[row].id for row in rows],
            question=candidates.asked[n].text,
            texts=candidates.texts(n),
            titles=candidates.titles(n),
        )


def picks_by(rules: SelectionRules, candidates: Candidates, k: int) -> Picks:
    """What the retrievers pick by these rules."""
    positions = np.full((len(candidates.asked), k), -1, dtype=np.int64)
    for row, one in zip(positions, query_candidates(candidates), strict=True):
        picks = one.retrieval(k, rules).picks
        row[: len(picks)] = [pick.position for pick in picks]
    return candidates.rows_at(positions)


def the_default(candidates: Candidates, k: int) -> Picks:
    """`SIFTRetriever(vectorstore)`."""
    return picks_by(SelectionRules(), candidates, k)


def version_0_1(candidates: Candidates, k: int, lambda_: float) -> Picks:
    """Relevance and repetition by vectors: the default of version 0.1."""
    return picks_by(SelectionRules(relevance="vectors", lambda_=lambda_), candidates, k)


def relevance_by_vectors(candidates: Candidates, k: int) -> Picks:
    return picks_by(SelectionRules(relevance="vectors", kernel="phrases"), candidates, k)


def repetition_by_vectors(candidates: Candidates, k: int) -> Picks:
    rules = SelectionRules(
        relevance="vectors+words", kernel=RelevanceWeighted(0.3, Exponential(4.0)), lambda_=0.06
    )
    return picks_by(rules, candidates, k)


@lru_cache(maxsize=1)
def relevances(candidates: Candidates) -> Values:
    """`[Q, K]` relevance of all candidates of all questions, as the default computes it."""
    rules = SelectionRules()
    found = [one.retrieval(1, rules).candidates for one in query_candidates(candidates)]
    return np.stack([one.relevance.total for one in found])


def relevance_alone(candidates: Candidates, k: int) -> Picks:
    """The most relevant, whatever they repeat."""
    order = np.argsort(-relevances(candidates), axis=1, kind="stable")
    return candidates.rows_at(order[:, :k])


def diversified(strategy: Strategy) -> Pick:
    """A strategy of pyversity with our relevance as its scores."""

    def pick(candidates: Candidates, k: int, diversity: float) -> Picks:
        positions = [
            diversify(
                embeddings=pool, scores=scores, k=k, strategy=strategy, diversity=diversity
            ).indices
            for pool, scores in zip(candidates.vectors, relevances(candidates), strict=True)
        ]
        return candidates.rows_at(np.array(positions, dtype=np.int64))

    return pick


MIXED_METHODS: tuple[Method, ...] = tuple(
    Method(
        f"pyversity {strategy.value.upper()}, our relevance",
        MIXED,
        diversified(strategy),
        default={"diversity": 0.5},
        grid={"diversity": DIVERSITIES},
        version=VERSION,
    )
    for strategy in STRATEGIES
)

THE_DEFAULT = Method("the default", OURS, the_default, default={}, version=VERSION)
VERSION_0_1 = Method(
    "version 0.1",
    OURS,
    version_0_1,
    default={"lambda_": 0.2},
    grid={"lambda_": (0.05, 0.1, 0.2, 0.5)},
    version=VERSION,
)
OUR_METHODS: tuple[Method, ...] = (
    Method("our relevance alone", PARTS, relevance_alone, default={}, version=VERSION),
    Method(
        "the default, relevance by vectors",
        PARTS,
        relevance_by_vectors,
        default={},
        version=VERSION,
    ),
    Method(
        "the default, repetition by vectors",
        PARTS,
        repetition_by_vectors,
        default={},
        version=VERSION,
    ),
    VERSION_0_1,
    THE_DEFAULT,
)
