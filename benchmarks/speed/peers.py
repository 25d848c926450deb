"""One call a peer: a query `[d]`, its candidates `[K, d]`, and k, for every selector compared."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable

import faiss
import numpy as np
import torch
from activeft.sift import Retriever
from langchain_core.vectorstores.utils import maximal_marginal_relevance
from llama_index.core.indices.query.embedding_utils import get_top_k_mmr_embeddings
from pyversity import Strategy, diversify

from benchmarks.speed.pools import Vectors

Peer = Callable[[Vectors, Vectors, int], object]


def top_k(query: Vectors, pool: Vectors, k: int) -> object:
    return np.argsort(-(pool @ query))[:k]


def pyversity(strategy: Strategy) -> Peer:
    def run(query: Vectors, pool: Vectors, k: int) -> object:
        return diversify(embeddings=pool, scores=pool @ query, k=k, strategy=strategy)

    return run


def langchain_mmr(query: Vectors, pool: Vectors, k: int) -> object:
    return maximal_marginal_relevance(query, list(pool), k=k)


def llama_index_mmr(query: Vectors, pool: Vectors, k: int) -> object:
    return get_top_k_mmr_embeddings(query, list(pool), similarity_top_k=k)  # type: ignore[arg-type]


def activeft(query: Vectors, pool: Vectors, k: int) -> object:
    """With its index, which is built here: to add K vectors is a copy, little beside the rest.

    It is fastest with one thread of torch, by ten times where other processes are at work.
    """
    torch.set_num_threads(1)
    index = faiss.IndexFlatIP(pool.shape[1])
    index.add(pool)
    retriever = Retriever(index, also_query_opposite=False)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return retriever.search(query[None], k, len(pool))


PEERS: dict[str, Peer] = {
    "top-k": top_k,
    "pyversity MMR": pyversity(Strategy.MMR),
    "pyversity DPP": pyversity(Strategy.DPP),
    "LangChain MMR": langchain_mmr,
    "LlamaIndex MMR": llama_index_mmr,
    "activeft": activeft,
}
