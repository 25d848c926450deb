"""What users have today that chooses by vectors alone, called as its own package offers it."""

from __future__ import annotations

import contextlib
import io

from langchain_core.vectorstores.utils import maximal_marginal_relevance
from llama_index.core.indices.query.embedding_utils import get_top_k_mmr_embeddings
from pyversity import Strategy, diversify

from benchmarks.common.embeddings import Vectors
from benchmarks.retrieval.candidates import Candidates, Picks
from benchmarks.retrieval.methods import NEAREST, PEER, Method, PickOne, one_by_one

STRATEGIES = (Strategy.MMR, Strategy.MSD, Strategy.DPP, Strategy.COVER, Strategy.SSD)
DIVERSITIES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
LAMBDA_MULTS = (0.5, 0.7, 0.8, 0.9, 0.95)


def top(candidates: Candidates, k: int) -> Picks:
    """The candidates come nearest first."""
    return candidates.rows[:, :k]


def pyversity(strategy: Strategy) -> PickOne:
    def pick(query: Vectors, pool: Vectors, k: int, diversity: float) -> object:
        scores = pool @ query
        chosen = diversify(
            embeddings=pool, scores=scores, k=k, strategy=strategy, diversity=diversity
        )
        return chosen.indices

    return pick


def langchain_mmr(query: Vectors, pool: Vectors, k: int, lambda_mult: float) -> object:
    return maximal_marginal_relevance(query, list(pool), lambda_mult=lambda_mult, k=k)


def llama_index_mmr(query: Vectors, pool: Vectors, k: int, mmr_threshold: float) -> object:
    _, chosen = get_top_k_mmr_embeddings(
        query,  # type: ignore[arg-type]
        list(pool),
        similarity_top_k=k,
        mmr_threshold=mmr_threshold,
    )
    return chosen


def activeft(query: Vectors, pool: Vectors, k: int, llambda: float) -> object:
    """SIFT as published. It picks with replacement: a second time is a place that holds nothing."""
    import faiss
    from activeft.sift import Retriever  # type: ignore[import-untyped]

    index = faiss.IndexFlatIP(pool.shape[1])
    index.add(pool)
    retriever = Retriever(index, llambda=llambda, also_query_opposite=False)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        _, chosen, _, _ = retriever.search(query[None], k, len(pool))
    picks = chosen.tolist()
    return [-1 if i in picks[:n] else i for n, i in enumerate(picks)]


NEAREST_NEIGHBOURS = Method("nearest neighbours", NEAREST, top, default={})

VECTOR_PEERS: tuple[Method, ...] = (
    *(
        Method(
            f"pyversity {strategy.value.upper()}",
            PEER,
            one_by_one(pyversity(strategy)),
            default={"diversity": 0.5},
            grid={"diversity": DIVERSITIES},
        )
        for strategy in STRATEGIES
    ),
    Method(
        "LangChain MMR",
        PEER,
        one_by_one(langchain_mmr),
        default={"lambda_mult": 0.5},
        grid={"lambda_mult": LAMBDA_MULTS},
    ),
    Method(
        "LlamaIndex MMR",
        PEER,
        one_by_one(llama_index_mmr),
        default={"mmr_threshold": 0.5},
        grid={"mmr_threshold": LAMBDA_MULTS},
    ),
    Method(
        "activeft SIFT",
        PEER,
        one_by_one(activeft),
        default={"llambda": 0.01},
        grid={"llambda": (0.01, 0.1, 1.0)},
        slow=True,  # 0.1 to 0.2 s a question
    ),
)
