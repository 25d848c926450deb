"""`SIFTIndex`: selection by information gain over a raw faiss index, with faiss's own call.

Needs faiss (`pip install 'sift-retrievers[faiss]'`).

| faiss | here |
|---|---|
| `scores, ids = index.search(x, k)` | `scores, ids = SIFTIndex(index).search(x, k)` |
| scores: distances or inner products | information gain of each pick in nats |
| ids: −1 where there is nothing | the same |

`sift_retrievers.activeft` has the same with activeft's call.
"""

from __future__ import annotations

import time
from typing import NamedTuple, Unpack

import numpy as np
import numpy.typing as npt

from sift_retrievers.coverage import Coverage
from sift_retrievers.selection import select
from sift_retrievers.selection.options import SelectOptions
from sift_retrievers.validation import count

try:
    import faiss
except ImportError as error:
    raise ImportError(
        "sift_retrievers.faiss needs faiss: pip install 'sift-retrievers[faiss]'"
    ) from error

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]

CHUNK = 2**24
"""Numbers in the reconstructed vectors that are held at a time: 64 MiB of float32."""

PER_CANDIDATE = ("ids", "relevance", "costs", "budget", "groups")
"""Options of `select` that describe single candidates, which here differ from query to query."""


class RetrievalTime(NamedTuple):
    """Seconds that a search took, by stage."""

    faiss: float
    """Finding and reconstructing the candidates."""
    sift: float
    """Selecting among them."""


class SIFTIndex:
    """A faiss index whose search selects by information gain among the nearest vectors.

    Works with every index that can reconstruct its vectors: flat, IVF and HNSW indexes, with L2
    distance or inner product. Compressed indexes are used with the vectors that they reconstruct.
    The index is only read, and the object holds no state between searches.

    Args:
        index: the faiss index.
        fetch_k: how many nearest vectors of each query to select from, at least 1.
        options: keyword arguments of `sift_retrievers.select` (`lambda_`, `kernel`, `alpha`, …),
            except those that describe single candidates (`relevance`, `costs`, …).

    Raises:
        TypeError: if `index` is not a faiss index, or an option has the wrong type.
        ValueError: for fetch_k < 1, or an option that `select` refuses or that does not apply here.
        ImportError: for a `device` without the extra `torch`.
    """

    def __init__(
        self, index: faiss.Index, *, fetch_k: int = 200, **options: Unpack[SelectOptions]
    ) -> None:
        if not isinstance(index, faiss.Index):
            raise TypeError(f"index must be a faiss index; got {type(index).__name__}")
        self.index = index
        self.fetch_k = count(fetch_k, "fetch_k")
        self.options = options
        _check_options(options, index.d)

    def search(self, x: npt.ArrayLike, k: int) -> tuple[Floats, Ids]:
        """Select k of the `fetch_k` nearest vectors of each query.

        Args:
            x: `[n, d]` n queries.
            k: vectors wanted for each query, at least 1.

        Returns:
            Information gains `[n, k]` in nats and ids `[n, k]`, in selection order; 0 and −1 where
            there is nothing to select.

        Raises:
            ValueError: for another shape, a k that is not a whole number from 1 to `fetch_k`, or an
                index that cannot reconstruct its vectors.
        """
        queries = np.asarray(x, dtype=np.float32)
        if queries.ndim != 2:
            raise ValueError(f"x must be [n, d]; got {queries.shape}")
        gains, ids, _, _ = self._search(queries[:, None], count(k, "k"), self.fetch_k)
        return gains, ids

    def _search(
        self, targets: Floats, k: int, fetch_k: int
    ) -> tuple[Floats, Ids, Floats, RetrievalTime]:
        """Gains `[n, k]`, ids `[n, k]`, vectors `[n, k, d]` and times for targets `[n, m, d]`."""
        n, m, dim = targets.shape
        if dim != self.index.d:
            raise ValueError(f"the index has dimension {self.index.d}; got queries of {dim}")
        if fetch_k < k and not self.options.get("replacement", False):
            raise ValueError(f"fetch_k (K) must be at least k (N); got {fetch_k} and {k}")
        gains, ids = np.zeros((n, k), np.float32), np.full((n, k), -1, dtype=np.int64)
        vectors = np.zeros((n, k, dim), np.float32)
        fetch_k = min(fetch_k, self.index.ntotal)
        faiss_seconds = sift_seconds = 0.0
        chunk = max(1, CHUNK // max(1, m * fetch_k * dim))
        for start in range(0, n if fetch_k > 0 else 0, chunk):
            part = slice(start, min(start + chunk, n))
            started = time.perf_counter()
            labels, found = self._candidates(targets[part], fetch_k)
            fetched = time.perf_counter()
            matrix, flat_labels = found.reshape(-1, dim), labels.reshape(-1)
            rows = np.arange(labels.size).reshape(labels.shape)
            options: SelectOptions = {**self.options, "ids": np.where(labels >= 0, rows, -1)}
            selection = select(targets[part], matrix, k, **options)
            picked = selection.indices >= 0
            gains[part] = selection.gains
            ids[part] = np.where(picked, flat_labels[selection.indices], -1)
            vectors[part] = np.where(picked[..., None], matrix[selection.indices], 0.0)
            faiss_seconds += fetched - started
            sift_seconds += time.perf_counter() - fetched
        return gains, ids, vectors, RetrievalTime(faiss=faiss_seconds, sift=sift_seconds)

    def _candidates(self, targets: Floats, fetch_k: int) -> tuple[Ids, Floats]:
        """Labels `[n, m·K]` and vectors `[n, m·K, d]`; −1 and zeros for missing or repeated ones.

        The candidates of several targets are sorted by rank: first the nearest of each target.
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


def _check_options(options: SelectOptions, dim: int) -> None:
    """Raise what a search with these options would raise, before the first search."""
    unfit = sorted({*PER_CANDIDATE} & {*options})
    if unfit:
        raise ValueError(f"{unfit} describe single candidates; call select() to use them")
    unknown = sorted({*options} - {*SelectOptions.__annotations__})
    if unknown:
        raise ValueError(f"select has no options {unknown}")
    kernel = options.get("kernel")
    if isinstance(kernel, Coverage | list | tuple) or hasattr(kernel, "__array__"):
        raise ValueError(
            "kernel must be a name or a Kernel, which compare any two vectors; got "
            f"{type(kernel).__name__}, which describes single candidates: call select() to use it"
        )
    vector = np.ones((1, dim), dtype=np.float32)
    trial: SelectOptions = {**options, "ids": np.zeros((1, 1), dtype=np.int64)}
    select(vector, vector, 1, **trial)
