"""From what a user asks to vectors: embedding of queries, alone and together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from langchain_core.embeddings import Embeddings
from langchain_core.runnables.config import run_in_executor

from sift_retrievers.retrieval import Target, TargetLike, checked_vector

Vector: TypeAlias = npt.NDArray[np.float32]

logger = logging.getLogger(__name__)

# Cosine from which two embeddings of a text are the same: they differ by rounding alone.
SAME: Final = 1 - 1e-4

# The vectors of a batch's queries by model and text, embedded together before its threads or tasks
# begin.
Together: TypeAlias = Mapping[tuple[int, str], Vector]
_together: ContextVar[Together] = ContextVar("sift_together")


def embed_targets(embeddings: Embeddings, targets: Sequence[TargetLike]) -> list[Target]:
    """Embed those targets that are texts."""
    embedded = []
    for target in targets:
        known = _known(embeddings, target)
        if known is None:
            vector = embeddings.embed_query(target) if isinstance(target, str) else target
            known = Target(checked_vector(vector), target if isinstance(target, str) else None)
        embedded.append(known)
    return embedded


async def aembed_targets(embeddings: Embeddings, targets: Sequence[TargetLike]) -> list[Target]:
    """The same by the model's asynchronous call, all at once."""

    async def embed(target: TargetLike) -> Target:
        known = _known(embeddings, target)
        if known is not None:
            return known
        if not isinstance(target, str):
            return Target(checked_vector(target))
        if callable(getattr(embeddings, "aembed_query", None)):
            return Target(checked_vector(await embeddings.aembed_query(target)), target)
        vector = await run_in_executor(None, embeddings.embed_query, target)
        return Target(checked_vector(vector), target)

    return [*await asyncio.gather(*(embed(target) for target in targets))]


def _known(embeddings: Embeddings, target: TargetLike) -> Target | None:
    """The target if it is a query of the batch under way."""
    if not isinstance(target, str):
        return None
    vector = _together.get({}).get((id(embeddings), target))
    return None if vector is None else Target(vector, target)


class BatchEmbedder:
    """Embeds the queries of a batch in one call, where the model allows.

    LangChain's models have one call for several documents and none for several queries. The two
    give the same vectors with most models, and different ones with those that put "query: " before
    a query. So the first batch embeds its longest query both ways, and the answer is remembered for
    that model. A model that stores the vectors of documents (`CacheBackedEmbeddings`) never gets
    queries as such.
    """

    def __init__(self) -> None:
        self._tried: tuple[Any, bool] | None = None

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
        alike = None
        if self._tried is not None and self._tried[0] is embeddings:
            alike = self._tried[1]
        if len(different) < 2 or alike is False or hasattr(embeddings, "document_embedding_store"):
            return []
        try:
            vectors = np.asarray(embeddings.embed_documents(different), dtype=np.float32)
            if alike is None:
                longest = max(range(len(different)), key=lambda i: len(different[i]))
                alone = checked_vector(embeddings.embed_query(different[longest]))
                alike = same_embedding(alone, vectors[longest])
                self._tried = (embeddings, alike)
            if not alike:
                return []
            return [(t, checked_vector(v)) for t, v in zip(different, vectors, strict=True)]
        except Exception as error:  # then each query meets its own, where it can be told apart
            logger.info("the queries of a batch are embedded one by one: %r", error)
            return []


def same_embedding(one: Vector, other: Vector) -> bool:
    """Whether two vectors are the same up to rounding."""
    if one.shape != other.shape:
        return False
    product = float(np.linalg.norm(one) * np.linalg.norm(other))
    close = np.allclose(one, other, rtol=1e-2, atol=1e-2 * float(np.abs(one).max()))
    return close and float(one @ other) >= SAME * product
