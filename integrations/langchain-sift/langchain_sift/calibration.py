"""`calibrate`: choose the settings of a `SIFTRetriever` by a user's own store and queries."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any

from langchain_core.documents import Document

from langchain_sift.queries import embed_targets
from langchain_sift.retriever import SIFTRetriever
from sift_retrievers.calibration import Calibration, QueryCandidates
from sift_retrievers.calibration import calibrate as calibrate_by
from sift_retrievers.calibration.calibrate import Gold
from sift_retrievers.retrieval import Hits, Target
from sift_retrievers.retrieval.work import Direct, finished


def calibrate(
    retriever: Any,
    queries: Sequence[str],
    gold: Sequence[Gold] | None = None,
    *,
    passage: str | Callable[[Document], Hashable] | None = None,
    progress: bool = True,
    **options: Any,
) -> Calibration:
    """Try several configurations on your queries, and choose the one that finds the most evidence.

    Example:
        ```python
        calibration = calibrate(vectorstore, questions, gold)
        print(calibration)
        retriever = SIFTRetriever(vectorstore, **calibration.arguments)
        ```

    Args:
        retriever: a `SIFTRetriever`, whose `fetch_k`, `search_kwargs`, `title` and embedding are
            used, or a vector store.
        queries: at least 20, as your users ask them.
        gold: for every query the names of the passages that answer it, or a mapping from names to
            facets (passages that share a facet say the same). None: the score is an expected
            coverage, see `sift_retrievers.calibration.calibrate`.
        passage: where the name of a document in `gold` is found: a metadata key, or a function of
            the document. None: the document's id.
        progress: whether to draw progress bars, if tqdm is installed.
        **options: `configurations`, `default`, `cutoffs` and `confidence` of
            `sift_retrievers.calibration.calibrate`.

    Raises:
        ValueError: for fewer than 20 queries, a `gold` that has not one entry for each query or
            names no candidate, or a document without the metadata key `passage`.
    """
    if not isinstance(retriever, SIFTRetriever):
        retriever = SIFTRetriever(retriever)

    def candidates() -> Iterator[QueryCandidates]:
        for query in queries:
            targets, hits = finished(_fetched(retriever, query))
            yield QueryCandidates.from_hits(targets, hits, passage=passage, title=retriever.title)

    return calibrate_by(candidates(), gold, total=len(queries), progress=progress, **options)


async def _fetched(retriever: SIFTRetriever, query: str) -> tuple[Sequence[Target], Hits[Document]]:
    """The vector of a query, and the hits from which the retriever would select."""
    call = retriever._call(query)
    work = Direct(call.timeout)
    targets = await embed_targets(work, retriever._query_model(), [query])
    return targets, await retriever._fetch(work, targets, call)
