"""`ActiveFTIndex`: selection over a raw faiss index with the call of activeft 0.1.1.

Needs faiss (`pip install 'sift-retrievers[faiss]'`), but not activeft. The two methods of
`activeft.sift.Retriever` are `search` and `batch_search`, so `ActiveFTIndex` has both; `SIFTIndex`
needs one, since faiss's `search` takes several queries.

| activeft (`activeft.sift.Retriever`) | here |
|---|---|
| `Retriever(index, llambda=0.01)` | `ActiveFTIndex(index, llambda=0.01)` |
| `D, I, V, t = r.search(query, N, K)` | the same call, the same four values |
| `r.batch_search(queries, N, K)` | the same call |
| candidates of a query `[m, d]`: the K nearest to the mean | the K nearest to each of m targets |
| `acquisition_function=VTL(...)` | `objective="variance"` (default); ITL: `objective="entropy"` |
| passages may repeat | only with `replacement=True` (the paper's repeated gradient steps) |
| linear kernel | `kernel="cosine"`, the same on vectors of unit length; or `kernel="linear"` |
| `also_query_opposite` (inner product only) | not supported |
| `alpha` (in activeft's repository) | `alpha=`; stops at the first n that fails the test |
| `fast=True` | not supported: it is not exact |
| `threads=` | not supported: faiss uses its own threads |
| `mean_pooling=True` | pass `query.mean(axis=0)` |
| `only_faiss=True` | use the index itself |
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

import numpy as np
import numpy.typing as npt

from sift_retrievers.faiss import Floats, Ids, RetrievalTime, SIFTIndex
from sift_retrievers.selection.options import SelectOptions
from sift_retrievers.validation import count

if TYPE_CHECKING:
    import faiss


class ActiveFTIndex(SIFTIndex):
    """A `SIFTIndex` with activeft's call.

    Args:
        index: the faiss index.
        llambda: λ′ > 0, the variance of the observation noise; activeft's name and default.
        options: other keyword arguments of `sift_retrievers.select`, as for `SIFTIndex`.

    Raises:
        TypeError: as `SIFTIndex`.
        ValueError: as `SIFTIndex`.
    """

    def __init__(
        self, index: faiss.Index, llambda: float = 0.01, **options: Unpack[SelectOptions]
    ) -> None:
        if "lambda_" in options:
            raise TypeError("lambda_ is called llambda here, as in activeft")
        merged: SelectOptions = {**options, "lambda_": llambda}
        super().__init__(index, **merged)

    def search(  # type: ignore[override]  # activeft's call is not faiss's
        self, query: npt.ArrayLike, N: int, K: int | None
    ) -> tuple[Floats, Ids, Floats, RetrievalTime]:
        """Select N vectors for one query.

        Args:
            query: `[m, d]` m targets that stand for one query, or `[d]`.
            N: vectors wanted, at least 1.
            K: how many nearest vectors of each target to select from; None for all of the index.

        Returns:
            Information gains `[N]` in nats, ids `[N]`, vectors `[N, d]` and the time taken; 0, −1
            and zeros where there is nothing to select.

        Raises:
            ValueError: for shapes or counts that do not fit, or an index that cannot reconstruct
                its vectors.
        """
        targets = np.asarray(query, dtype=np.float32)
        if targets.ndim not in (1, 2):
            raise ValueError(f"query must be [m, d] or [d]; got {targets.shape}")
        targets = targets.reshape(1, -1, targets.shape[-1])
        gains, ids, vectors, seconds = self.batch_search(targets, N, K)
        return gains[0], ids[0], vectors[0], seconds

    def batch_search(
        self, queries: npt.ArrayLike, N: int, K: int | None = None
    ) -> tuple[Floats, Ids, Floats, RetrievalTime]:
        """Select N vectors for each of n queries.

        Args:
            queries: `[n, m, d]` n queries with m targets each.
            N: vectors wanted for each query, at least 1.
            K: how many nearest vectors of each target to select from; None for all of the index.

        Returns:
            Information gains `[n, N]` in nats, ids `[n, N]`, vectors `[n, N, d]` and the time
            taken; 0, −1 and zeros where there is nothing to select.

        Raises:
            ValueError: as `search`.
        """
        targets = np.asarray(queries, dtype=np.float32)
        if targets.ndim != 3:
            raise ValueError(f"queries must be [n, m, d]; got {targets.shape}")
        wanted = count(N, "N")
        fetch_k = max(wanted, self.index.ntotal) if K is None else count(K, "K")
        return self._search(targets, wanted, fetch_k)
