"""What every method is given: questions, their candidates with vectors and texts, and the corpus.

Picks are rows of the corpus, so that methods that choose among the candidates and methods that
search the whole corpus are measured alike.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from benchmarks.common.embeddings import Vectors
from benchmarks.retrieval.data import Passage, Query
from benchmarks.retrieval.variants import CUTOFFS

Picks = npt.NDArray[np.int32]
"""`[Q, k]` rows of the corpus in selection order; −1 where a method ended early."""
Positions = npt.NDArray[np.int64]
"""`[Q, k]` positions among the candidates; −1 as in `Picks`."""


@dataclass(frozen=True, eq=False)
class Store:
    """A corpus with its vectors."""

    passages: tuple[Passage, ...]
    vectors: Vectors
    """`[N, d]` of unit length, in the order of the passages."""

    @cached_property
    def contents(self) -> tuple[str, ...]:
        """The texts as they were embedded: title, line break, text."""
        return tuple(passage.content for passage in self.passages)

    @cached_property
    def row_of(self) -> dict[str, int]:
        """Id → row."""
        return {passage.id: row for row, passage in enumerate(self.passages)}

    @cached_property
    def digest(self) -> str:
        """Names vectors and texts."""
        digest = hashlib.sha256(np.ascontiguousarray(self.vectors).data)
        for content in self.contents:
            digest.update(content.encode() + b"\0")
        return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class Candidates:
    """Q questions of one set with K candidates each, nearest first."""

    name: str
    variant: str
    store: Store
    asked: tuple[Query, ...]
    queries: Vectors
    """`[Q, d]` of unit length."""
    rows: npt.NDArray[np.int32]
    """`[Q, K]` of the candidates in the corpus."""
    cosines: Vectors
    """`[Q, K]`, falling."""

    @property
    def vectors(self) -> Vectors:
        """`[Q, K, d]` of unit length; gathered anew each time, as all at once need gigabytes."""
        return self.store.vectors[self.rows]

    def texts(self, query: int) -> list[str]:
        """The K texts of a question's candidates, as they were embedded."""
        return [self.store.contents[row] for row in self.rows[query]]

    def titles(self, query: int) -> list[str]:
        """The K titles; empty where a passage has none."""
        return [self.store.passages[row].title for row in self.rows[query]]

    def rows_at(self, positions: Positions) -> Picks:
        """Picks from positions among the candidates."""
        found = np.take_along_axis(self.rows, np.maximum(positions, 0), axis=1)
        return np.where(positions < 0, np.int32(-1), found).astype(np.int32)

    @property
    def cutoffs(self) -> tuple[int, ...]:
        """Numbers of passages at which evidence is counted."""
        return CUTOFFS[self.variant]

    @cached_property
    def evidence(self) -> tuple[dict[int, list[int]], ...]:
        """Of each question: row of the corpus → numbers of the facets that it holds."""
        found = []
        for query in self.asked:
            judged = query.judgements
            number = {facet: n for n, facet in enumerate(sorted(judged.all_facets, key=str))}
            found.append(
                {
                    self.store.row_of[str(document)]: [number[f] for f in judged.of(document)]
                    for document in judged.facets
                }
            )
        return tuple(found)

    @cached_property
    def totals(self) -> npt.NDArray[np.int64]:
        """`[Q]` facets of each question, found among the candidates or not."""
        return np.array([len(query.judgements.all_facets) for query in self.asked])

    @cached_property
    def gold(self) -> npt.NDArray[np.bool_]:
        """`[Q, K]` which candidates hold any of the evidence."""
        pairs = zip(self.rows.tolist(), self.evidence, strict=True)
        return np.array([[row in evidence for row in rows] for rows, evidence in pairs])

    @cached_property
    def digest(self) -> str:
        """Names all that a method may look at, for the cache of picks."""
        digest = hashlib.sha256(self.store.digest.encode())
        digest.update(repr(self.rows.shape).encode())
        digest.update(np.ascontiguousarray(self.rows).data)
        digest.update(np.ascontiguousarray(self.queries).data)
        digest.update("\0".join(query.text for query in self.asked).encode())
        return digest.hexdigest()[:24]

    def nearest(self, size: int) -> Candidates:
        """With the `size` nearest candidates only."""
        return replace(
            self,
            rows=np.ascontiguousarray(self.rows[:, :size]),
            cosines=np.ascontiguousarray(self.cosines[:, :size]),
        )

    def some(self, which: npt.NDArray[np.bool_]) -> Candidates:
        """Those questions only for which `which` `[Q]` is true."""
        return replace(
            self,
            asked=tuple(query for query, wanted in zip(self.asked, which, strict=True) if wanted),
            queries=self.queries[which],
            rows=self.rows[which],
            cosines=self.cosines[which],
        )
