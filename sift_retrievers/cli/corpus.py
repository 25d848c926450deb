"""`Corpus`: all passages of a store or file, with their vectors, in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sift_retrievers.cli.problem import CommandError
from sift_retrievers.retrieval.hits import Hits

Vectors = npt.NDArray[np.float32]

METRICS: Final = ("cosine", "dot", "l2")
BLOCK: Final = 2**14  # rows of which squares are computed at a time


@dataclass(frozen=True)
class Corpus:
    """n passages.

    Raises:
        CommandError: for vectors that are not `[n, d]` and finite.
    """

    source: str
    """What it was read from, for messages and reports."""
    ids: Sequence[str | None]
    texts: Sequence[str]
    """n texts, "" where there is none."""
    metadata: Sequence[Mapping[str, Any]]
    vectors: Vectors
    """`[n, d]`."""
    metric: str = "cosine"
    """By which the store finds the nearest: "cosine", "dot" or "l2"."""
    model: str | None = None
    """The embedding model that the store names; None: it names none."""
    note: str | None = None
    """How the vectors differ from those that were added; None if they do not."""
    _squares: npt.NDArray[np.float32] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.vectors.ndim != 2:
            raise CommandError(
                f"{self.source} must hold vectors of one length; got shape {self.vectors.shape}"
            )
        parts = [self.vectors[i : i + BLOCK] for i in range(0, len(self.vectors), BLOCK)]
        with np.errstate(over="ignore", invalid="ignore"):
            squares = [np.vecdot(part, part) for part in parts]
        finite = [np.isfinite(part).all(axis=1) for part in parts]
        wrong = np.flatnonzero(~np.concatenate(finite)) if parts else np.empty(0)
        if len(wrong):
            first = self.ids[int(wrong[0])]
            raise CommandError(
                f"{self.source} holds {len(wrong)} of {len(self.vectors)} vectors with NaN or "
                f"infinite values; the first is that of row {int(wrong[0])} (id {first!r})"
            )
        found = np.concatenate(squares) if squares else np.empty(0, dtype=np.float32)
        object.__setattr__(self, "_squares", found)

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def dim(self) -> int:
        """D."""
        return int(self.vectors.shape[1])

    @property
    def has_texts(self) -> bool:
        """Whether any passage has a text."""
        return any(text.strip() for text in self.texts)

    def nearest(
        self, query: Vectors, fetch_k: int, without: int | None = None
    ) -> npt.NDArray[np.intp]:
        """Positions of the passages nearest to a query by the store's metric, nearest first.

        Args:
            query: `[d]`.
            fetch_k: at most so many.
            without: a position that is left out.

        Raises:
            CommandError: for a query of another dimension.
        """
        if query.shape != (self.dim,):
            raise CommandError(
                f"the question's vector has dimension {len(query)}, the vectors of {self.source} "
                f"have {self.dim}: expected the embedding model that filled it"
                + (f", {self.model}" if self.model else "")
            )
        products = self.vectors @ query
        if self.metric == "cosine":
            lengths = np.sqrt(self._squares)
            near = np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0)
        elif self.metric == "dot":
            near = products
        else:
            near = 2 * products - self._squares
        if without is not None:
            near[without] = -np.inf
        order = np.argsort(-near, kind="stable")[: fetch_k + (without is not None)]
        return order[order != without][:fetch_k] if without is not None else order

    def hits(self, positions: npt.NDArray[np.intp]) -> Hits[int]:
        """The passages at these positions; their documents are positions in the corpus."""
        at = positions.tolist()
        return Hits(
            vectors=self.vectors[positions],
            ids=[self.ids[i] for i in at],
            texts=[self.texts[i] for i in at],
            metadata=[self.metadata[i] for i in at],
            document=lambda i: at[i],
            note=self.note,
        )
