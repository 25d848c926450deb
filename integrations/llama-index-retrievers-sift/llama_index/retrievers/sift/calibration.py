"""`calibrate`: choose the settings of a `SIFTRetriever` by a user's own index and questions."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any

from llama_index.core.indices.vector_store.base import VectorStoreIndex
from llama_index.core.schema import NodeWithScore, QueryBundle
from llama_index.core.vector_stores.types import BasePydanticVectorStore

from llama_index.retrievers.sift.arguments import sizes
from llama_index.retrievers.sift.base import SIFTRetriever
from llama_index.retrievers.sift.settings import source_document
from sift_retrievers.calibration import Calibration, QueryCandidates
from sift_retrievers.calibration import calibrate as calibrate_by
from sift_retrievers.calibration.gold import Gold, gold_of
from sift_retrievers.evaluation import as_questions
from sift_retrievers.evaluation.read import Questions
from sift_retrievers.retrieval.work import Direct, finished


def calibrate(
    retriever: SIFTRetriever | VectorStoreIndex | BasePydanticVectorStore,
    questions: Questions,
    gold: Sequence[Gold] | None = None,
    *,
    passage: str | Callable[[NodeWithScore], Hashable] | None = None,
    progress: bool = True,
    **options: Any,
) -> Calibration:
    """Try several configurations on your questions; choose the one that finds the most evidence.

    Example:
        ```python
        calibration = calibrate(index, "questions.jsonl", passage="ref_doc_id")
        print(calibration)
        retriever = SIFTRetriever(index, **calibration.arguments)
        ```

    Args:
        retriever: a `SIFTRetriever`, whose `fetch_top_k`, filters, `title` and embedding are used,
            an index, or a vector store.
        questions: at least 20, as your users ask them: texts, `Question`s with their gold passages,
            or the path of a file that `sift_retrievers.evaluation.read_questions` reads, such as
            one of LangSmith, Ragas or DeepEval.
        gold: for every text the names of the passages that answer it, or a mapping from names to
            facets (passages that share a facet say the same). None: those of the questions; if they
            have none, the score is an expected coverage, see
            `sift_retrievers.calibration.calibrate`.
        passage: where the name of a node in `gold` is found: a metadata key, "ref_doc_id" for the
            source document, or a function of the node. None: the node's id. Gold passages that a
            question gives as texts are found by the texts of the nodes.
        progress: whether to draw progress bars, if tqdm is installed.
        **options: `configurations`, `default`, `cutoffs` and `confidence` of
            `sift_retrievers.calibration.calibrate`.

    Raises:
        FileNotFoundError: for the path of a file that is not there.
        ValueError: for fewer than 20 questions, a file that cannot be read, a `gold` that has not
            one entry for each question or names no candidate, gold passages for some questions
            alone, or a node without the metadata key `passage`.
    """
    asked = retriever if isinstance(retriever, SIFTRetriever) else SIFTRetriever(retriever)
    _, fetch_top_k = sizes(asked.similarity_top_k, asked.fetch_top_k)
    given = as_questions(questions)
    name = source_document if passage == "ref_doc_id" else passage

    def candidates() -> Iterator[QueryCandidates]:
        for question in given:
            work = Direct(asked.settings.timeout)
            query = QueryBundle(question.text)
            search = asked._search.candidates(work, query, fetch_top_k, asked._vectors)
            targets, hits, _ = finished(search)
            title = asked.settings.title
            yield QueryCandidates.from_hits(targets, hits, passage=name, title=title)

    known = gold_of(given, gold)
    return calibrate_by(candidates(), known, total=len(given), progress=progress, **options)
