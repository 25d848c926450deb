"""`Pool`: one query of a calibration, with the candidates that the store offered for it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sift_retrievers.retrieval import Hits, Retrieval, SelectionRules, Target


@dataclass(frozen=True)
class Pool:
    """The candidates of one query.

    Raises:
        ValueError: for shapes that do not fit together, or fewer than two candidates.
    """

    targets: npt.NDArray[np.float32]
    """`[m, d]` the query's vector, or several that stand for it."""
    vectors: npt.NDArray[np.float32]
    """`[n, d]` of the candidates, nearest first."""
    passages: Sequence[Hashable]
    """Of every candidate the name by which judgements know it: of a chunk, that of its passage."""
    question: str | None = None
    """None: the vectors are all that is known of it."""
    texts: Sequence[str] | None = None
    """Of the candidates; None: no words are heard."""
    titles: Sequence[str | None] | None = None
    """Of the candidates; None: they have none."""

    def __post_init__(self) -> None:
        if self.targets.ndim != 2 or self.vectors.ndim != 2:
            raise ValueError(
                f"targets must be [m, d] and vectors [n, d]; got {self.targets.shape} and "
                f"{self.vectors.shape}"
            )
        if self.targets.shape[1] != self.vectors.shape[1]:
            raise ValueError(
                f"targets and vectors must be of one dimension; got {self.targets.shape[1]} and "
                f"{self.vectors.shape[1]}"
            )
        for name in ("passages", "texts", "titles"):
            values = getattr(self, name)
            if values is not None and len(values) != len(self.vectors):
                raise ValueError(
                    f"{name} must be {len(self.vectors)}, one a candidate; got {len(values)}"
                )
        if len(self.vectors) < 2:
            raise ValueError("a query with fewer than two candidates tells nothing; leave it out")

    def retrieval(self, k: int, rules: SelectionRules) -> Retrieval[int]:
        """A retrieval from these candidates; its documents are their positions."""
        texts, titles = self.texts, self.titles
        return Retrieval(
            query=self.question or "",
            targets=[Target(vector, self.question) for vector in self.targets],
            hits=Hits(self.vectors, [None] * len(self.vectors), document=lambda i: i),
            k=k,
            rules=rules,
            text=lambda i: "" if texts is None else texts[i],
            title=None if titles is None else lambda i: titles[i],
        )
