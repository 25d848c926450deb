"""`SIFTRerank`: picks from any retriever's nodes by information gain."""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter
from typing import Any, Self

import llama_index.core.instrumentation as instrument
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.bridge.pydantic import Field, field_validator, model_validator
from llama_index.core.callbacks import CBEventType, EventPayload
from llama_index.core.indices.base import BaseIndex
from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore, QueryBundle
from llama_index.core.settings import Settings

from llama_index.postprocessor.sift.judge import Judge
from llama_index.retrievers.sift.settings import SelectionSettings
from llama_index.retrievers.sift.steps import answer, as_bundle, choose
from llama_index.retrievers.sift.stores import reader_of
from llama_index.retrievers.sift.targets import targets_of
from llama_index.retrievers.sift.tracing import shown_nodes, shown_query
from llama_index.retrievers.sift.vectors import NodeVectors
from sift_retrievers.retrieval import Explanation, Hits, Retrieval, StoredVector
from sift_retrievers.retrieval.hits import check_hits
from sift_retrievers.retrieval.traces import records_texts
from sift_retrievers.retrieval.work import SELECTION, Direct, OnLoop, Work, finished
from sift_retrievers.validation import count

dispatcher = instrument.get_dispatcher(__name__)


class SIFTRerank(SelectionSettings, BaseNodePostprocessor):
    """Pick from retrieved nodes those that are relevant and do not repeat one another.

    The nodes may come from any retriever: BM25, fusion, recursive or auto-merging ones. Relevance
    is judged by the vectors and by the words of the question. Returns at most `top_n` copies in
    selection order, with the scores and metadata that `llama_index.retrievers.sift.SIFTRetriever`
    writes. A node that was found twice is returned once.

    The other settings are those of `SIFTRetriever`, see `SelectionSettings`.

    The vector of a node is its own `embedding`, or else the one that `vector_store` holds under its
    id. Nodes without either are embedded in one call, text and metadata as for indexing.

    Example:
        ```python
        engine = index.as_query_engine(
            similarity_top_k=200, node_postprocessors=[SIFTRerank(top_n=5)]
        )
        ```

    Raises:
        ValueError: for settings that make no sense.
        TypeError: for a `relevance` of a wrong type.
    """

    top_n: int = 4
    """The most nodes to return."""
    vector_store: Any = Field(default=None, exclude=True)
    """A store that holds the nodes' vectors under their ids."""
    reranker: BaseNodePostprocessor | None = None
    """Another reranker, whose scores are used beside vectors and words, on any scale. Nodes that it
    drops are not candidates. It can be used with the kernels "phrases" and "relevance"."""

    @field_validator("top_n", mode="before")
    @classmethod
    def _whole(cls, given: Any) -> int:
        return count(given, "top_n")

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        if isinstance(self.vector_store, BaseIndex):
            raise ValueError("vector_store must be a store: pass index.vector_store")
        if isinstance(self.vector_store, str | type):
            raise ValueError(f"vector_store must be a store; got {self.vector_store!r}")
        reader = reader_of(self.vector_store, self.adapter)
        if reader is not None and reader.ids_are_positions:
            raise ValueError(
                f"{type(self.vector_store).__name__} knows positions, not the ids of nodes: leave "
                "vector_store out, and the nodes are embedded, or pass adapter=..."
            )
        if self.reranker is not None:
            Judge(self.reranker).check(self.rules())
        return self

    @classmethod
    def class_name(cls) -> str:
        """The name under which LlamaIndex serialises it."""
        return "SIFTRerank"

    def with_settings(self, **changes: Any) -> Self:
        """A copy with other settings, for example for one call. It shares the models and the cache.

        Raises:
            ValueError, TypeError: as for a new reranker.
        """
        return type(self)(**vars(self) | changes)

    def explain(self, nodes: list[NodeWithScore], query: str | QueryBundle) -> Explanation:
        """What was chosen from the nodes, why, and how long each stage took."""
        work = Direct(self.timeout)
        return self._explained(finished(self._retrieval(nodes, as_bundle(query), work)))

    async def aexplain(self, nodes: list[NodeWithScore], query: str | QueryBundle) -> Explanation:
        """Async version of `explain`."""
        work = OnLoop(self.timeout)
        retrieval = await self._retrieval(nodes, as_bundle(query), work)
        return await work.call("explain", SELECTION, self._explained, retrieval)

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        return finished(self._chosen(nodes, query_bundle, Direct(self.timeout)))

    async def _apostprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        return await self._chosen(nodes, query_bundle, OnLoop(self.timeout))

    async def _chosen(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None, work: Work
    ) -> list[NodeWithScore]:
        """The chosen nodes. LlamaIndex's events are sent before and after."""
        if query_bundle is None:
            raise ValueError("SIFTRerank needs the query: pass query_bundle=... or query_str=...")
        if len(nodes) == 0:
            return []
        name, recorded = self._model().model_name, records_texts(self.trace_content)
        shown, query = shown_nodes(nodes, recorded), shown_query(query_bundle, recorded)
        dispatcher.event(
            ReRankStartEvent(
                query=query_bundle if recorded else query,
                nodes=shown,
                top_n=self.top_n,
                model_name=name,
            )
        )
        with self.callback_manager.event(
            CBEventType.RERANKING,
            payload={
                EventPayload.NODES: shown,
                EventPayload.MODEL_NAME: name,
                EventPayload.QUERY_STR: query_bundle.query_str if recorded else query,
                EventPayload.TOP_K: self.top_n,
            },
        ) as event:
            chosen = await answer(work, await self._retrieval(nodes, query_bundle, work), self)
            picked = shown_nodes(chosen, recorded)
            event.on_end(payload={EventPayload.NODES: picked})
        dispatcher.event(ReRankEndEvent(nodes=picked))
        return chosen

    def _model(self) -> BaseEmbedding:
        return self.embed_model or Settings.embed_model

    async def _retrieval(
        self, nodes: list[NodeWithScore], query: QueryBundle, work: Work
    ) -> Retrieval[NodeWithScore]:
        model, rules, seconds = self._model(), self.rules(), {}
        top_n = count(self.top_n, "top_n")  # pydantic does not check what is assigned
        nodes = [*{node.node_id: node for node in reversed(nodes)}.values()][::-1]
        start = perf_counter()
        targets = await targets_of(work, query, model, texts_first=True)
        seconds["embed"] = perf_counter() - start

        scores: Mapping[str, float] | None = None
        if self.reranker is not None:
            start = perf_counter()
            scores = await Judge(self.reranker).scores(work, nodes, query)
            nodes = [node for node in nodes if node.node_id in scores]
            seconds["relevance"] = perf_counter() - start

        start = perf_counter()
        hits = await self._hits(work, nodes, len(targets[0].vector))
        seconds["vectors"] = perf_counter() - start
        said = None if scores is None else [scores[node.node_id] for node in nodes]
        found = targets, hits, seconds
        texts = self.trace_content
        return await choose(work, query, *found, top_n, rules, said, trace_content=texts)

    async def _hits(self, work: Work, nodes: list[NodeWithScore], dim: int) -> Hits[NodeWithScore]:
        reader = reader_of(self.vector_store, self.adapter)
        vectors = NodeVectors(reader, self._model(), self.embedding_cache)
        wanted = [node.node_id for node in nodes if node.node.embedding is None]
        stored = await vectors.stored(work, wanted)
        known = [
            stored.get(node.node_id)
            if node.node.embedding is None
            else StoredVector(node.node.embedding)
            for node in nodes
        ]
        hits = await vectors.hits(work, nodes, known, dim)
        check_hits("SIFTRerank", hits, dim)
        return hits

    def _explained(self, retrieval: Retrieval[NodeWithScore]) -> Explanation:
        return retrieval.explanation(top_n=self.top_n, **self.shown(retrieval.rules))
