"""The vectors of queries: of one query with its targets, and of all queries of a batch."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from langchain_core.embeddings import Embeddings
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langchain_core.runnables.base import coerce_to_runnable

from langchain_sift.calls import Call
from langchain_sift.tracing import AnyManager, Stages
from sift_retrievers.retrieval import Target
from sift_retrievers.retrieval.target import TargetLike, as_targets, checked_vector
from sift_retrievers.retrieval.work import Work, native

Vector: TypeAlias = npt.NDArray[np.float32]

logger = logging.getLogger(__name__)

LEAST_COSINE: Final = 1 - 1e-4
"""Two embeddings of one text count as equal if their cosine is at least this: the difference is
then no more than rounding."""

BatchVectors: TypeAlias = Mapping[tuple[int, str], Vector]
"""Vectors of queries, by the `id` of the model and the text."""
_batch_vectors: ContextVar[BatchVectors] = ContextVar("sift_batch_vectors")


async def targets_of(
    work: Work, stages: Stages, call: Call, make: Any, callbacks: AnyManager | None
) -> list[TargetLike]:
    """What is searched for: the targets of the call, those made from its query, or the query.

    Args:
        work: calls `make`.
        stages: note how long that took.
        call: of the retriever.
        make: the retriever's `targets`: a Runnable, a function of the query, or None.
        callbacks: for `make`.
    """
    if call.targets is not None:
        return as_targets(call.targets)
    if make is None:
        return [call.query]
    runnable = coerce_to_runnable(make)
    # For a plain function `ainvoke` would use the threads of the event loop, which others share.
    plain = isinstance(runnable, RunnableLambda) and not hasattr(runnable, "afunc")
    with stages.timed("targets"):
        made = await work.call(
            "targets",
            make,
            runnable.invoke,
            call.query,
            RunnableConfig(callbacks=callbacks),
            native=None if plain else runnable.ainvoke,
        )
    return as_targets(made)


def shown_texts(targets: Sequence[TargetLike]) -> list[str]:
    """What a trace shows of targets."""
    return [target if isinstance(target, str) else "(a vector)" for target in targets]


async def embed_targets(
    work: Work, model: Embeddings, targets: Sequence[TargetLike]
) -> list[Target]:
    """Embed those targets that are texts.

    Args:
        work: makes the calls of the model.
        model: of the queries.
        targets: m texts and vectors.

    Raises:
        TypeError, ValueError: if an embedding is not a finite vector, or their lengths differ.
    """
    found = await work.together([_embedded(work, model, target) for target in targets])
    lengths = [len(target.vector) for target in found]
    if len({*lengths}) > 1:
        raise ValueError(
            "the vectors of all targets must have one length, that of the embedding model; got "
            f"{lengths[:20]}"
        )
    return found


async def _embedded(work: Work, model: Embeddings, target: TargetLike) -> Target:
    if not isinstance(target, str):
        return Target(checked_vector(target))
    vector = _batch_vectors.get({}).get((id(model), target))
    return Target(await _embed_query(work, model, target) if vector is None else vector, target)


async def _embed_query(work: Work, model: Embeddings, text: str) -> Vector:
    own = native(model, "aembed_query")
    return checked_vector(await work.call("embed", model, model.embed_query, text, native=own))


@contextmanager
def embedded_before(model: Embeddings, vectors: Mapping[str, Vector]) -> Iterator[None]:
    """A context in which these queries are not embedded again.

    It holds for the threads and tasks that are started inside, too.
    """
    token = _batch_vectors.set({(id(model), text): vector for text, vector in vectors.items()})
    try:
        yield
    finally:
        _batch_vectors.reset(token)


class BatchEmbedder:
    """Embeds the queries of a batch in one call, if the model allows it.

    LangChain's models can embed several documents in one call, but not several queries. Most models
    give a text the same vector as a query and as a document; models that put "query: " before a
    query do not. To find out, the longest query of the first batch is embedded as both, and the
    result is remembered for that model. A model that stores the vectors of documents
    (`CacheBackedEmbeddings`) is never given queries as documents.
    """

    def __init__(self) -> None:
        self._compared: tuple[Any, bool] | None = None  # a model, and whether its calls agree

    async def embed(self, work: Work, model: Embeddings, texts: Sequence[str]) -> dict[str, Vector]:
        """The vectors of the texts; empty if each has to be embedded alone.

        Errors are logged and not raised: each query is then embedded alone, and only the query that
        causes the error fails.
        """
        different = [*dict.fromkeys(texts)]
        agree = None
        if self._compared is not None and self._compared[0] is model:
            agree = self._compared[1]
        if len(different) < 2 or agree is False or hasattr(model, "document_embedding_store"):
            return {}
        try:
            given = await work.call(
                "embed",
                model,
                model.embed_documents,
                different,
                native=native(model, "aembed_documents"),
            )
            rows = (checked_vector(row) for row in given)
            vectors = dict(zip(different, rows, strict=True))
            if agree is None:
                longest = max(different, key=len)
                alone = await _embed_query(work, model, longest)
                agree = same_embedding(alone, vectors[longest])
                self._compared = (model, agree)
        except Exception as error:
            logger.info("the queries of a batch are embedded one by one: %r", error)
            return {}
        return vectors if agree else {}


def same_embedding(one: Vector, other: Vector) -> bool:
    """Whether two vectors are the same up to rounding."""
    if one.shape != other.shape:
        return False
    product = float(np.linalg.norm(one) * np.linalg.norm(other))
    close = np.allclose(one, other, rtol=1e-2, atol=1e-2 * float(np.abs(one).max()))
    return close and float(one @ other) >= LEAST_COSINE * product
