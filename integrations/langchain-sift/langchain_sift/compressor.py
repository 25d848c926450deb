"""`SIFTCompressor`: reranks the documents of any retriever by information gain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol, Self

import numpy as np
from langchain_core.callbacks import (
    AsyncCallbackManagerForChainRun,
    CallbackManager,
    CallbackManagerForChainRun,
    Callbacks,
)
from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.embeddings import Embeddings
from langchain_core.runnables import RunnableConfig, RunnableSerializable
from langchain_core.runnables.config import run_in_executor
from pydantic import ConfigDict, Field, field_validator, model_validator

from langchain_sift.documents import annotated_copies, metadata_of, text_of
from langchain_sift.queries import embed_targets
from langchain_sift.settings import SelectionSettings
from langchain_sift.stores import check_lookup, embeddings_of, hits_of, stored_vectors
from langchain_sift.tracing import Stages
from sift_retrievers.retrieval import (
    EmbeddingCache,
    Explanation,
    Hits,
    Retrieval,
    check_hits,
    titles_in,
)
from sift_retrievers.retrieval.rules import PHRASES, weighs_relevance
from sift_retrievers.validation import count
from sift_retrievers.witnesses.scorer import checked_scores

REEMBEDDED = "embedded by the compressor"


class CrossEncoder(Protocol):
    """LangChain's `BaseCrossEncoder`, as far as it is needed."""

    def score(self, text_pairs: list[tuple[str, str]], /) -> Sequence[float]:
        """One score a (query, text) pair."""
        ...


PairScores = Callable[[list[tuple[str, str]]], Sequence[float]]


class SIFTCompressor(
    SelectionSettings, BaseDocumentCompressor, RunnableSerializable[dict[str, Any], list[Document]]
):
    """Pick from retrieved documents those that together tell most about the answer.

    For documents that anything found: BM25, an ensemble, a parent-document, multi-query or
    self-query retriever. Returns at most `k` copies in selection order, with the metadata that
    `SIFTRetriever` writes; ids, texts and metadata survive, and a document that was found twice
    comes back once.

    The vectors of the documents are those in `document.state["embedded_doc"]` (where LangChain's
    embedding filters leave them), else those that `vectorstore` holds under the documents' ids,
    else all missing ones are embedded in one call.

    Example:
        ```python
        compressor = SIFTCompressor(embedding=embeddings, k=5)
        retriever = ContextualCompressionRetriever(
            base_compressor=compressor, base_retriever=bm25
        )
        chain = {"query": RunnablePassthrough(), "documents": bm25} | compressor
        ```
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    embedding: Any = None
    """Embeds the query, and the documents whose vectors nobody has; default: the store's model."""
    vectorstore: Any = None
    """A store that holds the documents' vectors under their ids."""
    cross_encoder: Any = None
    """A further witness of relevance: a LangChain cross-encoder, or a function that gives
    (query, text) pairs one score each, on any scale. `relevance=Witnesses(vectors=0, words=0)`
    hears it alone."""
    embedding_cache: EmbeddingCache = Field(default_factory=EmbeddingCache)
    """Keeps the vectors of texts that were embedded: `EmbeddingCache(size=…)`."""

    @field_validator("vectorstore")
    @classmethod
    def _readable(cls, store: Any) -> Any:
        if store is not None:
            try:
                check_lookup(store)
            except TypeError as error:
                raise ValueError(str(error)) from error
        return store

    @model_validator(mode="after")
    def _usable(self) -> Self:
        model = self._embeddings()
        wanting = [n for n in ("embed_query", "embed_documents") if not hasattr(model, n)]
        if wanting:
            raise ValueError(
                "SIFTCompressor needs a model to embed the query (and documents without vectors): "
                "pass embedding=..., or vectorstore=... with a store that knows its model; got "
                f"{type(model).__name__} without {wanting}"
            )
        encoder = self.cross_encoder
        if encoder is not None and not (callable(encoder) or hasattr(encoder, "score")):
            raise ValueError(
                "cross_encoder must have a method score, or be a function, of a list of pairs; got "
                f"{type(encoder).__name__}"
            )
        if encoder is not None and not weighs_relevance(self.kernel or PHRASES):
            raise ValueError(
                'a cross_encoder goes with the kernels "phrases" and "relevance"; got '
                f"{self.kernel!r}"
            )
        return self

    def compress_documents(
        self,
        documents: Sequence[Document],
        query: str,
        callbacks: Callbacks | None = None,
        *,
        k: int | None = None,
    ) -> list[Document]:
        """Pick at most `k` of the documents.

        Args:
            documents: n, in the order of their retriever; none is changed.
            query: what they were retrieved for.
            callbacks: get the stages as runs.
            k: in place of the field.

        Raises:
            ValueError: for vectors that are not finite, or not of one dimension with the query's.
        """
        if len(documents) == 0:
            return []
        retrieval = self._retrieval(documents, query, callbacks, k)
        if self.fine_tune is not None:
            from langchain_sift.finetune.stage import tune

            tune(self.fine_tune, retrieval, CallbackManager.configure(callbacks))
        return annotated_copies(retrieval)

    def explain(self, documents: Sequence[Document], query: str) -> Explanation:
        """What was chosen from the documents, why, and how long each stage took."""
        return self._retrieval(documents, query, None, None).explanation(**self.shown())

    def invoke(
        self, input: dict[str, Any], config: RunnableConfig | None = None, **kwargs: Any
    ) -> list[Document]:
        """Pick from `input["documents"]` for `input["query"]`; `k` may be given, too."""

        def run(given: dict[str, Any], run_manager: CallbackManagerForChainRun) -> list[Document]:
            documents, query = _unpacked(given)
            return self.compress_documents(documents, query, run_manager.get_child(), **kwargs)

        return self._call_with_config(run, input, config, run_type="chain")

    async def ainvoke(
        self, input: dict[str, Any], config: RunnableConfig | None = None, **kwargs: Any
    ) -> list[Document]:
        """The same, in a thread."""

        async def run(
            given: dict[str, Any], run_manager: AsyncCallbackManagerForChainRun
        ) -> list[Document]:
            documents, query = _unpacked(given)
            callbacks = run_manager.get_child()
            compress = partial(self.compress_documents, documents, query, callbacks, **kwargs)
            return await run_in_executor(None, compress)

        return await self._acall_with_config(run, input, config, run_type="chain")

    def _embeddings(self) -> Embeddings | None:
        return embeddings_of(self.vectorstore) if self.embedding is None else self.embedding

    def _retrieval(
        self,
        documents: Sequence[Document],
        query: str,
        callbacks: Callbacks | None,
        k: int | None,
    ) -> Retrieval[Document]:
        model = self._embeddings()
        assert model is not None  # checked at construction
        stages = Stages(CallbackManager.configure(callbacks))
        with stages.stage("embed", {"texts": [query]}):
            targets = embed_targets(model, [query])
        with stages.stage("vectors", {"documents": len(documents)}):
            found = self._hits(_different(documents), targets[0].vector, model)
        scores = None
        if self.cross_encoder is not None:
            with stages.stage("relevance", {"documents": len(found)}):
                scores = self._scores(query, found)
        k = self.k if k is None else count(k, "k")
        retrieval = Retrieval(
            query,
            targets,
            found,
            k,
            self.rules(),
            text=text_of,
            title=self.titles(),
            titles_in=titles_in(self.title),
            metadata=metadata_of,
            parent=self.parent(),
            scores=scores,
            seconds=stages.seconds,
        )
        with stages.stage("select", {"k": k, "candidates": len(found)}) as outputs:
            outputs |= retrieval.complete()
        return retrieval

    def _hits(
        self, documents: Sequence[Document], query: np.ndarray[Any, Any], model: Embeddings
    ) -> Hits[Document]:
        vectors: list[Any] = [
            (getattr(document, "state", None) or {}).get("embedded_doc") for document in documents
        ]
        missing, note = [i for i, vector in enumerate(vectors) if vector is None], None
        if self.vectorstore is not None and missing:
            stored, note = stored_vectors(self.vectorstore, [documents[i] for i in missing])
            for i, vector in zip(missing, stored, strict=True):
                vectors[i] = vector
            missing = [i for i in missing if vectors[i] is None]
        if missing:
            texts = [documents[i].page_content for i in missing]
            embedded = self.embedding_cache.embed(model, texts, model.embed_documents)
            for i, vector in zip(missing, embedded, strict=True):
                vectors[i] = vector if len(vector) else np.zeros(len(query), dtype=np.float32)
            own = f"{len(missing)} of {len(documents)} {REEMBEDDED}"
            note = own if note is None else f"{note}; {own}"
        hits = hits_of(documents, vectors, query, note=note)
        check_hits("SIFTCompressor", hits, len(query))
        return hits

    def _scores(self, query: str, found: Hits[Document]) -> np.ndarray[Any, Any]:
        encoder: CrossEncoder | PairScores = self.cross_encoder
        pairs = [(query, found.document(i).page_content) for i in range(len(found))]
        scores = encoder(pairs) if callable(encoder) else encoder.score(pairs)
        return checked_scores(scores, len(pairs))


def _different(documents: Sequence[Document]) -> list[Document]:
    """The documents without those that were found twice: the same id, text and metadata."""
    seen: dict[tuple[Any, ...], Document] = {}
    for document in documents:
        key = (document.id, document.page_content, repr(document.metadata))
        seen.setdefault(key, document)
    return [*seen.values()]


def _unpacked(given: Any) -> tuple[Sequence[Document], str]:
    """The documents and the query of a runnable's input."""
    if not isinstance(given, dict) or not {"query", "documents"} <= set(given):
        keys = sorted(given) if isinstance(given, dict) else type(given).__name__
        raise TypeError(
            'SIFTCompressor as a Runnable takes {"query": str, "documents": [Document, …]}; got '
            f"{keys}"
        )
    return given["documents"], given["query"]
