"""`SIFTRerank`: picks from any retriever's nodes by information gain."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from time import perf_counter
from typing import Any

import llama_index.core.instrumentation as instrument
import torch
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.bridge.pydantic import ConfigDict, Field
from llama_index.core.callbacks import CBEventType, EventPayload
from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore, QueryBundle
from llama_index.core.settings import Settings

from llama_index.retrievers.sift.base import settings_tokens
from llama_index.retrievers.sift.nodes import annotated_copies, copied
from llama_index.retrievers.sift.search import parent_of, with_vectors
from llama_index.retrievers.sift.stores import VectorAdapter, known_vectors, knows_nodes_by_id
from llama_index.retrievers.sift.targets import targets_of
from sift_retrievers import Kernel, RelevanceWeighted
from sift_retrievers.finetune import TestTimeTuner
from sift_retrievers.hook import fine_tune
from sift_retrievers.retrieval import (
    DEFAULT_KERNEL,
    EmbeddingCache,
    Explanation,
    Retrieval,
    SelectionRules,
    check_hits,
    unit_relevance,
)
from sift_retrievers.validation import count

dispatcher = instrument.get_dispatcher(__name__)


class SIFTRerank(BaseNodePostprocessor):
    """Pick from retrieved nodes those that together tell most about the answer.

    For nodes that anything found: BM25, fusion, recursive or auto-merging retrievers. Returns at
    most `top_n` copies in selection order with the scores and metadata that
    `llama_index.retrievers.sift.SIFTRetriever` writes; a node that was found twice comes back once.

    The vector of a node is its own `embedding`, else the one that `vector_store` holds under its
    id, else all missing ones are embedded in one call, text and metadata as for indexing.

    Example:
        ```python
        engine = index.as_query_engine(
            similarity_top_k=100, node_postprocessors=[SIFTRerank(top_n=5)]
        )
        ```

    Raises:
        ValueError: for settings that make no sense.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    top_n: int = 4
    """Nodes to return at most."""
    embed_model: BaseEmbedding | None = None
    """Embeds the query and nodes without vectors; None: `Settings.embed_model` when it is used."""
    vector_store: Any = Field(default=None, exclude=True)
    """A store that holds the nodes' vectors under their ids."""
    adapter: VectorAdapter | None = Field(default=None, exclude=True)
    """Reads the vectors from `vector_store`, before the registered adapter."""
    reranker: BaseNodePostprocessor | None = None
    """Judges relevance in place of the embedding: its scores weigh the nodes, those that it drops
    are not candidates. Goes with the kernel "relevance" (`RelevanceWeighted`), which is then the
    default. Scores outside of 0 to 1 are taken for logits."""
    lambda_: float | None = None
    """None: what suits the kernel, when it is used."""
    kernel: str | Kernel | RelevanceWeighted = DEFAULT_KERNEL
    objective: str | None = None
    """None: "undirected" for the kernel "relevance", else "variance"."""
    device: str | torch.device | None = None
    stop_alpha: float | None = None
    min_gain: float | None = None
    max_tokens: int | None = None
    """The texts of all nodes together, without their metadata, have at most that many tokens."""
    token_counter: Callable[[str], int] | None = Field(default=None, exclude=True)
    """Tokens of a text; None: by `Settings.tokenizer`."""
    similarity_cutoff: float | None = None
    distinct_by: str | Callable[[NodeWithScore], Hashable] | None = None
    fine_tune: TestTimeTuner | None = Field(default=None, exclude=True)
    """Trains the engine's model on what was chosen, as that of `SIFTRetriever` does."""
    embedding_cache: EmbeddingCache = Field(default_factory=EmbeddingCache, exclude=True)
    """Keeps the vectors of nodes that were embedded."""

    def __init__(self, **settings: Any) -> None:
        if settings.get("reranker") is not None:
            settings = {"kernel": "relevance"} | settings
        super().__init__(**settings)
        count(self.top_n, "top_n")
        self.rules()
        if self.adapter is None and not knows_nodes_by_id(self.vector_store):
            raise ValueError(
                f"{type(self.vector_store).__name__} knows positions, not the ids of nodes: leave "
                "vector_store out, and the nodes are embedded, or pass adapter=..."
            )
        weighs = self.kernel == "relevance" or isinstance(self.kernel, RelevanceWeighted)
        if self.reranker is not None and not weighs:
            raise ValueError(
                'a reranker goes with kernel="relevance" or RelevanceWeighted(...); got '
                f"{self.kernel!r}"
            )

    def rules(self) -> SelectionRules:
        """The settings as the core takes them.

        Raises:
            ValueError: for a value that makes no sense, or values that do not go together.
        """
        counter = self.token_counter
        if self.max_tokens is not None and counter is None:
            counter = settings_tokens
        return SelectionRules(
            lambda_=self.lambda_,
            kernel=self.kernel,
            objective=self.objective,
            device=self.device,
            alpha=self.stop_alpha,
            min_gain=self.min_gain,
            max_tokens=self.max_tokens,
            token_counter=counter,
            score_threshold=self.similarity_cutoff,
        )

    @classmethod
    def class_name(cls) -> str:
        """Its name where LlamaIndex writes it down."""
        return "SIFTRerank"

    def explain(self, nodes: list[NodeWithScore], query: str | QueryBundle) -> Explanation:
        """What was chosen from the nodes, why, and how long each stage took."""
        bundle = QueryBundle(query) if isinstance(query, str) else query
        return self._retrieval(nodes, bundle).explanation(
            top_n=self.top_n,
            lambda_=self.rules().lambda_,
            kernel=self.kernel,
            objective=self.rules().objective,
            stop_alpha=self.stop_alpha,
            min_gain=self.min_gain,
            max_tokens=self.max_tokens,
            similarity_cutoff=self.similarity_cutoff,
            distinct_by=self.distinct_by,
        )

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        if query_bundle is None:
            raise ValueError("SIFTRerank needs the query: pass query_bundle=... or query_str=...")
        if len(nodes) == 0:
            return []
        name = self._model().model_name
        dispatcher.event(
            ReRankStartEvent(query=query_bundle, nodes=nodes, top_n=self.top_n, model_name=name)
        )
        with self.callback_manager.event(
            CBEventType.RERANKING,
            payload={
                EventPayload.NODES: nodes,
                EventPayload.MODEL_NAME: name,
                EventPayload.QUERY_STR: query_bundle.query_str,
                EventPayload.TOP_K: self.top_n,
            },
        ) as event:
            retrieval = self._retrieval(nodes, query_bundle)
            if self.fine_tune is not None:
                fine_tune(self.fine_tune, retrieval)
            chosen = annotated_copies(retrieval)
            event.on_end(payload={EventPayload.NODES: chosen})
        dispatcher.event(ReRankEndEvent(nodes=chosen))
        return chosen

    def _model(self) -> BaseEmbedding:
        return self.embed_model or Settings.embed_model

    def _retrieval(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle
    ) -> Retrieval[NodeWithScore]:
        model, seconds = self._model(), {}
        nodes = [*{node.node_id: node for node in reversed(nodes)}.values()][::-1]
        start = perf_counter()
        targets = targets_of(query_bundle, model, texts_first=True)
        dim = len(targets[0].vector)
        seconds["embed"] = perf_counter() - start

        start = perf_counter()
        scores = self._relevance(nodes, query_bundle)
        if scores is not None:
            nodes = [node for node in nodes if node.node_id in scores]
            seconds["relevance"] = perf_counter() - start

        start = perf_counter()
        vectors: list[Any] = [node.node.embedding for node in nodes]
        note = None
        if self.vector_store is not None:
            wanted = [n.node_id for n, own in zip(nodes, vectors, strict=True) if own is None]
            stored, note = known_vectors(self.vector_store, wanted, self.adapter)
            vectors = [
                stored.get(node.node_id) if own is None else own
                for node, own in zip(nodes, vectors, strict=True)
            ]
        hits = with_vectors(nodes, vectors, model, self.embedding_cache, dim, note)
        check_hits("SIFTRerank", hits, dim)
        seconds["vectors"] = perf_counter() - start

        relevance = None
        if scores is not None:
            relevance = unit_relevance([scores[str(name)] for name in hits.ids], len(hits))
        by = self.distinct_by
        retrieval = Retrieval(
            query_bundle.query_str,
            targets,
            hits,
            self.top_n,
            self.rules(),
            text=lambda scored: scored.node.get_content(),
            parent=parent_of(by) if isinstance(by, str) else by,
            relevance=relevance,
            seconds=seconds,
        )
        start = perf_counter()
        retrieval.complete()
        seconds["select"] = perf_counter() - start
        return retrieval

    def _relevance(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle
    ) -> dict[str, float] | None:
        """The reranker's score of every node that it keeps, by id."""
        if self.reranker is None:
            return None
        # It may write into what it is given.
        copies = [NodeWithScore(node=copied(n.node), score=n.score) for n in nodes]
        judged = self.reranker.postprocess_nodes(copies, query_bundle)
        unjudged = [node.node_id for node in judged if node.score is None]
        if unjudged:
            raise ValueError(
                f"{type(self.reranker).__name__} gave {len(unjudged)} of {len(judged)} nodes no "
                f"score: {unjudged[:5]}"
            )
        return {node.node_id: float(node.score or 0.0) for node in judged}
