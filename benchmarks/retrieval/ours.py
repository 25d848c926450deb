"""The library's own ways of picking, and peers that are given its relevance."""

from __future__ import annotations

import numpy as np
from pyversity import Strategy, diversify

from benchmarks.retrieval.candidates import Candidates, Picks
from benchmarks.retrieval.methods import MIXED, OURS, Method, Pick
from benchmarks.retrieval.our_relevance import VERSION, relevances
from benchmarks.retrieval.peers import DIVERSITIES, STRATEGIES
from sift_retrievers import select


def version_0_1(candidates: Candidates, k: int, lambda_: float) -> Picks:
    """Information gain weighted by the standardised cosine: the default of version 0.1."""
    found = select(
        candidates.queries,
        candidates.vectors,
        k,
        kernel="relevance",
        objective="undirected",
        lambda_=lambda_,
    )
    return candidates.rows_at(np.asarray(found.indices, dtype=np.int64))


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

OUR_METHODS: tuple[Method, ...] = (
    Method(
        "version 0.1",
        OURS,
        version_0_1,
        default={"lambda_": 0.2},
        grid={"lambda_": (0.05, 0.1, 0.2, 0.5)},
    ),
    Method("our relevance alone", OURS, relevance_alone, default={}, version=VERSION),
    # The default: Method("the default", OURS, …, default={}, version=VERSION). The page compares
    # every method of this list with nearest neighbours and with the best peer, set by set.
)
