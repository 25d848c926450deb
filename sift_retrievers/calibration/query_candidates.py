"""`QueryCandidates`: one query of a calibration, with the passages that may be selected for it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from sift_retrievers.retrieval.hits import Hits
from sift_retrievers.retrieval.retrieval import Retrieval, retrieve
from sift_retrievers.retrieval.rules import SelectionRules
from sift_retrievers.retrieval.target import Target
from sift_retrievers.retrieval.titles import TitleOf, titles_of

DocumentT = TypeVar("DocumentT")


@dataclass(frozen=True)
class QueryCandidates:
    """One query and its n candidates.

    Raises:
        ValueError: for shapes that do not fit together, or fewer than two candidates.
    """

    targets: npt.NDArray[np.float32]
    """`[m, d]` the query's vector, or several that stand for it."""
    vectors: npt.NDArray[np.float32]
    """`[n, d]` vectors of the candidates, nearest first."""
    passages: Sequence[Hashable]
    """n names by which the gold passages are known. Chunks of one passage have the same name."""
    question: str | None = None
    """The query's text; None if only its vectors are known."""
    texts: Sequence[str] | None = None
    """n texts; None: words are not compared."""
    titles: Sequence[str | None] | None = None
    """n titles, None for a candidate without one; None: no candidate has one."""

    def __post_init__(self) -> None:
        if self.targets.ndim != 2 or self.vectors.ndim != 2:
            raise ValueError(
                f"targets must be [m, d] and vectors [n, d]; got {self.targets.shape} and "
                f"{self.vectors.shape}"
            )
        if self.targets.shape[1] != self.vectors.shape[1]:
            raise ValueError(
                f"targets and vectors must have the same dimension; got {self.targets.shape[1]} "
                f"and {self.vectors.shape[1]}"
            )
        for name in ("passages", "texts", "titles"):
            values = getattr(self, name)
            if values is not None and len(values) != len(self.vectors):
                raise ValueError(
                    f"{name} must be {len(self.vectors)}, one a candidate; got {len(values)}"
                )
        if len(self.vectors) < 2:
            raise ValueError(
                f"the query {self.question!r} has {len(self.vectors)} candidates; with fewer than "
                "two there is nothing to choose: leave it out"
            )

    @staticmethod
    def from_hits(
        targets: Sequence[Target],
        hits: Hits[DocumentT],
        *,
        passage: str | Callable[[DocumentT], Hashable] | None = None,
        title: TitleOf = None,
    ) -> QueryCandidates:
        """The hits of a store as candidates.

        Args:
            targets: what the store was searched for.
            hits: n, nearest first.
            passage: how the passage of a document is named among the gold passages: a metadata key,
                or a function of the document. None: by the document's id.
            title: where the title of a document is found, as for a retriever.

        Raises:
            ValueError: for fewer than two hits, or a hit without the metadata key.
        """
        return QueryCandidates(
            np.stack([target.vector for target in targets]),
            hits.vectors,
            _names(hits, passage),
            question=next((target.text for target in targets if target.text), None),
            texts=hits.texts,
            titles=titles_of(hits, title),
        )

    def retrieval(self, k: int, rules: SelectionRules) -> Retrieval[int]:
        """Select k of the candidates by the rules. Documents are positions among the candidates."""
        n, titles = len(self.vectors), self.titles
        hits = Hits(
            vectors=self.vectors,
            ids=[None] * n,
            texts=[""] * n if self.texts is None else self.texts,
            metadata=[None] * n,
            document=lambda i: i,
        )
        if titles is not None:
            rules = replace(rules, title=lambda i: titles[i])
        targets = [Target(vector, self.question) for vector in self.targets]
        return retrieve(self.question or "", targets, hits, k, rules)


def _names(
    hits: Hits[DocumentT], passage: str | Callable[[DocumentT], Hashable] | None
) -> list[Hashable]:
    """The names of n hits' passages."""
    if passage is None:
        return [*hits.ids]
    if callable(passage):
        return [passage(hits.document(i)) for i in range(len(hits))]
    names: list[Hashable] = []
    for metadata in hits.metadata:
        found = metadata or {}
        if passage not in found:
            raise ValueError(
                f"passage={passage!r} is no key of a document's metadata; it has {sorted(found)}"
            )
        names.append(found[passage])
    return names
