"""From what a user asks to vectors: embedding of queries, alone and together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from langchain_core.embeddings import Embeddings

from langchain_sift.target import Target

Vector: TypeAlias = npt.NDArray[np.float32]
TargetLike: TypeAlias = str | Sequence[float] | npt.NDArray[Any]

# Cosine from which two embeddings of a text are the same: they differ by rounding alone.
SAME = 1 - 1e-4

# The vectors of a batch's queries by model and text, embedded together before its threads or tasks
# begin.
Together: TypeAlias = Mapping[tuple[int, str], Vector]
_together: ContextVar[Together] = ContextVar("sift_together")


def as_targets(given: Any) -> list[TargetLike]:
    """The targets that a caller gave: a text, or a list or array of texts and vectors.

    Raises:
        TypeError, ValueError: if it is none of them, or empty.
    """
    if isinstance(given, str):
        return [given]
    if isinstance(given, np.ndarray) and given.ndim == 2:
        given = [*given]
    wrong = "targets must be texts or vectors [d] in a list, or an array [m, d]; got "
    if isinstance(given, np.ndarray) or not isinstance(given, Sequence):
        shape = f" {given.shape}" if isinstance(given, np.ndarray) else ""
        raise TypeError(f"{wrong}{type(given).__name__}{shape}")
    if len(given) == 0:
        raise ValueError("targets must hold at least one text or vector; got none")
    if all(isinstance(value, int | float) for value in given):
        raise TypeError(f"{wrong}a single vector: put it into a list")
    return [*given]


def embed_targets(embeddings: Embeddings, targets: Sequence[TargetLike]) -> list[Target]:
    """Embed those targets that are texts."""
    embedded = []
    for target in targets:
        known = _known(embeddings, target)
        if known is None and isinstance(target, str):
            known = Target(checked_vector(embeddings.embed_query(target)), target)
        embedded.append(known or Target(checked_vector(target)))
    return embedded


async def aembed_targets(embeddings: Embeddings, targets: Sequence[TargetLike]) -> list[Target]:
    """The same by the model's asynchronous call."""
    embedded = []
    for target in targets:
        known = _known(embeddings, target)
        if known is None and isinstance(target, str):
            known = Target(checked_vector(await embeddings.aembed_query(target)), target)
        embedded.append(known or Target(checked_vector(target)))
    return embedded


def _known(embeddings: Embeddings, target: TargetLike) -> Target | None:
    """The target if it is a query of the batch under way."""
    if not isinstance(target, str):
        return None
    vector = _together.get({}).get((id(embeddings), target))
    return None if vector is None else Target(vector, target)


def checked_vector(values: Any) -> Vector:
    """A query's vector `[d]`.

    Raises:
        ValueError: if it is not one finite vector, or zero: a zero vector asks for nothing.
    """
    vector = np.asarray(values, dtype=np.float32)
    if vector.ndim != 1 or not np.isfinite(vector).all() or not vector.any():
        raise ValueError(
            "a query needs one finite vector that is not zero; got shape "
            f"{vector.shape} with {int((~np.isfinite(vector)).sum())} NaN or infinite values"
        )
    return vector


class BatchEmbedder:
    """Embeds the queries of a batch in one call, where the model allows.

    LangChain's models have one call for several documents and none for several queries. The two
    give the same vectors with most models, and different ones with those that put "query: " before
    a query. So the first batch embeds its first query both ways, and the answer is remembered. A
    model that stores the vectors of documents (`CacheBackedEmbeddings`) never gets queries as such.
    """

    def __init__(self) -> None:
        self._alike: bool | None = None

    @contextmanager
    def together(self, embeddings: Embeddings, texts: Sequence[str]) -> Iterator[None]:
        """Inside, these queries are not embedded again, in threads and tasks begun there."""
        with self.known(embeddings, self.vectors(embeddings, texts)):
            yield

    @contextmanager
    def known(
        self, embeddings: Embeddings, vectors: Sequence[tuple[str, Vector]]
    ) -> Iterator[None]:
        """The same for queries that are embedded already."""
        token = _together.set({(id(embeddings), text): vector for text, vector in vectors})
        try:
            yield
        finally:
            _together.reset(token)

    def vectors(self, embeddings: Embeddings, texts: Sequence[str]) -> list[tuple[str, Vector]]:
        """The distinct texts with their vectors; none where each has to be embedded alone."""
        different = [*dict.fromkeys(texts)]
        if len(different) < 2 or self._alike is False:
            return []
        if hasattr(embeddings, "document_embedding_store"):
            return []
        try:
            vectors = np.asarray(embeddings.embed_documents(different), dtype=np.float32)
            if self._alike is None:
                alone = checked_vector(embeddings.embed_query(different[0]))
                self._alike = same_embedding(alone, vectors[0])
            if not self._alike:
                return []
            return [(t, checked_vector(v)) for t, v in zip(different, vectors, strict=True)]
        except Exception:  # then each query meets its own, where it can be told apart
            return []


def same_embedding(one: Vector, other: Vector) -> bool:
    """Whether two vectors are the same up to rounding."""
    if one.shape != other.shape:
        return False
    product = float(np.linalg.norm(one) * np.linalg.norm(other))
    close = np.allclose(one, other, rtol=1e-2, atol=1e-2 * float(np.abs(one).max()))
    return close and float(one @ other) >= SAME * product
