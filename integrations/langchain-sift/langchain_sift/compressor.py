"""`SIFTCompressor`: reranks the documents of any retriever by information gain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from langchain_core.callbacks import AsyncCallbackManager, CallbackManager, Callbacks
from langchain_core.documents import Document
from pydantic import ConfigDict, Field, model_validator

from langchain_sift.calls import check_query, rules_of, size_of, timeout_of
from langchain_sift.given_documents import check_documents, hits_of_given
from langchain_sift.queries import embed_targets
from langchain_sift.runnable_compressor import RunnableCompressor
from langchain_sift.selecting import aexplained, chosen, explained, returned
from langchain_sift.settings import SelectionSettings
from langchain_sift.stores import check_lookup, embeddings_of
from langchain_sift.tracing import AnyManager, Stages
from sift_retrievers.retrieval import EmbeddingCache, Explanation, Retrieval, SelectionRules
from sift_retrievers.retrieval.rules import weighs_relevance
from sift_retrievers.retrieval.work import Direct, OnLoop, Work, finished


class SIFTCompressor(SelectionSettings, RunnableCompressor):
    """Pick from retrieved documents those that are relevant and do not repeat one another.

    The documents may come from any retriever: BM25, an ensemble, a parent-document, multi-query or
    self-query retriever. Returns at most `k` copies in selection order, with the metadata that
    `SIFTRetriever` writes. Ids, texts and other metadata stay as they were. A document that was
    found twice is returned once.

    The vector of a document is taken from `document.state["embedded_doc"]`, where LangChain's
    embedding filters put it, or else from `vectorstore`, by the document's id. Documents without a
    vector in either place are embedded, all in one call.

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
    """Embeds the query and the documents without a known vector; default: the store's model."""
    vectorstore: Any = None
    """A store that holds the documents' vectors under their ids."""
    cross_encoder: Any = None
    """A further witness of relevance: a LangChain cross-encoder, or a function that takes a list of
    (query, text) pairs and returns one score for each, on any scale. To use its scores alone, pass
    `relevance=Witnesses(vectors=0, words=0)`."""
    embedding_cache: EmbeddingCache = Field(default_factory=EmbeddingCache)
    """Keeps the vectors of texts that were embedded: `EmbeddingCache(size=…)`."""

    @model_validator(mode="after")
    def _usable(self) -> Self:
        try:
            if self.vectorstore is not None:
                check_lookup(self.vectorstore)
        except TypeError as error:  # pydantic reports a ValueError beside the other faults
            raise ValueError(str(error)) from error
        model = self._query_model()
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
        _check_kernel(encoder, self.rules())
        return self

    def compress_documents(
        self,
        documents: Sequence[Document],
        query: str,
        callbacks: Callbacks | None = None,
        **arguments: Any,
    ) -> list[Document]:
        """Pick at most `k` of the documents.

        Args:
            documents: n, in the order of their retriever; none is changed.
            query: what they were retrieved for.
            callbacks: are told of the stages, each as a run.
            **arguments: `k`, `timeout` and rules of the selection (`lambda_`, …), in place of the
                fields.

        Raises:
            ValueError: for vectors that are not finite, or not of one dimension with the query's.
            TimeoutError: if the call takes longer than `timeout`; the message names the stage.
        """
        manager = CallbackManager.configure(callbacks)
        return finished(self._compress(documents, query, manager, Direct, arguments))

    async def acompress_documents(
        self,
        documents: Sequence[Document],
        query: str,
        callbacks: Callbacks | None = None,
        **arguments: Any,
    ) -> list[Document]:
        """Async version of `compress_documents`."""
        manager = AsyncCallbackManager.configure(callbacks)
        return await self._compress(documents, query, manager, OnLoop, arguments)

    def explain(self, documents: Sequence[Document], query: str, **arguments: Any) -> Explanation:
        """What was chosen from the documents, why, and how long each stage took."""
        return explained(finished(self._retrieve(documents, query, None, Direct, **arguments)))

    async def aexplain(
        self, documents: Sequence[Document], query: str, **arguments: Any
    ) -> Explanation:
        """Async version of `explain`."""
        return await aexplained(await self._retrieve(documents, query, None, OnLoop, **arguments))

    def _query_model(self) -> Any:
        return embeddings_of(self.vectorstore) if self.embedding is None else self.embedding

    async def _compress(
        self,
        documents: Sequence[Document],
        query: str,
        callbacks: AnyManager,
        work: type[Work],
        arguments: dict[str, Any],
    ) -> list[Document]:
        if isinstance(documents, Sequence) and len(documents) == 0:
            return []
        retrieval = await self._retrieve(documents, query, callbacks, work, **arguments)
        return await returned(work(), self, retrieval, callbacks)

    async def _retrieve(
        self,
        documents: Sequence[Document],
        query: str,
        callbacks: AnyManager | None,
        work: type[Work],
        *,
        k: int | None = None,
        timeout: float | None = None,
        **others: Any,
    ) -> Retrieval[Document]:
        check_query(query)
        check_documents(documents)
        rules = rules_of(self, others)
        if others:
            raise TypeError(
                f"SIFTCompressor got an unexpected keyword argument {next(iter(others))!r}; a call "
                "may name k, timeout and rules of the selection (lambda_, kernel, …)"
            )
        _check_kernel(self.cross_encoder, rules)
        k, model = size_of(k, "k", self.k), self._query_model()
        stages = Stages(callbacks, self.trace_content)
        timed = work(timeout_of(self, timeout))
        async with stages.stage("embed", {"texts": [query]}):
            targets = await embed_targets(timed, model, [query])
        async with stages.stage("vectors", {"documents": len(documents)}):
            hits = await hits_of_given(
                timed, documents, targets[0], model, self.vectorstore, self.embedding_cache
            )
        scores = None
        if self.cross_encoder is not None:
            encoder = self.cross_encoder
            score = encoder if callable(encoder) else encoder.score
            pairs = [(query, text) for text in hits.texts]
            async with stages.stage("relevance", {"documents": len(hits)}):
                scores = await timed.call("relevance", encoder, score, pairs)
        return await chosen(timed, stages, query, targets, hits, k, rules, scores)


def _check_kernel(cross_encoder: Any, rules: SelectionRules) -> None:
    """Raise a ValueError if the kernel would not use the scores of a cross-encoder."""
    if cross_encoder is not None and not weighs_relevance(rules.chosen_kernel):
        raise ValueError(
            f'a cross_encoder goes with the kernels "phrases" and "relevance"; got {rules.kernel!r}'
        )
