"""`SIFTRerank`: picks from any retriever's nodes by information gain."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from time import perf_counter
from typing import TYPE_CHECKING, Any

import llama_index.core.instrumentation as instrument
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.bridge.pydantic import (
    ConfigDict,
    Field,
    field_serializer,
    field_validator,
)
from llama_index.core.callbacks import CBEventType, EventPayload
from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore, QueryBundle
from llama_index.core.settings import Settings

from llama_index.retrievers.sift.nodes import annotated_copies, copied
from llama_index.retrievers.sift.search import parent_of, with_vectors
from llama_index.retrievers.sift.settings import (
    metadata_of,
    settings_tokens,
    shown,
    text_of,
    titles_by,
)
from llama_index.retrievers.sift.stores import VectorAdapter, known_vectors, knows_nodes_by_id
from llama_index.retrievers.sift.targets import targets_of
from sift_retrievers.retrieval import (
    EmbeddingCache,
    Explanation,
    Retrieval,
    RetrieverKernel,
    SelectionRules,
    check_hits,
    titles_in,
)
from sift_retrievers.retrieval.fine_tuning import checked_tuner, fine_tune
from sift_retrievers.retrieval.rules import weighs_relevance
from sift_retrievers.validation import count
from sift_retrievers.witnesses import Witnesses
from sift_retrievers.witnesses.scorer import checked_scores

if TYPE_CHECKING:
    from torch import device as Device  # noqa: N812

    from sift_retrievers.finetune import TestTimeTuner
else:  # pydantic reads the fields' types, and neither is imported before it is used
    Device = TestTimeTuner = Any

dispatcher = instrument.get_dispatcher(__name__)


class SIFTRerank(BaseNodePostprocessor):
    """Pick from retrieved nodes those that together tell most about the answer.

    For nodes that anything found: BM25, fusion, recursive or auto-merging retrievers. Picks those
    that are relevant by vectors and by the question's words, and no repetition of one another.
    Returns at most `top_n` copies in selection order with the scores and metadata that
    `llama_index.retrievers.sift.SIFTRetriever` writes; a node that was found twice comes back once.

    Settings without a word of their own are those of `SIFTRetriever`.

    The vector of a node is its own `embedding`, else the one that `vector_store` holds under its
    id, else all missing ones are embedded in one call, text and metadata as for indexing.

    Example:
        ```python
        engine = index.as_query_engine(
            similarity_top_k=200, node_postprocessors=[SIFTRerank(top_n=5)]
        )
        ```

    Raises:
        ValueError: for settings that make no sense.
        TypeError: for a relevance that is none.
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
    """A further witness of relevance, heard beside vectors and words: its scores, on any scale.
    Nodes that it drops are not candidates. Goes with the kernels "phrases" and "relevance"."""
    relevance: Any = None
    """None: "vectors+words". A function is not written down with the other settings."""
    kernel: RetrieverKernel | None = None
    """None: what goes with the relevance."""
    title: Any = None
    """None: the first of the usual metadata keys ("title", "heading", …) that is there."""
    lambda_: float | None = None
    """None: what suits the kernel."""
    objective: str | None = None
    """None: "undirected" for the kernels "phrases" and "relevance", else "variance"."""
    device: str | Device | None = None
    stop_alpha: float | None = None
    min_gain: float | None = None
    min_novelty: float | None = None
    min_chance: float | None = None
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
        super().__init__(**settings)
        count(self.top_n, "top_n")
        rules = self.rules()
        titles_by(self.title)
        checked_tuner(self.fine_tune)
        if self.adapter is None and not knows_nodes_by_id(self.vector_store):
            raise ValueError(
                f"{type(self.vector_store).__name__} knows positions, not the ids of nodes: leave "
                "vector_store out, and the nodes are embedded, or pass adapter=..."
            )
        if self.reranker is None:
            return
        assert rules.kernel is not None  # filled in
        if not weighs_relevance(rules.kernel):
            raise ValueError(
                f'a reranker goes with the kernels "phrases" and "relevance"; got {self.kernel!r}'
            )
        if rules.witnesses.scorer is not None:
            raise ValueError(
                "reranker and a function in relevance are one witness, there is place for one of "
                "them; got both"
            )

    @field_validator("relevance", mode="before")
    @classmethod
    def _read_weights(cls, given: Any) -> Any:
        """The witnesses that `to_dict` wrote down."""
        return Witnesses(**given) if isinstance(given, dict) else given

    @field_serializer("relevance")
    def _written_weights(self, given: Any) -> Any:
        if isinstance(given, Witnesses):
            return {"vectors": given.vectors, "words": given.words, "scores": given.scores}
        return given if isinstance(given, str) else None

    @field_serializer("title", "distinct_by")
    def _written_keys(self, given: Any) -> Any:
        """Functions cannot be written down."""
        return None if callable(given) else given

    def rules(self) -> SelectionRules:
        """The settings as the core takes them.

        Raises:
            ValueError: for a value that makes no sense, or values that do not go together.
        """
        counter = self.token_counter
        if self.max_tokens is not None and counter is None:
            counter = settings_tokens
        return SelectionRules(
            relevance=self.relevance,
            kernel=self.kernel,
            lambda_=self.lambda_,
            objective=self.objective,
            device=self.device,
            alpha=self.stop_alpha,
            min_gain=self.min_gain,
            min_novelty=self.min_novelty,
            min_chance=self.min_chance,
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
        own = {"title": self.title, "distinct_by": self.distinct_by}
        return self._retrieval(nodes, bundle).explanation(
            top_n=self.top_n, **shown(self.rules(), **own)
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
        judged = self._judged(nodes, query_bundle)
        if judged is not None:
            nodes = [node for node in nodes if node.node_id in judged]
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

        scores = None
        if judged is not None:
            scores = checked_scores([judged[node.node_id] for node in nodes], len(hits))
        by = self.distinct_by
        retrieval = Retrieval(
            query_bundle.query_str,
            targets,
            hits,
            self.top_n,
            self.rules(),
            text=text_of,
            title=titles_by(self.title),
            titles_in=titles_in(self.title),
            metadata=metadata_of,
            parent=parent_of(by) if isinstance(by, str) else by,
            scores=scores,
            seconds=seconds,
        )
        start = perf_counter()
        retrieval.complete()
        seconds["select"] = perf_counter() - start
        return retrieval

    def _judged(
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
