"""What every method is given: queries, their candidates, and what each candidate would answer."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from benchmarks.common.embeddings import Vectors
from benchmarks.retrieval.prepare import Prepared
from sift_retrievers.metrics import Judgements

Picks = npt.NDArray[np.int16]
"""`[Q, k]` positions among the candidates in selection order; −1 where a method ended early."""


@dataclass(frozen=True)
class Candidates:
    """Q queries of one set with K candidates each, nearest first."""

    name: str
    variant: str
    queries: Vectors
    """`[Q, d]` of unit length."""
    vectors: Vectors
    """`[Q, K, d]` of unit length."""
    cosines: Vectors
    """`[Q, K]`, falling."""
    documents: tuple[tuple[str, ...], ...]
    """Q times K ids."""
    judgements: tuple[Judgements, ...]
    """Of each query."""

    @cached_property
    def facets(self) -> npt.NDArray[np.bool_]:
        """`[Q, K, F]` which facets of its query a candidate holds; F of the query with most."""
        most = int(self.totals.max())
        held = np.zeros((*self.cosines.shape, most), dtype=np.bool_)
        for row, documents, judged in zip(held, self.documents, self.judgements, strict=True):
            number = {facet: f for f, facet in enumerate(sorted(judged.all_facets, key=str))}
            for flags, document in zip(row, documents, strict=True):
                flags[[number[facet] for facet in judged.of(document)]] = True
        return held

    @cached_property
    def totals(self) -> npt.NDArray[np.int64]:
        """`[Q]` facets of each query, found among the candidates or not."""
        return np.array([len(judged.all_facets) for judged in self.judgements])

    @cached_property
    def gram(self) -> Vectors:
        """`[Q, K, K]` cosines among the candidates of a query."""
        gram: Vectors = np.matmul(self.vectors, self.vectors.transpose(0, 2, 1))
        return gram

    @cached_property
    def digest(self) -> str:
        """Names the vectors, for the cache of picks."""
        digest = hashlib.sha256(repr(self.vectors.shape).encode())
        for array in (self.queries, self.vectors):
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()[:24]

    def nearest(self, size: int) -> Candidates:
        """With the `size` nearest candidates only."""
        return replace(
            self,
            vectors=np.ascontiguousarray(self.vectors[:, :size]),
            cosines=np.ascontiguousarray(self.cosines[:, :size]),
            documents=tuple(row[:size] for row in self.documents),
        )

    def some(self, which: npt.NDArray[np.bool_]) -> Candidates:
        """Those queries only for which `which` `[Q]` is true."""
        rows = np.flatnonzero(which)
        return replace(
            self,
            queries=self.queries[rows],
            vectors=self.vectors[rows],
            cosines=self.cosines[rows],
            documents=tuple(self.documents[row] for row in rows),
            judgements=tuple(self.judgements[row] for row in rows),
        )


def candidates_of(prepared: Prepared) -> Candidates:
    """The candidates of a prepared set."""
    corpus, pools = prepared.corpus, prepared.pools
    return Candidates(
        name=corpus.name,
        variant=corpus.variant,
        queries=prepared.queries,
        vectors=prepared.passages[pools.positions],
        cosines=pools.cosines,
        documents=tuple(
            tuple(corpus.passages[position].id for position in row) for row in pools.positions
        ),
        judgements=tuple(query.judgements for query in corpus.queries),
    )
