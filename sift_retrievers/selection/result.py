"""`Selection`, which `select` returns, and how it is made from what a solver returns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from sift_retrievers.arrays import as_given, host, namespace
from sift_retrievers.selection.problem import Picks, Problem
from sift_retrievers.selection.stopping import alpha_length, min_gain_length
from sift_retrievers.stop_reason import StopReason

if TYPE_CHECKING:
    import torch

ArrayT = TypeVar("ArrayT", bound="torch.Tensor | npt.NDArray[Any]")


@dataclass(frozen=True, eq=False)
class Selection(Generic[ArrayT]):
    """The passages picked for a query, or for each of B queries, and what each pick was worth.

    Arrays are of the kind that `candidates` had: numpy, or torch on the same device. Shapes follow
    the queries: one query `[d]` gives the shapes below, `[B, d]` or `[B, m, d]` those with a B
    in front.
    """

    indices: ArrayT
    """`[n]` positions among the candidates in selection order; −1 where it ended early. n is k,
    or the number of possible picks where k is above 65,536."""
    variance: ArrayT
    """`[n + 1]` σ²_0 … σ²_n: posterior variance, summed over the targets, before and after every
    pick; the objective "undirected" does not aim to lower it. Where the selection ended early
    the last value is repeated. With a `Coverage`: what the picks leave open, Π (1 − v)."""
    gains: ArrayT
    """`[n]` what each pick added, in nats; 0 where it ended early.
    "variance" with one target: the information gain I(f(x*); y | X_n) = ½ log(σ²_n / σ²_{n+1}).
    "variance" with several targets: half the log of the ratio of the summed variances, which is
    not an information gain. "entropy": the information gain about the targets jointly.
    "undirected": the information gain about the surrogate, ½ log(1 + v / λ′)."""
    stop_reason: StopReason | tuple[StopReason, ...]
    """Why the selection ended; of B queries, why each did."""


def selection_of(
    problem: Problem,
    picks: Picks,
    *,
    alpha: float | None,
    min_gain: float | None,
    single: bool,
    home: torch.device | None,
) -> Selection[Any]:
    """Apply the stopping rules, and convert the arrays to the caller's kind and shape.

    Raises:
        ValueError: for gains or variances that are NaN or infinite.
    """
    indices = picks.indices
    if problem.ids is not None and problem.pool_size > 0:
        xp = namespace(indices)
        each = xp.arange(problem.batch, device=indices.device)[:, None]
        rows = problem.ids[each, xp.clip(indices, 0, None)]
        indices = xp.where(indices >= 0, rows, xp.full_like(rows, -1))
    made = Picks(host(indices), host(picks.gains), host(picks.variance))
    _check_finite(problem, made)
    reasons = _reasons(problem, made)
    if alpha is not None or min_gain is not None:
        made, reasons = _stopped(made, reasons, problem.targets.shape[1], alpha, min_gain)
    one = 0 if single else slice(None)
    return Selection(
        indices=as_given(made.indices[one], home),
        variance=as_given(made.variance[one], home),
        gains=as_given(made.gains[one], home),
        stop_reason=reasons[0] if single else tuple(reasons),
    )


def is_one(queries: Any) -> bool:
    """Whether `queries` are one query `[d]`, not a batch. They were checked before."""
    dimensions = getattr(queries, "ndim", None)
    return (np.ndim(queries) if dimensions is None else dimensions) == 1


def _check_finite(problem: Problem, picks: Picks) -> None:
    if math.isfinite(picks.gains.sum() + picks.variance.sum()):  # neither is negative
        return
    raise ValueError(
        f"the gains or variances of a selection were NaN or infinite: the kernel {problem.kernel!r}"
        f" with lambda_={problem.noise:.3g} does not stand the scale of these queries and "
        f"candidates, in {problem.targets.dtype}, or is not positive semidefinite"
    )


def _reasons(problem: Problem, picks: Picks) -> list[StopReason]:
    """Why the solver ended each selection."""
    if problem.steps == problem.k and (picks.indices[:, -1] >= 0).all():
        return [StopReason.K] * problem.batch
    made = (picks.indices >= 0).sum(axis=1).tolist()
    pools = _pickable(problem)
    return [
        StopReason.K
        if n == problem.k
        else StopReason.BUDGET
        if problem.budget is not None and size > (0 if problem.replacement else n)
        else StopReason.EXHAUSTED
        for n, size in zip(made, pools, strict=True)
    ]


def _pickable(problem: Problem) -> list[int]:
    """How many picks each query's candidates allow, costs aside."""
    if problem.groups is not None:
        groups = host(problem.groups)
        if problem.ids is not None:
            there = host(problem.ids) >= 0
            return [len(np.unique(row[some])) for row, some in zip(groups, there, strict=True)]
        return [len(np.unique(row)) for row in groups]
    if problem.ids is not None:
        return [int(n) for n in (host(problem.ids) >= 0).sum(axis=1)]
    return [problem.pool_size] * problem.batch


def _stopped(
    picks: Picks,
    reasons: list[StopReason],
    targets: int,
    alpha: float | None,
    min_gain: float | None,
) -> tuple[Picks, list[StopReason]]:
    """Cut every selection to the shortest prefix that a rule asks for."""
    made = (picks.indices >= 0).sum(axis=1)
    cuts = []
    if alpha is not None:
        cuts.append((StopReason.ALPHA, alpha_length(picks.variance, targets, alpha)))
    if min_gain is not None:
        cuts.append((StopReason.MIN_GAIN, min_gain_length(picks.gains, min_gain)))
    for reason, length in cuts:
        reasons = [
            reason if cut < n else before
            for cut, n, before in zip(length.tolist(), made.tolist(), reasons, strict=True)
        ]
        made = np.minimum(made, length)
        after = np.arange(picks.gains.shape[1]) >= made[:, None]
        last = np.take_along_axis(picks.variance, made[:, None], axis=1)
        left = np.where(after, last, picks.variance[:, 1:])
        picks = Picks(
            indices=np.where(after, -1, picks.indices),
            gains=np.where(after, np.zeros_like(picks.gains), picks.gains),
            variance=np.concatenate([picks.variance[:, :1], left], axis=1),
        )
    return picks, reasons
