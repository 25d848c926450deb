"""SIFT over a raw faiss index, with faiss's own call and activeft's.

Needs faiss (`pip install 'sift-retrievers[faiss]'`).

From faiss:

| faiss | here |
|---|---|
| `scores, ids = index.search(x, k)` | `scores, ids = SIFTIndex(index).search(x, k)` |
| scores: distances or inner products | information gain of each pick in nats |
| ids: −1 where there is nothing | the same |

From activeft 0.1.1 (`activeft.sift.Retriever`):

| activeft | here |
|---|---|
| `Retriever(index, llambda=0.01)` | `SIFTIndex(index, lambda_=0.01)` |
| `D, I, V, t = r.search(query, N, K)` | the same call, the same four values; `K` may be left out |
| `r.batch_search(queries, N, K)` | the same call |
| `query` `[m, d]`: K nearest to the mean | K nearest to each of the m targets, united |
| `acquisition_function=VTL(...)` | `objective="variance"` (default); ITL: `objective="entropy"` |
| passages may repeat | never; `replacement=True` for the paper's repeated gradient steps |
| linear kernel | `kernel="cosine"`; the same on vectors of unit length; `"linear"` exists |
| `also_query_opposite` (inner product only) | not done: the nearest to the query's opposite are not candidates; every metric works |
| `alpha` (repository head) | `alpha=`, the first n that fails ends it |
| `fast=True` | left out: it is not exact |
| `threads=` | left out: rows never mix, faiss's own threads are used |
| `mean_pooling=True` | pass `query.mean(axis=0)` |
| `only_faiss=True` | the index itself |
"""  # noqa: E501

from __future__ import annotations

import time
from typing import Any, NamedTuple, Unpack

import numpy as np
import numpy.typing as npt

from sift_retrievers.selection import SelectOptions, select
from sift_retrievers.validation import count

try:
    import faiss
except ImportError as error:
    raise ImportError(
        "sift_retrievers.faiss needs faiss: pip install 'sift-retrievers[faiss]'"
    ) from error

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]

# Reconstructed vectors held at a time: 2²⁴ numbers, 64 MiB.
CHUNK = 2**24


class RetrievalTime(NamedTuple):
    """Seconds, as activeft reports them."""

    faiss: float
    """Finding and reconstructing the candidates."""
    sift: float
    """Selecting among them."""


class SIFTIndex:
    """A faiss index whose search selects by information gain among its nearest vectors.

    Any index that can reconstruct its vectors: flat, IVF, HNSW, with L2 or inner product;
    compressed ones with what they reconstruct. The index is only read, and the object holds no
    state between searches.

    Args:
        index: the faiss index.
        fetch_k: nearest vectors to choose from.
        options: keyword arguments of `sift_retrievers.select` (`lambda_`, `kernel`, `alpha`, …),
            except those that speak of single candidates.

    Raises:
        TypeError: if `index` is no faiss index.
        ValueError: for fetch_k < 1 or an option that does not fit here.
    """

    def __init__(
        self, index: faiss.Index, *, fetch_k: int = 200, **options: Unpack[SelectOptions]
    ) -> None:
        if not isinstance(index, faiss.Index):
            raise TypeError(f"index must be a faiss index; got {type(index).__name__}")
        unfit = sorted({"ids", "relevance", "costs", "budget", "per_cost", "groups"} & set(options))
        if unfit:
            raise ValueError(f"{unfit} speak of single candidates; use select() with them")
        unknown = sorted({*options} - {*SelectOptions.__annotations__})
        if unknown:
            raise ValueError(f"select has no options {unknown}")
        self.index = index
        self.fetch_k = count(fetch_k, "fetch_k")
        self.options = options

    def search(
        self, x: npt.ArrayLike, k: int | None = None, K: Any = ..., *, N: int | None = None
    ) -> Any:
        """Faiss's call, `search(x, k)`, or activeft's, `search(query, N, K)`.

        Args:
            x: faiss: `[n, d]` n queries. activeft: `[m, d]` m targets of one query, or `[d]`.
            k: passages wanted (positional: activeft's N).
            K: activeft's: nearest vectors to choose from; None for all. Naming K or N makes it
                activeft's call.
            N: activeft's name for k.

        Returns:
            faiss: gains `[n, k]` in nats and ids `[n, k]`, 0 and −1 where there is nothing.
            activeft: gains `[N]`, ids `[N]`, vectors `[N, d]`, `RetrievalTime`.

        Raises:
            ValueError: for shapes or counts that do not fit, or an index that cannot reconstruct.
        """
        wanted = count(k if N is None else N, "k" if N is None else "N")
        queries = np.asarray(x, dtype=np.float32)
        if N is None and K is ...:
            if queries.ndim != 2:
                raise ValueError(f"x must be [n, d]; got {queries.shape}")
            gains, ids, _, _ = self._search(queries[:, None], wanted, self.fetch_k)
            return gains, ids
        if queries.ndim not in (1, 2):
            raise ValueError(f"query must be [m, d] or [d]; got {queries.shape}")
        targets = queries.reshape(1, -1, queries.shape[-1])
        gains, ids, vectors, seconds = self._search(targets, wanted, self._depth(K))
        return gains[0], ids[0], vectors[0], seconds

    def batch_search(
        self, queries: npt.ArrayLike, N: int, K: Any = ...
    ) -> tuple[Floats, Ids, Floats, RetrievalTime]:
        """Activeft's batched call.

        Args:
            queries: `[n, m, d]` n queries with m targets each.
            N: passages wanted for each.
            K: nearest vectors to choose from; None for all.

        Returns:
            Gains `[n, N]`, ids `[n, N]`, vectors `[n, N, d]` (zeros where there is nothing),
            `RetrievalTime`.

        Raises:
            ValueError: as `search`.
        """
        targets = np.asarray(queries, dtype=np.float32)
        if targets.ndim != 3:
            raise ValueError(f"queries must be [n, m, d]; got {targets.shape}")
        return self._search(targets, count(N, "N"), self._depth(K))

    def _depth(self, K: Any) -> int:
        if K is ...:
            return self.fetch_k
        return max(1, self.index.ntotal) if K is None else count(K, "K")

    def _search(
        self, targets: Floats, k: int, fetch_k: int
    ) -> tuple[Floats, Ids, Floats, RetrievalTime]:
        n, m, dim = targets.shape
        if dim != self.index.d:
            raise ValueError(f"the index has dimension {self.index.d}; got queries of {dim}")
        if fetch_k < k and not self.options.get("replacement", False):
            raise ValueError(f"fetch_k (K) must be at least k (N); got {fetch_k} and {k}")
        gains, ids = np.zeros((n, k), np.float32), np.full((n, k), -1, dtype=np.int64)
        vectors = np.zeros((n, k, dim), np.float32)
        fetch_k = min(fetch_k, self.index.ntotal)
        finding = selecting = 0.0
        chunk = max(1, CHUNK // max(1, m * fetch_k * dim))
        for start in range(0, n if fetch_k > 0 else 0, chunk):
            part = slice(start, min(start + chunk, n))
            begun = time.perf_counter()
            labels, found = self._candidates(targets[part], fetch_k)
            fetched = time.perf_counter()
            rows, width = np.arange(labels.size).reshape(labels.shape), found.shape[-1]
            options: SelectOptions = {**self.options, "ids": np.where(labels >= 0, rows, -1)}
            chosen = select(targets[part], found.reshape(-1, width), k, **options)
            there = chosen.indices >= 0
            gains[part] = chosen.gains
            ids[part] = np.where(there, labels.reshape(-1)[chosen.indices], -1)
            picked = found.reshape(-1, width)[chosen.indices]
            vectors[part] = np.where(there[..., None], picked, 0.0)
            finding += fetched - begun
            selecting += time.perf_counter() - fetched
        return gains, ids, vectors, RetrievalTime(faiss=finding, sift=selecting)

    def _candidates(self, targets: Floats, fetch_k: int) -> tuple[Ids, Floats]:
        """Labels `[n, m·K]` and vectors `[n, m·K, d]`; −1 and zeros for nothing or for repeats.

        Several targets: by rank, so that what is near to any of them comes first.
        """
        n, m, dim = targets.shape
        try:
            _, labels, vectors = self.index.search_and_reconstruct(
                np.ascontiguousarray(targets.reshape(n * m, dim)), fetch_k
            )
        except RuntimeError as error:
            raise ValueError(
                f"{type(self.index).__name__} cannot give back its vectors, which selection "
                f"needs: {error}"
            ) from error
        labels = labels.reshape(n, m, fetch_k).transpose(0, 2, 1).reshape(n, m * fetch_k)
        vectors = vectors.reshape(n, m, fetch_k, dim).transpose(0, 2, 1, 3)
        vectors = vectors.reshape(n, m * fetch_k, dim)
        if m > 1:
            for row in labels:
                first = np.unique(row, return_index=True)[1]
                repeated = np.ones(len(row), dtype=bool)
                repeated[first] = False
                row[repeated] = -1
        vectors[labels < 0] = 0.0  # faiss leaves NaN where an approximate index found nothing
        return labels, vectors
