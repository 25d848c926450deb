"""`SIFTCompressor`: reranks the documents of any retriever by information gain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
from langchain_core.callbacks import (
    AsyncCallbackManagerForChainRun,
    CallbackManager,
    CallbackManagerForChainRun,
    Callbacks,
)
from langchain_core.cross_encoders import BaseCrossEncoder
from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.embeddings import Embeddings
from langchain_core.runnables import RunnableConfig, RunnableSerializable
from pydantic import ConfigDict, Field, field_validator, model_validator

from langchain_sift.queries import embed_targets
from langchain_sift.retrieval import Retrieval, summary
from langchain_sift.settings import SelectionSettings
from langchain_sift.stores import embeddings_of, hits_of, stored_vectors
from langchain_sift.tracing import Stages
from sift_retrievers import RelevanceWeighted
from sift_retrievers.kernels import KernelLike
from sift_retrievers.retrieval import EmbeddingCache, Explanation, Hits, check_hits, union

CrossEncoder = BaseCrossEncoder | Callable[[list[tuple[str, str]]], Sequence[float]]


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

    embedding: Embeddings | None = None
    """Embeds the query, and the documents whose vectors nobody has; default: the store's model."""
    vectorstore: Any = None
    """A store that holds the documents' vectors under their ids."""
    cross_encoder: CrossEncoder | None = None
    """Judges relevance in place of the embedding: given (query, text) pairs, one score each. Goes
    with the kernel "relevance" (`RelevanceWeighted`), which is then the default; its γ is in units
    of one over the score."""
    embedding_cache: EmbeddingCache = Field(default_factory=EmbeddingCache)
    """Keeps the vectors of texts that were embedded: `EmbeddingCache(size=…)`."""

    @model_validator(mode="before")
    @classmethod
    def _kernel_for_relevance(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("cross_encoder") is not None:
            return {"kernel": "relevance", **given}
        return given

    @field_validator("vectorstore")
    @classmethod
    def _readable(cls, store: Any) -> Any:
        if store is not None:
            try:
                stored_vectors(store, [])
            except TypeError as error:
                raise ValueError(str(error)) from error
        return store

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if self._embeddings() is None:
            raise ValueError(
                "SIFTCompressor needs a model to embed the query (and documents without vectors): "
                "pass embedding=..., or vectorstore=... with a store that knows its model"
            )
        if self.cross_encoder is not None and not _weighs_relevance(self.kernel):
            raise ValueError(
                'a cross_encoder goes with kernel="relevance" or RelevanceWeighted(...); got '
                f"{self.kernel!r}"
            )
        return self

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> list[Document]:
        """Pick at most `k` of the documents.

        Args:
            documents: n, in the order of their retriever; none is changed.
            query: what they were retrieved for.
            callbacks: get the stages as runs.

        Raises:
            ValueError: for vectors that are not finite, or not of one dimension with the query's.
        """
        if len(documents) == 0:
            return []
        return self._retrieval(documents, query, callbacks).documents()

    def explain(self, documents: Sequence[Document], query: str) -> Explanation:
        """What was chosen from the documents, why, and how long each stage took."""
        return self._retrieval(documents, query, None).explanation()

    def invoke(
        self, input: dict[str, Any], config: RunnableConfig | None = None, **kwargs: Any
    ) -> list[Document]:
        """Pick from `input["documents"]` for `input["query"]`."""

        def run(given: dict[str, Any], run_manager: CallbackManagerForChainRun) -> list[Document]:
            documents, query = _unpacked(given)
            return self.compress_documents(documents, query, run_manager.get_child())

        return self._call_with_config(run, input, config, run_type="chain", **kwargs)

    async def ainvoke(
        self, input: dict[str, Any], config: RunnableConfig | None = None, **kwargs: Any
    ) -> list[Document]:
        """The same, in a thread."""

        async def run(
            given: dict[str, Any], run_manager: AsyncCallbackManagerForChainRun
        ) -> list[Document]:
            documents, query = _unpacked(given)
            return [*await self.acompress_documents(documents, query, run_manager.get_child())]

        return await self._acall_with_config(run, input, config, run_type="chain", **kwargs)

    def _embeddings(self) -> Embeddings | None:
        return self.embedding or embeddings_of(self.vectorstore)

    def _retrieval(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None
    ) -> Retrieval:
        model = self._embeddings()
        assert model is not None  # checked at construction
        stages = Stages(CallbackManager.configure(callbacks))
        with stages.stage("embed", {"texts": [query]}):
            targets = embed_targets(model, [query])
        with stages.stage("vectors", {"documents": len(documents)}):
            found = union([self._hits(documents, targets[0].vector, model)])
        relevance = None
        if self.cross_encoder is not None:
            with stages.stage("relevance", {"documents": len(found)}):
                relevance = self._relevance(query, found)
        retrieval = Retrieval(query, targets, found, self, self.k, relevance, stages.seconds)
        with stages.stage("select", {"k": self.k, "candidates": len(found)}) as outputs:
            outputs |= summary(retrieval)
        return retrieval

    def _hits(
        self, documents: Sequence[Document], query: np.ndarray[Any, Any], model: Embeddings
    ) -> Hits[Document]:
        vectors: list[Any] = [
            (getattr(document, "state", None) or {}).get("embedded_doc") for document in documents
        ]
        missing = [i for i, vector in enumerate(vectors) if vector is None]
        if self.vectorstore is not None and missing:
            ids = [name for i in missing if (name := documents[i].id) is not None]
            stored = stored_vectors(self.vectorstore, ids)
            for i in missing:
                vectors[i] = stored.get(documents[i].id or "")
            missing = [i for i in missing if vectors[i] is None]
        if missing:
            texts = [documents[i].page_content for i in missing]
            embedded = self.embedding_cache.embed(model, texts, model.embed_documents)
            for i, vector in zip(missing, embedded, strict=True):
                vectors[i] = vector if len(vector) else np.zeros(len(query), dtype=np.float32)
        hits = hits_of(documents, vectors, query)
        check_hits("SIFTCompressor", hits, len(query))
        return hits

    def _relevance(self, query: str, found: Hits[Document]) -> np.ndarray[Any, Any]:
        encoder = self.cross_encoder
        pairs = [(query, found.document(i).page_content) for i in range(len(found))]
        assert encoder is not None
        score = encoder.score if isinstance(encoder, BaseCrossEncoder) else encoder
        relevance = np.asarray(score(pairs), dtype=np.float64)
        if relevance.shape != (len(pairs),):
            raise ValueError(
                f"the cross_encoder must give one score a pair, {len(pairs)} in all; got an array "
                f"of shape {relevance.shape}"
            )
        return relevance


def _weighs_relevance(kernel: KernelLike) -> bool:
    return kernel == "relevance" or isinstance(kernel, RelevanceWeighted)


def _unpacked(given: Any) -> tuple[Sequence[Document], str]:
    """The documents and the query of a runnable's input."""
    if not isinstance(given, dict) or not {"query", "documents"} <= set(given):
        keys = sorted(given) if isinstance(given, dict) else type(given).__name__
        raise TypeError(
            'SIFTCompressor as a Runnable takes {"query": str, "documents": [Document, …]}; got '
            f"{keys}"
        )
    return given["documents"], given["query"]
