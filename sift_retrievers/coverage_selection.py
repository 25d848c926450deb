"""`select` for a `Coverage`: one question, its candidates compared by what they consist of."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from sift_retrievers.arrays import ArrayLike, as_tensor
from sift_retrievers.backends.problem import Objective
from sift_retrievers.coverage import Coverage, cover
from sift_retrievers.problems import build_problem
from sift_retrievers.stopping import StopReason


def select_covering(
    coverage: Coverage,
    queries: ArrayLike,
    candidates: ArrayLike,
    k: int,
    *,
    lambda_: float,
    objective: str,
    relevance: ArrayLike | None,
    min_gain: float | None,
    costs: ArrayLike | None,
    budget: Any,
    groups: ArrayLike | None,
    refused: dict[str, Any],
) -> tuple[torch.Tensor, torch.Tensor, StopReason]:
    """Indices and gains `[1, k]`, padded with −1 and 0, and why it ended.

    Args:
        coverage: of the K candidates.
        queries: one, as for `select`; where no relevance is given, the cosine to it is.
        candidates: `[K, d]`.
        k: picks wanted.
        lambda_: λ′.
        objective: "undirected", or "variance", which is `select`'s default and stands for none.
        relevance: `[K]`.
        min_gain: nats.
        costs: `[K]`.
        budget: one number.
        groups: `[K]`.
        refused: options of `select` that make no sense here, which must not be set.

    Raises:
        ValueError: for more than one query, sizes that do not fit, or options that do not go
            together with a `Coverage`.
    """
    wrong = [name for name, value in refused.items() if value]
    if wrong or objective not in (Objective.VARIANCE, Objective.UNDIRECTED):
        raise ValueError(
            'a Coverage goes with the objective "undirected" and without replacement, alpha, '
            f"per_cost, ids, device and backend; got {wrong or objective!r}"
        )
    # Checks everything as for any kernel.
    problem = build_problem(
        queries, candidates, k, lambda_=lambda_, costs=costs, budget=budget, groups=groups
    )
    size = problem.pool_size
    if problem.batch != 1 or size != len(coverage):
        raise ValueError(
            "a Coverage goes with one query [d] and its K candidates [K, d]; got "
            f"{problem.batch} queries and {size} candidates for a Coverage of {len(coverage)}"
        )
    if relevance is None:
        q = problem.targets[0].double()
        x = problem.candidates[0].double()
        lengths = x.norm(dim=1).clamp_min(1e-300) * q.norm(dim=1)[:, None]
        rho = ((q @ x.T) / lengths).amax(dim=0).cpu().numpy()
        deviation = rho.std() if size > 0 else 0.0
        rho = rho / deviation if deviation > 1e-7 else rho * 0
    else:
        rho = as_tensor(relevance, "relevance").reshape(-1).double().cpu().numpy()
    found = cover(
        coverage,
        rho,
        problem.k,
        lambda_=lambda_,
        min_gain=min_gain,
        costs=_exact(costs),
        budget=None if budget is None else float(_exact(budget)[0]),
        groups=None if problem.groups is None else problem.groups[0].cpu().numpy(),
    )
    made = len(found.indices)
    indices = torch.full((1, problem.k), -1, dtype=torch.int64)
    gains = torch.zeros((1, problem.k), dtype=torch.float64)
    indices[0, :made] = torch.from_numpy(found.indices)
    gains[0, :made] = torch.from_numpy(np.ascontiguousarray(found.gains))
    return indices, gains, found.stop_reason


def _exact(values: Any) -> Any:
    """Checked numbers as they came, in one row: in float32 ten costs of 0.1 are more than 1.0."""
    if values is None:
        return None
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu().numpy()
    return np.asarray(values, dtype=np.float64).reshape(-1)
