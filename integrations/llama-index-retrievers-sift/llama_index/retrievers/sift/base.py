"""`SIFTRetriever`: in place of `index.as_retriever()`."""

from __future__ import annotations

from copy import copy
from typing import Any, Self, Unpack

import llama_index.core.instrumentation as instrument
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.callbacks import CallbackManager
from llama_index.core.indices.vector_store.base import VectorStoreIndex
from llama_index.core.schema import IndexNode, NodeWithScore, QueryBundle
from llama_index.core.vector_stores.types import (
    BasePydanticVectorStore,
    MetadataFilters,
    VectorStoreQueryMode,
)

from llama_index.retrievers.sift.arguments import (
    as_index,
    checked_filters,
    search_mode,
    sizes,
)
from llama_index.retrievers.sift.search import VectorSearch
from llama_index.retrievers.sift.settings import SelectionOptions, SelectionSettings, settings_of
from llama_index.retrievers.sift.steps import answer, as_bundle, choose
from llama_index.retrievers.sift.stores import reader_of
from llama_index.retrievers.sift.vectors import NodeVectors
from sift_retrievers.retrieval import Explanation, Retrieval
from sift_retrievers.retrieval.fine_tuning import training_request
from sift_retrievers.retrieval.work import SELECTION, Direct, OnLoop, Work, finished
from sift_retrievers.selection import Selection

dispatcher = instrument.get_dispatcher(__name__)


class SIFTRetriever(BaseRetriever):
    """Retrieve nodes that are relevant and do not repeat one another.

    Takes the `fetch_top_k` nearest nodes of an index with the texts and vectors that it already
    holds, and picks `similarity_top_k` of them by information gain (after SIFT, arXiv 2410.08020).
    Relevance is judged by the vectors and by the words of the question. No further index or model
    is needed. Nodes are embedded again only if there is no reader for the vectors of their store.

    Every returned node is a copy. Its score is a number from 0 to 1 that falls strictly in
    selection order. Its metadata hold the numbers of its pick: `rank`, `information_gain`,
    `novelty`, `uncertainty`, `similarity`, `word_share`, `evidence_chance` and
    `evidence_probably_missing` (explained at `sift_retrievers.retrieval.Pick`), and
    `retrieval_score`, the score that the store gave. Metadata of the same names are replaced.
    Language and embedding models do not see these metadata.

    If a `QueryBundle` has an `embedding`, that is searched for, and its `query_str` is used for the
    words. Several `custom_embedding_strs` are several targets: the candidates are the nearest nodes
    of each, a node is as relevant as it is to its best target, and with the objective "variance"
    the picks reduce the summed uncertainty about all targets.

    Example:
        ```python
        engine = RetrieverQueryEngine.from_args(SIFTRetriever(index))
        ```
    """

    def __init__(
        self,
        index: VectorStoreIndex | BasePydanticVectorStore,
        similarity_top_k: int = 4,
        fetch_top_k: int | None = None,
        *,
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
        **settings: Unpack[SelectionOptions],
    ) -> None:
        """Set up a retriever; nothing is fetched yet.

        Args:
            index: a `VectorStoreIndex`, or a vector store that stores its texts.
            similarity_top_k: the most nodes to return.
            fetch_top_k: how many nearest nodes to choose from, at least `similarity_top_k`; with
                several targets, as many for each. None: 200, or `similarity_top_k` if that is more.
            filters: as of `index.as_retriever`.
            node_ids: as of `index.as_retriever`; some stores ignore them.
            doc_ids: as of `index.as_retriever`.
            vector_store_query_mode: as of `index.as_retriever`, except "mmr".
            alpha: as of `index.as_retriever`: weight of the dense part of a hybrid search.
            sparse_top_k: as of `index.as_retriever`.
            hybrid_top_k: as of `index.as_retriever`.
            vector_store_kwargs: as of `index.as_retriever`.
            callback_manager: default: the index's.
            object_map: the objects that index nodes stand for; default: the index's.
            objects: the same objects as a list.
            verbose: as of every retriever.
            **settings: how nodes are chosen, and where their vectors come from; each is described
                in `llama_index.retrievers.sift.settings.SelectionSettings`.

        Raises:
            ValueError: for settings that make no sense, or a store without texts.
            TypeError: for anything but an index or a store, an unknown setting, or a `kernel` or
                `relevance` of a wrong type.
        """
        checked = settings_of(type(self).__name__, settings)
        over = as_index(index, checked.embed_model)
        super().__init__(
            callback_manager or over._callback_manager,
            object_map or over._object_map,
            objects,
            verbose,
        )
        sizes(similarity_top_k, fetch_top_k)
        self.similarity_top_k, self.fetch_top_k = similarity_top_k, fetch_top_k
        self._index = over
        self._search = VectorSearch(
            over,
            vector_store_query_mode=search_mode(vector_store_query_mode),
            filters=checked_filters(filters),
            alpha=alpha,
            node_ids=node_ids,
            doc_ids=doc_ids,
            sparse_top_k=sparse_top_k,
            hybrid_top_k=hybrid_top_k,
            vector_store_kwargs=vector_store_kwargs or {},
        )
        self._use(checked)

    def with_settings(
        self,
        *,
        similarity_top_k: int | None = None,
        fetch_top_k: int | None = None,
        **settings: Unpack[SelectionOptions],
    ) -> Self:
        """A copy with other settings, for example for one call. It shares index and caches.

        Example:
            ```python
            nodes = retriever.with_settings(lambda_=0.3).retrieve(question)
            ```

        Raises:
            ValueError, TypeError: as for a new retriever.
        """
        other = copy(self)
        if similarity_top_k is not None:
            other.similarity_top_k = similarity_top_k
        if fetch_top_k is not None:
            other.fetch_top_k = fetch_top_k
        sizes(other.similarity_top_k, other.fetch_top_k)
        other._use(settings_of(type(self).__name__, vars(self.settings) | settings))
        return other

    def explain(self, str_or_query_bundle: str | QueryBundle) -> Explanation:
        """What was considered for a query, what was chosen, why, and how long each stage took."""
        work = Direct(self.settings.timeout)
        return self._explained(finished(self._retrieval(as_bundle(str_or_query_bundle), work)))

    async def aexplain(self, str_or_query_bundle: str | QueryBundle) -> Explanation:
        """Async version of `explain`."""
        work = OnLoop(self.settings.timeout)
        retrieval = await self._retrieval(as_bundle(str_or_query_bundle), work)
        return await work.call("explain", SELECTION, self._explained, retrieval)

    def training_request(
        self, str_or_query_bundle: str | QueryBundle
    ) -> tuple[str, tuple[str, ...], Selection[Any] | None]:
        """What `retrieve` of the same query would train on.

        Returns:
            The query, the passages in selection order, and the selection if it was SIFT's: a
            request of `TestTimeTuner.train_ahead`.

        Raises:
            ValueError: if `fine_tune` is not set.
        """
        work = Direct(self.settings.timeout)
        retrieval = finished(self._retrieval(as_bundle(str_or_query_bundle), work))
        return training_request(self.settings.fine_tune, retrieval)

    def _repr_html_(self) -> str:
        """For notebooks: the settings in force."""
        from sift_retrievers.report.notebook import settings_html  # not needed to retrieve

        k, fetch_top_k = sizes(self.similarity_top_k, self.fetch_top_k)
        shown = {
            "vector store": type(self._index.vector_store).__name__,
            "similarity_top_k": k,
            "fetch_top_k": fetch_top_k,
            **self.settings.shown(self.rules),
        }
        return settings_html(type(self).__name__, shown)

    @dispatcher.span
    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return finished(self._nodes(query_bundle, Direct(self.settings.timeout)))

    @dispatcher.span
    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await self._nodes(query_bundle, OnLoop(self.settings.timeout))

    async def _nodes(self, query_bundle: QueryBundle, work: Work) -> list[NodeWithScore]:
        return await answer(work, await self._retrieval(query_bundle, work), self.settings)

    async def _retrieval(self, query_bundle: QueryBundle, work: Work) -> Retrieval[NodeWithScore]:
        k, fetch_top_k = sizes(self.similarity_top_k, self.fetch_top_k)
        bundle = as_bundle(query_bundle)
        texts = self.settings.trace_content
        found = await self._search.candidates(
            work, bundle, fetch_top_k, self._vectors, trace_content=texts
        )
        return await choose(work, bundle, *found, k, self.rules, trace_content=texts)

    def _use(self, settings: SelectionSettings) -> None:
        self.settings, self.rules = settings, settings.rules()
        self._vectors = NodeVectors(
            reader_of(self._index.vector_store, settings.adapter),
            settings.embed_model or self._index._embed_model,
            settings.embedding_cache,
        )

    def _explained(self, retrieval: Retrieval[NodeWithScore]) -> Explanation:
        shown = self.settings.shown(retrieval.rules)
        return retrieval.explanation(similarity_top_k=retrieval.k, **shown)
