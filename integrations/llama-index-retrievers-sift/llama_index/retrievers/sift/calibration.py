"""`calibrate`: the settings of a `SIFTRetriever` from a user's own index and queries."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from typing import Any

from llama_index.core.indices.vector_store.base import VectorStoreIndex
from llama_index.core.schema import NodeWithScore, QueryBundle
from llama_index.core.vector_stores.types import BasePydanticVectorStore

from llama_index.retrievers.sift.base import SIFTRetriever
from llama_index.retrievers.sift.search import parent_of
from llama_index.retrievers.sift.settings import text_of
from llama_index.retrievers.sift.targets import targets_of
from sift_retrievers.calibration import Calibration, Pool, calibration_of


def calibrate(
    retriever: SIFTRetriever | VectorStoreIndex | BasePydanticVectorStore,
    queries: Sequence[str],
    gold: Sequence[Collection[Hashable] | Mapping[Hashable, Collection[Hashable]]] | None = None,
    *,
    passage: str | Callable[[NodeWithScore], Hashable] | None = None,
    progress: bool = True,
    **options: Any,
) -> Calibration:
    """Try the settings on your queries, and say which one finds the most evidence.

    Example:
        ```python
        calibration = calibrate(index, questions, gold, passage="ref_doc_id")
        print(calibration)
        retriever = SIFTRetriever(index, **calibration.arguments)
        ```

    Args:
        retriever: a `SIFTRetriever`, whose `fetch_top_k`, filters, titles and embedding are used,
            an index, or a vector store.
        queries: at least 20, as your users ask them.
        gold: for every query the names of the passages that answer it, or a mapping from names to
            facets (passages of one facet say the same). Without, coverage is an expected one; see
            `sift_retrievers.calibration.expected_coverage`.
        passage: what names a node's passage: a metadata key, "ref_doc_id" for the source document,
            or a callable; default: the node's id.
        progress: draw a bar, if tqdm is installed.
        **options: `settings`, `cutoffs`, `confidence` of `sift_retrievers.calibration.calibrate`.

    Raises:
        ValueError: for fewer than 20 queries, or gold that is not one a query.
    """
    asked = retriever if isinstance(retriever, SIFTRetriever) else SIFTRetriever(retriever)
    name = parent_of(passage) if isinstance(passage, str) else passage

    def pools() -> Iterator[Pool]:
        for query in queries:
            bundle = QueryBundle(query)
            targets = targets_of(bundle, asked._embed_model)
            hits = asked._fetch(bundle, targets)
            found = hits.documents(range(len(hits)))
            names: list[Any] = [*hits.ids]
            if name is not None:
                names = [None if node is None else name(node) for node in found]
            yield Pool(
                targets[0].vector[None],
                hits.vectors,
                names,
                question=targets[0].text,
                texts=["" if node is None else text_of(node) for node in found],
                titles=[None if node is None else asked.title_of(node) for node in found],
            )

    return calibration_of(pools(), len(queries), gold, progress=progress, **options)
