"""`calibrate`: the settings of a `SIFTRetriever` from a user's own store and queries."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from typing import Any

from langchain_core.documents import Document

from langchain_sift.queries import embed_targets
from langchain_sift.retriever import SIFTRetriever
from sift_retrievers.calibration import Calibration, Pool, calibration_of
from sift_retrievers.retrieval import Direct, finished
from sift_retrievers.retrieval.titles import titles_of


def calibrate(
    retriever: Any,
    queries: Sequence[str],
    gold: Sequence[Collection[Hashable] | Mapping[Hashable, Collection[Hashable]]] | None = None,
    *,
    passage: str | Callable[[Document], Hashable] | None = None,
    progress: bool = True,
    **options: Any,
) -> Calibration:
    """Try the settings on your queries, and say which one finds the most evidence.

    Example:
        ```python
        calibration = calibrate(vectorstore, questions, gold)
        print(calibration)
        retriever = SIFTRetriever(vectorstore, **calibration.arguments)
        ```

    Args:
        retriever: a `SIFTRetriever`, whose `fetch_k`, `search_kwargs` and embedding are used, or a
            vector store.
        queries: at least 20, as your users ask them.
        gold: for every query the names of the passages that answer it, or a mapping from names to
            facets (passages of one facet say the same). Without, coverage is an expected one; see
            `sift_retrievers.calibration.expected_coverage`.
        passage: what names a document's passage: a metadata key, or a callable; default: its id.
        progress: draw a bar, if tqdm is installed.
        **options: `settings`, `cutoffs`, `confidence` of `sift_retrievers.calibration.calibrate`.

    Raises:
        ValueError: for fewer than 20 queries, or gold that is not one a query.
    """
    if not isinstance(retriever, SIFTRetriever):
        retriever = SIFTRetriever(retriever)

    def pools() -> Iterator[Pool]:
        targets = finished(embed_targets(Direct(), retriever._query_model(), [*queries]))
        for query, target in zip(queries, targets, strict=True):
            hits = finished(retriever._fetch(Direct(), [target], retriever._call(query)))
            names: list[Any] = [*hits.ids]
            if passage is not None:
                names = [_name(hits.document(i), passage) for i in range(len(hits))]
            yield Pool(
                target.vector[None],
                hits.vectors,
                names,
                question=target.text,
                texts=hits.texts,
                titles=titles_of(hits, retriever.title),
            )

    return calibration_of(pools(), len(queries), gold, progress=progress, **options)


def _name(document: Document, passage: str | Callable[[Document], Hashable]) -> Hashable:
    if callable(passage):
        return passage(document)
    if passage not in document.metadata:
        raise ValueError(
            f"passage={passage!r} is no key of a document's metadata; it has "
            f"{sorted(document.metadata)}"
        )
    name: Hashable = document.metadata[passage]
    return name
