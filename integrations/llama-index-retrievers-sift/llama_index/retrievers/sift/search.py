"""`VectorSearch`: the candidates of a query, from the index's own search."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import compress
from time import perf_counter
from typing import Any, Final

from llama_index.core.indices.vector_store.base import VectorStoreIndex
from llama_index.core.indices.vector_store.retrievers import VectorIndexRetriever
from llama_index.core.schema import BaseNode, NodeWithScore, ObjectType, QueryBundle
from llama_index.core.vector_stores.types import VectorStoreQuery, VectorStoreQueryResult

from llama_index.retrievers.sift.filters import passing
from llama_index.retrievers.sift.nodes import plain_text
from llama_index.retrievers.sift.stores import reader_of
from llama_index.retrievers.sift.stores.answers import check_answer
from llama_index.retrievers.sift.stores.event_loops import in_first_loop
from llama_index.retrievers.sift.stores.in_flight import same_row
from llama_index.retrievers.sift.targets import targets_of
from llama_index.retrievers.sift.tracing import in_span, shown_query, watched
from llama_index.retrievers.sift.vectors import NodeVectors
from sift_retrievers.retrieval import Hits, StoredVector, Target
from sift_retrievers.retrieval.hits import check_hits, no_hits
from sift_retrievers.retrieval.traces import records_texts
from sift_retrievers.retrieval.union import union
from sift_retrievers.retrieval.work import OnLoop, Work, native

FILTERS: Final = frozenset({"where", "where_document", "qdrant_filters", "string_expr"})
"""Filters among the `vector_store_kwargs`. Only the stores themselves can apply these."""

Candidates = tuple[list[Target], Hits[NodeWithScore], dict[str, float]]
Found = tuple[list[NodeWithScore], list[StoredVector | None]]


class VectorSearch(VectorIndexRetriever):
    """LlamaIndex's retriever of nearest neighbours, which here returns their vectors, too."""

    def __init__(self, index: VectorStoreIndex, **options: Any) -> None:
        """Search an index. The options are those of `index.as_retriever`."""
        super().__init__(index, **options)
        self._registered = reader_of(self._vector_store)

    async def candidates(
        self,
        work: Work,
        query_bundle: QueryBundle,
        fetch_top_k: int,
        vectors: NodeVectors,
        *,
        trace_content: bool = True,
    ) -> Candidates:
        """The targets of a query, their nearest nodes, and how many seconds each stage took.

        They are found in the span "sift_fetch", which shows the query if `trace_content` is True.
        """

        async def step() -> tuple[Candidates, dict[str, Any]]:
            found = await self._candidates(work, query_bundle, fetch_top_k, vectors)
            return found, {"ids": [*found[1].ids]}

        query = shown_query(query_bundle, records_texts(trace_content)) if watched() else ""
        inputs = {
            "query": query,
            "fetch_top_k": fetch_top_k,
            "store": type(self._vector_store).__name__,
        }
        return await in_span("sift_fetch", step(), inputs)

    async def _candidates(
        self, work: Work, query_bundle: QueryBundle, fetch_top_k: int, vectors: NodeVectors
    ) -> Candidates:
        start = perf_counter()
        targets = await targets_of(work, query_bundle, vectors.model)
        embedded = perf_counter()
        words, alone = query_bundle.query_str, len(targets) == 1
        asked = [words if alone else target.text or words for target in targets]
        searches = [
            self._hits(work, target, text, fetch_top_k, vectors)
            for target, text in zip(targets, asked, strict=True)
        ]
        hits = union(await work.together(searches))
        return targets, hits, {"embed": embedded - start, "fetch": perf_counter() - embedded}

    async def _hits(
        self,
        work: Work,
        target: Target,
        query_str: str,
        fetch_top_k: int,
        vectors: NodeVectors,
    ) -> Hits[NodeWithScore]:
        """The nearest nodes of a target, with their vectors.

        The vector of a node is the one that the store returned with it, or else the one that the
        reader of the store looks up. A node without either is embedded again.

        Raises:
            ValueError: if vectors are not finite numbers of the query's dimension.
            Exception: the store's own, with a note that names the store.
        """
        name, dim = type(self._vector_store).__name__, len(target.vector)
        query = self._build_vector_store_query(
            QueryBundle(query_str=query_str, embedding=target.vector.tolist())
        )
        query.similarity_top_k = fetch_top_k
        # As in `index.as_retriever`, for the nodes of this index: others may use the same store.
        # Read anew for each query, since nodes may have been added.
        query.node_ids = query.node_ids or [*self._index.index_struct.nodes_dict.values()] or None
        try:
            found, known = await self._found(work, query, vectors)
        except Exception as error:
            error.add_note(
                f"while SIFT fetched the {fetch_top_k} nodes nearest to a vector of "
                f"dimension {dim} from {name}"
            )
            raise
        if not found:
            return no_hits(dim)
        hits = await vectors.hits(work, found, known, dim)
        check_hits(name, hits, dim)
        return hits

    async def _found(self, work: Work, query: VectorStoreQuery, vectors: NodeVectors) -> Found:
        """The nodes that the store finds, and the vectors that it holds for them."""
        result = await self._asked(work, query)
        if result is None:
            return [], []
        rows = [*(result.nodes or [])]
        ids = [*(result.ids or (row.node_id for row in rows))]
        scores: list[float | None] = [*(result.similarities or [])] or [None] * len(ids)
        if not rows:
            return await self._in_docstore(work, ids, scores, query, vectors)
        passed = await self._passed(work, rows, query)
        rows, ids, scores = ([*compress(column, passed)] for column in (rows, ids, scores))
        sent = [row.embedding for row in rows]
        wanted = [key for key, vector in zip(ids, sent, strict=True) if vector is None]
        stored = await vectors.stored(work, wanted)
        known = [
            stored.get(key) if vector is None else StoredVector(vector)
            for key, vector in zip(ids, sent, strict=True)
        ]
        # For images and objects the store holds only the text.
        others = [row.node_id for row in rows if row.get_type() != ObjectType.TEXT]
        whole = await self._documents(work, others)
        nodes = [whole.get(row.node_id, row) for row in rows]
        passes = passing(query.filters)
        for i, (node, row) in enumerate(zip(nodes, rows, strict=True)):
            if node.metadata != row.metadata and not passes(node):
                nodes[i] = row
        return _scored(nodes, scores), known

    async def _asked(self, work: Work, query: VectorStoreQuery) -> VectorStoreQueryResult | None:
        """The answer of the store; None if it found nothing.

        Raises:
            TypeError, ValueError: as `check_answer`.
        """
        store = self._vector_store
        answer = await work.call(
            "fetch",
            store,
            partial(_queried, store, query, self._kwargs),
            native=partial(store.aquery, query, **self._kwargs) if self._async(work) else None,
        )
        check_answer(store, answer)
        return answer

    async def _passed(
        self, work: Work, rows: Sequence[BaseNode], query: VectorStoreQuery
    ) -> list[bool]:
        """For each returned row, whether it passes the filters.

        Some stores apply the filters first and read the rows later, so a row may have been replaced
        in between. A row that does not pass by LlamaIndex's own rules counts as passed only if a
        second query returns it unchanged: then the store's rules let it pass.
        """
        passed = [*map(passing(query.filters), rows)]
        if all(passed) and FILTERS.isdisjoint(self._kwargs):
            return passed
        again = await self._asked(work, query)
        whole: dict[str, list[BaseNode]] = {}
        for row in (again and again.nodes) or ():
            whole.setdefault(row.node_id, []).append(row)
        return [any(_alike(row, one) for one in whole.get(row.node_id, ())) for row in rows]

    async def _in_docstore(
        self,
        work: Work,
        ids: Sequence[str],
        scores: Sequence[float | None],
        query: VectorStoreQuery,
        vectors: NodeVectors,
    ) -> Found:
        """The nodes, and their vectors, that a store without texts found.

        Store and docstore may be written to during the search. So the filters are applied again to
        each node as the docstore has it, and a vector is used only if it was the same before and
        after the node was read. Nodes that were deleted in the meantime are left out.
        """
        names = self._index.index_struct.nodes_dict
        if ids and not names:
            raise ValueError(
                f"{type(self._vector_store).__name__} holds no texts, and the index knows none of "
                f"the {len(ids)} nodes that it found: load the index together with its docstore"
            )
        node_ids = [names.get(key) for key in ids]
        before = await vectors.stored(work, ids)
        whole = await self._documents(work, [one for one in node_ids if one is not None])
        after = await vectors.stored(work, ids)
        passes = passing(query.filters)
        found, known, kept = [], [], []
        for key, node_id, score in zip(ids, node_ids, scores, strict=True):
            node = whole.get(node_id or "")
            if node is None or not passes(node):
                continue
            found.append(node)
            kept.append(score)
            vector = after.get(key)
            known.append(vector if same_row(before.get(key), vector) else None)
        return _scored(found, kept), known

    def _async(self, work: Work) -> bool:
        """Whether to use the store's asynchronous query."""
        store, known = self._vector_store, self._registered
        if not isinstance(work, OnLoop) or native(store, "aquery") is None:
            return False
        return in_first_loop(store) if known is None else known.searches_async

    async def _documents(self, work: Work, node_ids: Sequence[str]) -> dict[str, BaseNode]:
        """The nodes that the docstore has under some ids."""
        if not node_ids:
            return {}
        found = await work.call(
            "fetch",
            self._docstore,
            self._docstore.get_nodes,
            node_ids=[*node_ids],
            raise_error=False,
        )
        return {node.node_id: node for node in found}


def _alike(row: BaseNode, other: BaseNode) -> bool:
    return plain_text(row) == plain_text(other) and row.metadata == other.metadata


def _scored(nodes: Sequence[BaseNode], scores: Sequence[float | None]) -> list[NodeWithScore]:
    return [NodeWithScore(node=n, score=s) for n, s in zip(nodes, scores, strict=True)]


def _queried(
    store: Any, query: VectorStoreQuery, kwargs: dict[str, Any]
) -> VectorStoreQueryResult | None:
    try:
        result: VectorStoreQueryResult = store.query(query, **kwargs)
    except Warning as warning:
        if "empty" in str(warning):  # LanceDB raises it if nothing was found
            return None
        raise
    return result
