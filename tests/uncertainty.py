"""What picks leave of the uncertainty about a query, by inverting the matrix at every pick."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from sift_retrievers import RelevanceWeighted
from sift_retrievers.kernels import KernelLike, resolve_kernel


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
    targets = torch.as_tensor(np.asarray(queries)).double().reshape(1, -1, np.shape(pool)[1])
    passages = torch.as_tensor(np.asarray(pool)).double()[None]
    resolved = resolve_kernel(kernel)
    r = torch.ones(passages.shape[1], dtype=torch.float64)
    if isinstance(resolved, RelevanceWeighted):
        cosine = torch.nn.functional.cosine_similarity
        near = cosine(targets[0][:, None], passages, dim=-1).amax(dim=0)
        given = near if relevance is None else torch.as_tensor(relevance).double()
        r, resolved = resolved.weights(given[None])[0], resolved.base
    x, q = resolved.features(passages), resolved.features(targets)
    cross = (resolved.cross(q, x)[0] * r).numpy()
    gram = (resolved(x, x)[0] * r * r[:, None]).numpy()
    prior = float(resolved.prior(q)[0].trace())
    left = [prior]
    for n in range(1, len(picks) + 1):
        s = picks[:n]
        inverse = np.linalg.inv(gram[np.ix_(s, s)] + lambda_ * np.eye(n))
        left.append(prior - float(np.einsum("mi,ij,mj->", cross[:, s], inverse, cross[:, s])))
    return np.array(left)
