"""What users have today that looks at words: BM25, and rank fusion of BM25 and vectors.

BM25 searches the whole corpus. The fusions are the real classes of LangChain and LlamaIndex over
two retrievers that give `FETCHED` passages each: bm25s, and the nearest by vectors.

LangChain's class merges passages of the same text where no key is named, and adds up the ranks of
all of them, so a text that is stored four times outranks any that is stored once; it is measured
as it comes and with the passages' ids as its key. LlamaIndex' goes by a hash of text and metadata;
the nodes have their ids as metadata, as those from different files have the file's name.
"""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import Any

import bm25s  # type: ignore[import-untyped]
import numpy as np
import numpy.typing as npt
from langchain_classic.retrievers import EnsembleRetriever
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from llama_index.core.base.base_retriever import BaseRetriever as LlamaRetriever
from llama_index.core.llms.mock import MockLLM
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from benchmarks.retrieval.candidates import Candidates, Picks, Store
from benchmarks.retrieval.methods import PEER, Method

logging.getLogger("bm25s").setLevel(logging.WARNING)

FETCHED = 100
BM25_WEIGHTS = (0.3, 0.5, 0.7)

Rows = npt.NDArray[np.int32]
Scores = npt.NDArray[np.float32]


@lru_cache(maxsize=1)
def _index(store: Store) -> Any:
    index = bm25s.BM25()
    index.index(bm25s.tokenize(list(store.contents), show_progress=False), show_progress=False)
    return index


@lru_cache(maxsize=2)
def bm25_search(candidates: Candidates) -> tuple[Rows, Scores]:
    """The `FETCHED` best of the corpus for each question by bm25s' defaults: `[Q, FETCHED]`."""
    size = min(FETCHED, len(candidates.store.passages))
    asked = bm25s.tokenize([query.text for query in candidates.asked], show_progress=False)
    found, scores = _index(candidates.store).retrieve(asked, k=size, show_progress=False)
    return found.astype(np.int32), scores.astype(np.float32)


def bm25(candidates: Candidates, k: int) -> Picks:
    return bm25_search(candidates)[0][:, :k]


class Listed(BaseRetriever):
    """A LangChain retriever that answers with the documents found for a question before."""

    found: dict[str, list[Document]]

    def _get_relevant_documents(self, query: str, **_: Any) -> list[Document]:
        return self.found[query]


def ensemble_by_text(candidates: Candidates, k: int, bm25_weight: float) -> Picks:
    return ensemble(candidates, k, bm25_weight, id_key=None)


def ensemble(
    candidates: Candidates, k: int, bm25_weight: float, id_key: str | None = "row"
) -> Picks:
    """LangChain's `EnsembleRetriever`."""
    contents = candidates.store.contents
    picks = np.full((len(candidates.asked), k), -1, dtype=np.int32)
    by_words, _ = bm25_search(candidates)
    for row, query, words, near in zip(
        picks, candidates.asked, by_words, candidates.rows[:, :FETCHED], strict=True
    ):
        lists = [
            Listed(found={query.text: [_document(i, contents[i]) for i in rows.tolist()]})
            for rows in (words, near)
        ]
        weights = [bm25_weight, 1 - bm25_weight]
        fusion = EnsembleRetriever(retrievers=[*lists], weights=weights, c=60, id_key=id_key)
        fused = fusion.invoke(query.text)
        chosen = [document.metadata["row"] for document in fused[:k]]
        row[: len(chosen)] = chosen
    return picks


def _document(row: int, content: str) -> Document:
    return Document(page_content=content, metadata={"row": row})


class LlamaListed(LlamaRetriever):
    """A LlamaIndex retriever that answers with the nodes found for a question before."""

    def __init__(self, found: list[NodeWithScore]) -> None:
        self.found = found
        super().__init__()

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:  # noqa: ARG002
        return self.found


def _node(row: int, content: str) -> TextNode:
    return TextNode(text=content, id_=str(row), metadata={"row": row})


def query_fusion(candidates: Candidates, k: int) -> Picks:
    """LlamaIndex' `QueryFusionRetriever` in its mode of reciprocal ranks, the question as it is."""
    contents = candidates.store.contents
    picks = np.full((len(candidates.asked), k), -1, dtype=np.int32)
    by_words, scores = bm25_search(candidates)
    model = MockLLM()  # never asked: there is one query, the question
    for row, query, words, points, near, cosines in zip(
        picks,
        candidates.asked,
        by_words,
        scores,
        candidates.rows[:, :FETCHED],
        candidates.cosines[:, :FETCHED],
        strict=True,
    ):
        lists = [
            LlamaListed(
                [
                    NodeWithScore(node=_node(i, contents[i]), score=score)
                    for i, score in zip(rows.tolist(), values.tolist(), strict=True)
                ]
            )
            for rows, values in ((words, points), (near, cosines))
        ]
        fusion = QueryFusionRetriever(
            [*lists],
            llm=model,
            mode="reciprocal_rerank",  # type: ignore[arg-type]
            similarity_top_k=k,
            num_queries=1,
            use_async=False,
        )
        chosen = [int(found.node.node_id) for found in fusion.retrieve(query.text)]
        row[: len(chosen)] = chosen
    return picks


WORD_PEERS: tuple[Method, ...] = (
    Method("BM25", PEER, bm25, default={}),
    Method(
        "LangChain Ensemble",
        PEER,
        ensemble_by_text,
        default={"bm25_weight": 0.5},
        grid={"bm25_weight": BM25_WEIGHTS},
    ),
    Method(
        "LangChain Ensemble, by id",
        PEER,
        ensemble,
        default={"bm25_weight": 0.5},
        grid={"bm25_weight": BM25_WEIGHTS},
    ),
    Method("LlamaIndex QueryFusion", PEER, query_fusion, default={}, version=2),
)
