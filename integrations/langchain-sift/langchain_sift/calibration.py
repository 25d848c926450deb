"""`calibrate`: choose the settings of a `SIFTRetriever` by a user's own store and questions."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any

from langchain_core.documents import Document

from langchain_sift.queries import embed_targets
from langchain_sift.retriever import SIFTRetriever
from sift_retrievers.calibration import Calibration, QueryCandidates
from sift_retrievers.calibration import calibrate as calibrate_by
from sift_retrievers.calibration.gold import Gold, gold_of
from sift_retrievers.evaluation import as_questions
from sift_retrievers.evaluation.read import Questions
from sift_retrievers.retrieval import Hits, Target
from sift_retrievers.retrieval.work import Direct, finished


def calibrate(
    retriever: Any,
    questions: Questions,
    gold: Sequence[Gold] | None = None,
    *,
    passage: str | Callable[[Document], Hashable] | None = None,
    progress: bool = True,
    **options: Any,
) -> Calibration:
    """Try several configurations on your questions; choose the one that finds the most evidence.

    Example:
        ```python
        calibration = calibrate(vectorstore, "questions.jsonl")
        print(calibration)
        retriever = SIFTRetriever(vectorstore, **calibration.arguments)
        ```

    Args:
        retriever: a `SIFTRetriever`, whose `fetch_k`, `search_kwargs`, `title` and embedding are
            used, or a vector store.
        questions: at least 20, as your users ask them: texts, `Question`s with their gold passages,
            or the path of a file that `sift_retrievers.evaluation.read_questions` reads, such as
            one of LangSmith, Ragas or DeepEval.
        gold: for every text the names of the passages that answer it, or a mapping from names to
            facets (passages that share a facet say the same). None: those of the questions; if they
            have none, the score is an expected coverage, see
            `sift_retrievers.calibration.calibrate`.
        passage: where the name of a document in `gold` is found: a metadata key, or a function of
            the document. None: the document's id. Gold passages that a question gives as texts are
            found by the texts of the documents.
        progress: whether to draw progress bars, if tqdm is installed.
        **options: `configurations`, `default`, `cutoffs` and `confidence` of
            `sift_retrievers.calibration.calibrate`.

    Raises:
        FileNotFoundError: for the path of a file that is not there.
        ValueError: for fewer than 20 questions, a file that cannot be read, a `gold` that has not
            one entry for each question or names no candidate, gold passages for some questions
            alone, or a document without the metadata key `passage`.
    """
    if not isinstance(retriever, SIFTRetriever):
        retriever = SIFTRetriever(retriever)
    asked = as_questions(questions)

    def candidates() -> Iterator[QueryCandidates]:
        for question in asked:
            targets, hits = finished(_fetched(retriever, question.text))
            yield QueryCandidates.from_hits(targets, hits, passage=passage, title=retriever.title)

    known = gold_of(asked, gold)
    return calibrate_by(candidates(), known, total=len(asked), progress=progress, **options)


async def _fetched(retriever: SIFTRetriever, query: str) -> tuple[Sequence[Target], Hits[Document]]:
    """The vector of a query, and the hits from which the retriever would select."""
    call = retriever._call(query)
    work = Direct(call.timeout)
    targets = await embed_targets(work, retriever._query_model(), [query])
    return targets, await retriever._fetch(work, targets, call)
