"""What picks leave of the uncertainty about a query, by inverting the matrix at every pick."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from oracle import unit

from sift_retrievers.kernels.names import KernelLike, resolve_kernel


def uncertainty_along(
    queries: Any,
    pool: Any,
    picks: list[int],
    *,
    kernel: KernelLike,
    lambda_: float,
    relevance: Any = None,
) -> npt.NDArray[np.float64]:
    """`[N + 1]`, summed over the targets `[d]` or `[1, m, d]`; weights are those of the pool."""
    targets = np.asarray(queries, dtype=np.float64).reshape(1, -1, np.shape(pool)[1])
    passages = np.asarray(pool, dtype=np.float64)[None]
    resolved = resolve_kernel(kernel)
    r = np.ones(passages.shape[1])
    if resolved.weighting is not None:
        near = (unit(targets[0]) @ unit(passages[0]).T).max(axis=0)
        given = near if relevance is None else np.asarray(relevance, dtype=np.float64)
        r, resolved = resolved.weighting.weights(given[None])[0], resolved.unweighted
    x, q = resolved.features(passages), resolved.features(targets)
    cross = resolved.cross(q, x)[0] * r
    gram = resolved(x, x)[0] * r * r[:, None]
    prior = float(resolved.prior(q)[0].trace())
    left = [prior]
    for n in range(1, len(picks) + 1):
        s = picks[:n]
        inverse = np.linalg.inv(gram[np.ix_(s, s)] + lambda_ * np.eye(n))
        left.append(prior - float(np.einsum("mi,ij,mj->", cross[:, s], inverse, cross[:, s])))
    return np.array(left)
