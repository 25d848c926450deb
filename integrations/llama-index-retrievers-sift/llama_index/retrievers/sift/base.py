"""`SIFTRetriever`: in place of `index.as_retriever()`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any

import llama_index.core.instrumentation as instrument
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.callbacks import CallbackManager
from llama_index.core.indices.vector_store.base import VectorStoreIndex
from llama_index.core.schema import IndexNode, NodeWithScore, QueryBundle
from llama_index.core.vector_stores.types import (
    BasePydanticVectorStore,
    MetadataFilters,
    VectorStoreQueryMode,
)

from llama_index.retrievers.sift.arguments import as_index, search_mode, sizes
from llama_index.retrievers.sift.nodes import annotated_copies
from llama_index.retrievers.sift.search import VectorSearch, parent_of
from llama_index.retrievers.sift.settings import (
    FilledIn,
    metadata_of,
    settings_tokens,
    shown,
    text_of,
    titles_by,
)
from llama_index.retrievers.sift.stores import VectorAdapter
from llama_index.retrievers.sift.targets import targets_of
from sift_retrievers.retrieval import (
    EmbeddingCache,
    Explanation,
    Hits,
    Retrieval,
    RetrieverKernel,
    SelectionRules,
    Target,
    titles_in,
    union,
)
from sift_retrievers.retrieval.fine_tuning import checked_tuner, fine_tune
from sift_retrievers.witnesses import Scorer, Witnesses

if TYPE_CHECKING:
    import torch

    from sift_retrievers.finetune import TestTimeTuner

dispatcher = instrument.get_dispatcher(__name__)


class SIFTRetriever(FilledIn, BaseRetriever):
    """Retrieve the nodes that together tell most: relevant and not redundant.

    Takes the `fetch_top_k` nearest nodes of an index with the texts and vectors that it already
    holds, and picks `similarity_top_k` of them by information gain (after SIFT, arXiv 2410.08020):
    relevant by vectors and by the question's words, and not a repetition of one another. No
    further index, no model; and no node is embedded again, unless nobody knows how the store hands
    over its vectors.

    Every returned node is a copy. Its score, 0…1, falls strictly in selection order; its metadata
    say what it was worth: `rank`, `information_gain` in nats, its `novelty` and the `uncertainty`
    that is left after it, both 0…1, `similarity` (the cosine to the query), the `word_share` of the
    question that it has, the `evidence_chance` of the question
    (`sift_retrievers.retrieval.pick_numbers` says what each is), and `retrieval_score` (the
    store's). These replace metadata of the same names; language and embedding models do not see
    them.

    A `QueryBundle` with an `embedding` is asked for as it is, with the words of its `query_str`.
    Several `custom_embedding_strs` are several targets: the candidates are the union of their
    neighbours, a node is as relevant as to the one that it suits best, and with objective
    "variance" the picks reduce the summed uncertainty about all.

    Example:
        ```python
        engine = RetrieverQueryEngine.from_args(SIFTRetriever(index))
        ```
    """

    def __init__(
        self,
        index: VectorStoreIndex | BasePydanticVectorStore,
        similarity_top_k: int = 4,
        fetch_top_k: int = 200,
        *,
        relevance: str | Witnesses | Scorer | None = None,
        kernel: RetrieverKernel | None = None,
        title: str | Sequence[str] | Callable[[NodeWithScore], str | None] | None = None,
        lambda_: float | None = None,
        objective: str | None = None,
        device: str | torch.device | None = None,
        stop_alpha: float | None = None,
        min_gain: float | None = None,
        min_novelty: float | None = None,
        min_chance: float | None = None,
        max_tokens: int | None = None,
        token_counter: Callable[[str], int] | None = None,
        similarity_cutoff: float | None = None,
        distinct_by: str | Callable[[NodeWithScore], Hashable] | None = None,
        fine_tune: TestTimeTuner | None = None,
        embed_model: BaseEmbedding | None = None,
        adapter: VectorAdapter | None = None,
        embedding_cache: EmbeddingCache | None = None,
        filters: MetadataFilters | None = None,
        node_ids: list[str] | None = None,
        doc_ids: list[str] | None = None,
        vector_store_query_mode: VectorStoreQueryMode | str = VectorStoreQueryMode.DEFAULT,
        alpha: float | None = None,
        sparse_top_k: int | None = None,
        hybrid_top_k: int | None = None,
        vector_store_kwargs: dict[str, Any] | None = None,
        callback_manager: CallbackManager | None = None,
        object_map: dict[str, Any] | None = None,
        objects: list[IndexNode] | None = None,
        verbose: bool = False,
    ) -> None:
        """Set up a retriever; nothing is fetched yet.

        Args:
            index: a `VectorStoreIndex`, or a vector store that stores its texts.
            similarity_top_k: nodes to return at most.
            fetch_top_k: nearest nodes to choose from, at least `similarity_top_k`; of several
                targets, the nearest of each.
            relevance: who says how relevant a node is: "vectors+words" (the default: the cosine and
                the words that question and node have in common), "vectors" (as version 0.1),
                "words", a function (question, texts) → scores as a further witness, a cross-encoder
                say, or `sift_retrievers.witnesses.Witnesses` with weights.
            kernel: what repetition is. "phrases": in the texts, the default where words are heard.
                "relevance": in the vectors, the default where they are not. Or a kernel of
                `sift_retrievers.select` by name or as an object; "cosine" is SIFT as published and
                weighs no relevance.
            title: the title of a node, read above its text and as a field of its own: a metadata
                key, several whose values are joined ("title" and "section", say), or a function of
                the node. Default: the first of the usual keys ("title", "heading", …) that is
                there.
            lambda_: λ′, the noise of the surrogate: small values punish repetition hard, large
                ones tend to the most relevant nodes. Default: what suits the kernel.
            objective: what a pick is to do; see `sift_retrievers.select`. Default: "undirected" for
                the kernels "phrases" and "relevance", which weigh nodes by their relevance, else
                "variance".
            device: where to select; default: the CPU.
            stop_alpha: stop by the α rule of adaptive SIFT (`alpha` is LlamaIndex's, see below).
            min_gain: stop before the first node that adds fewer nats; possibly before the first.
            min_novelty: pass over nodes of which a smaller share is new, 0…1: no copies to fill up
                `similarity_top_k`.
            min_chance: return nothing where the chance that the evidence is there at all is
                smaller, 0…1.
            max_tokens: the texts of all nodes together, without their metadata, have at most that
                many tokens.
            token_counter: tokens of a text; default: by `Settings.tokenizer`.
            similarity_cutoff: nodes whose cosine to the query is smaller are not candidates.
            distinct_by: no two nodes of one parent: a metadata key ("file_name"), "ref_doc_id" for
                the source document, or a callable. A node without it is its own parent.
            fine_tune: trains the engine's model on what was retrieved, before it answers, for this
                request alone; goes with `llama_index.retrievers.sift.finetune.wrap(tuner, engine)`.
                The nodes to train on are chosen from the same candidates once more, with
                replacement, as the paper does.
            embed_model: embeds the query; default: the index's own model.
            adapter: reads the vectors of the hits from the store, before the registered one
                (`llama_index.retrievers.sift.stores`).
            embedding_cache: keeps the vectors of nodes that had to be embedded again.
            filters: as of `index.as_retriever`.
            node_ids: as of `index.as_retriever`; some stores ignore them.
            doc_ids: as of `index.as_retriever`.
            vector_store_query_mode: as of `index.as_retriever`, but "mmr".
            alpha: as of `index.as_retriever`: weight of the dense part of a hybrid search.
            sparse_top_k: as of `index.as_retriever`.
            hybrid_top_k: as of `index.as_retriever`.
            vector_store_kwargs: as of `index.as_retriever`.
            callback_manager: default: the index's.
            object_map: what index nodes stand for; default: the index's.
            objects: the same as a list.
            verbose: as of every retriever.

        Raises:
            ValueError: for settings that make no sense, or a store without texts.
            TypeError: for something that is neither an index nor a store, or a kernel or relevance
                that is none.
        """
        over = as_index(index, embed_model)
        super().__init__(
            callback_manager or over._callback_manager,
            object_map or over._object_map,
            objects,
            verbose,
        )
        self.similarity_top_k, self.fetch_top_k = sizes(similarity_top_k, fetch_top_k)
        mode = search_mode(vector_store_query_mode)
        if max_tokens is not None and token_counter is None:
            token_counter = settings_tokens
        self.rules = SelectionRules(
            relevance=relevance,
            kernel=kernel,
            lambda_=lambda_,
            objective=objective,
            device=device,
            alpha=stop_alpha,
            min_gain=min_gain,
            min_novelty=min_novelty,
            min_chance=min_chance,
            max_tokens=max_tokens,
            token_counter=token_counter,
            score_threshold=similarity_cutoff,
        )
        self.title_of = titles_by(title)
        self._title = title
        self._distinct_by = distinct_by
        self._fine_tune = checked_tuner(fine_tune)
        self._adapter = adapter
        self._cache = embedding_cache if embedding_cache is not None else EmbeddingCache()
        self._embed_model = embed_model or over._embed_model
        self._search = VectorSearch(
            over,
            similarity_top_k=self.fetch_top_k,
            vector_store_query_mode=mode,
            filters=filters,
            alpha=alpha,
            node_ids=node_ids,
            doc_ids=doc_ids,
            sparse_top_k=sparse_top_k,
            hybrid_top_k=hybrid_top_k,
            embed_model=self._embed_model,
            vector_store_kwargs=vector_store_kwargs or {},
        )

    def explain(self, str_or_query_bundle: str | QueryBundle) -> Explanation:
        """What was considered for a query, what was chosen, why, and how long each stage took."""
        bundle = str_or_query_bundle
        retrieval = self._retrieval(QueryBundle(bundle) if isinstance(bundle, str) else bundle)
        own = {"title": self._title, "distinct_by": self._distinct_by}
        return retrieval.explanation(
            similarity_top_k=self.similarity_top_k, **shown(self.rules, **own)
        )

    async def aexplain(self, str_or_query_bundle: str | QueryBundle) -> Explanation:
        """The same in a thread."""
        return await asyncio.to_thread(self.explain, str_or_query_bundle)

    @dispatcher.span
    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        retrieval = self._retrieval(query_bundle)
        if self._fine_tune is not None:
            fine_tune(self._fine_tune, retrieval)
        return annotated_copies(retrieval)

    @dispatcher.span
    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        # A thread for all of it: many embedding models and stores have asynchronous methods that
        # work on the loop all the same.
        return await asyncio.to_thread(self._retrieve, query_bundle)

    def _retrieval(self, query_bundle: QueryBundle) -> Retrieval[NodeWithScore]:
        seconds: dict[str, float] = {}
        start = perf_counter()
        targets = targets_of(query_bundle, self._embed_model)
        seconds["embed"] = perf_counter() - start
        hits = self._fetch(query_bundle, targets)
        seconds["fetch"] = perf_counter() - start - seconds["embed"]
        by = self._distinct_by
        retrieval = Retrieval(
            query_bundle.query_str,
            targets,
            hits,
            self.similarity_top_k,
            self.rules,
            text=text_of,
            title=self.title_of,
            titles_in=titles_in(self._title),
            metadata=metadata_of,
            parent=parent_of(by) if isinstance(by, str) else by,
            seconds=seconds,
        )
        start = perf_counter()
        self._select(retrieval)
        seconds["select"] = perf_counter() - start
        return retrieval

    @dispatcher.span
    def _fetch(self, query_bundle: QueryBundle, targets: Sequence[Target]) -> Hits[NodeWithScore]:
        alone = len(targets) == 1
        return union(
            [
                self._search.hits(
                    target,
                    query_bundle.query_str if alone else target.text or query_bundle.query_str,
                    self.fetch_top_k,
                    self._adapter,
                    self._cache,
                )
                for target in targets
            ]
        )

    @dispatcher.span
    def _select(self, retrieval: Retrieval[NodeWithScore]) -> dict[str, Any]:
        return retrieval.complete()
