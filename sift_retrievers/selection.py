"""`select`: the one public door to greedy information-gain selection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar, Unpack, overload

import numpy.typing as npt
import torch
from torch import Tensor

from sift_retrievers.arrays import ArrayLike
from sift_retrievers.backends.dispatch import choose
from sift_retrievers.backends.problem import Objective, Picks, Problem
from sift_retrievers.coverage import Coverage
from sift_retrievers.coverage_selection import select_covering
from sift_retrievers.kernels import KernelLike
from sift_retrievers.problems import ProblemOptions, build_problem, home_of
from sift_retrievers.stopping import StopReason, alpha_length, min_gain_length
from sift_retrievers.validation import positive

ArrayT = TypeVar("ArrayT", bound="Tensor | npt.NDArray[Any]")


@dataclass(frozen=True)
class Selection(Generic[ArrayT]):
    """The passages picked for B queries, and what each pick was worth.

    Arrays are of the kind that `candidates` had: numpy, or torch on the same device.
    """

    indices: ArrayT
    """`[B, k]` positions among the candidates in selection order; −1 where it ended early."""
    variance: ArrayT | None
    """`[B, k + 1]` σ²_0 … σ²_k: posterior variance, summed over the targets, before and after
    every pick. Where it ended early the last value is repeated. None for "undirected", whose picks
    do not aim at it."""
    gains: ArrayT
    """`[B, k]` what each pick added, in nats; 0 where it ended early.
    "variance" with one target: the information gain I(f(x*); y | X_n) = ½ log(σ²_n / σ²_{n+1}).
    "variance" with several targets: half the log of the ratio of the summed variances, which is
    not an information gain. "entropy": the information gain about the targets jointly.
    "undirected": the information gain about the surrogate, ½ log(1 + v / λ′)."""
    stop_reason: tuple[StopReason, ...]
    """Why each of the B selections ended."""


class SelectOptions(ProblemOptions, total=False):
    """The keyword arguments of `select`, for those who pass them on."""

    alpha: float | None
    min_gain: float | None
    backend: str | None


@overload
def select(
    queries: ArrayLike, candidates: Tensor, k: int, **options: Unpack[SelectOptions]
) -> Selection[Tensor]: ...
@overload
def select(
    queries: ArrayLike,
    candidates: npt.NDArray[Any] | list[Any] | tuple[Any, ...],
    k: int,
    **options: Unpack[SelectOptions],
) -> Selection[npt.NDArray[Any]]: ...
def select(
    queries: ArrayLike,
    candidates: ArrayLike,
    k: int,
    *,
    kernel: KernelLike | Coverage = "cosine",
    lambda_: float = 1.0,
    objective: str = "variance",
    relevance: ArrayLike | None = None,
    replacement: bool = False,
    alpha: float | None = None,
    min_gain: float | None = None,
    costs: ArrayLike | None = None,
    budget: float | ArrayLike | None = None,
    per_cost: bool = False,
    groups: ArrayLike | None = None,
    ids: ArrayLike | None = None,
    device: str | torch.device | None = None,
    backend: str | None = None,
) -> Selection[Any]:
    """Pick, one at a time, the k candidates that tell most about the answer to a query.

    SIFT(λ′) of arXiv 2410.08020, exact and greedy. The rules are in
    `sift_retrievers.backends.reference`.

    Args:
        queries: `[d]` one query, `[B, d]` one target each for B queries, or `[B, m, d]` m targets
            each. Lists, numpy or torch.
        candidates: `[K, d]` one pool shared by all queries, or `[B, K, d]` a pool each. Put the
            nearest first: equal scores go to the lowest index.
        k: passages to pick for each query, at least 1.
        kernel: what "similar" means: "cosine" (the paper's), "linear", "exponential", "relevance",
            or an object of `sift_retrievers.kernels`, or a `Kernel` of your own; or, for one query,
            a `Coverage`, which sees repetition in what the candidates consist of: the phrases of
            their texts (`sift_retrievers.witnesses.phrase_coverage`).
        lambda_: λ′ > 0, the variance of the observation noise in units of the kernel (cosine: a
            passage has prior variance 1). Small values punish redundancy hard, large ones tend to
            the nearest neighbours.
        objective: "variance" (SIFT; several targets: VTL, the sum of their variances), "entropy"
            (ITL, the information about all targets jointly; the same picks for one target) or
            "undirected" (information about the surrogate itself; the query enters through the
            kernel "relevance" only).
        relevance: `[K]` or `[B, K]` relevance of each candidate, for the kernel "relevance" and a
            `Coverage`, in place of its cosine to the query.
        replacement: allow a passage to be picked again (a further gradient step, as in the paper).
        alpha: stop by the α rule of adaptive SIFT (`stopping.alpha_length`); it looks at what the
            picks leave of the uncertainty about the targets, of "undirected" ones too.
        min_gain: stop before the first pick that gains less, in nats; possibly before the first.
        costs: `[K]` or `[B, K]` cost of each candidate, tokens say, not negative.
        budget: what may be spent, one number or `[B]`. A candidate that costs more than what is
            left is passed over.
        per_cost: rank by score per unit of cost; costs must be positive.
        groups: `[K]` or `[B, K]` whole numbers: no two picks come from candidates of one group,
            the chunks of one document, say.
        ids: `[B, K]` rows of `candidates` `[N, d]` that each query may pick from, −1 for none:
            ragged pools in one matrix, without a gathered copy of it on a CPU. `indices` then
            holds rows of the matrix.
        device: where to compute; default: where the candidates are. The result comes back to where
            the candidates are.
        backend: "single" or "reference" in place of the one that `backends.dispatch` chooses.

    Returns:
        A `Selection` with arrays of the kind of `candidates`. The precision is float32, or float64
        if either input is, or where λ′ < 1e-5 of the largest prior variance asks for it, or for
        "entropy" with several targets.

    Raises:
        ValueError: for a shape that does not fit, k < 1, λ′ that is not positive and finite, values
            that are NaN or infinite, a query without length, or options that do not go together.
        TypeError: for vectors that are no real numbers, or a kernel that is none.
        ImportError: for a backend whose package is not installed.
    """
    if isinstance(kernel, Coverage):
        indices, gains, reason = select_covering(
            kernel,
            queries,
            candidates,
            k,
            lambda_=lambda_,
            objective=objective,
            relevance=relevance,
            min_gain=None if min_gain is None else positive(min_gain, "min_gain"),
            costs=costs,
            budget=budget,
            groups=groups,
            refused={
                "replacement": replacement,
                "alpha": alpha is not None,
                "per_cost": per_cost,
                "ids": ids is not None,
                "device": device is not None,
                "backend": backend is not None,
            },
        )
        home = home_of(candidates)
        return Selection(
            indices=indices.numpy() if home is None else indices.to(home),
            variance=None,
            gains=gains.numpy() if home is None else gains.to(home),
            stop_reason=(reason,),
        )
    selection, _ = select_with_uncertainty(
        queries,
        candidates,
        k,
        kernel=kernel,
        lambda_=lambda_,
        objective=objective,
        relevance=relevance,
        replacement=replacement,
        alpha=alpha,
        min_gain=min_gain,
        costs=costs,
        budget=budget,
        per_cost=per_cost,
        groups=groups,
        ids=ids,
        device=device,
        backend=backend,
    )
    return selection


def select_with_uncertainty(
    queries: ArrayLike,
    candidates: ArrayLike,
    k: int,
    *,
    alpha: float | None = None,
    min_gain: float | None = None,
    backend: str | None = None,
    **options: Unpack[ProblemOptions],
) -> tuple[Selection[Any], Any]:
    """`select`, and what its picks leave of the uncertainty about the targets.

    For those who report it of "undirected" picks, too: they are made without a look at the targets,
    but tell of them as any others do.

    Args, Raises: as `select`.

    Returns:
        The selection, and σ² `[B, k + 1]` before and after every pick, as `Selection.variance`.
    """
    problem = build_problem(queries, candidates, k, **options)
    directed = problem.objective is not Objective.UNDIRECTED
    alpha = None if alpha is None else positive(alpha, "alpha")
    min_gain = None if min_gain is None else positive(min_gain, "min_gain")
    picks = choose(problem, backend)(problem)
    reasons = _reasons(problem, picks)
    picks, reasons = _stopped(picks, reasons, problem.targets.shape[1], alpha, min_gain)
    if problem.ids is not None:
        rows = problem.ids.gather(1, picks.indices.clamp_min(0))
        indices = torch.where(picks.indices >= 0, rows, -1)
        picks = Picks(indices=indices, gains=picks.gains, variance=picks.variance)

    home = home_of(candidates)

    def as_given(tensor: Tensor) -> Any:
        return tensor.cpu().numpy() if home is None else tensor.to(home)

    variance = as_given(picks.variance)
    selection = Selection(
        indices=as_given(picks.indices),
        variance=variance if directed else None,
        gains=as_given(picks.gains),
        stop_reason=tuple(reasons),
    )
    return selection, variance


def _reasons(problem: Problem, picks: Picks) -> list[StopReason]:
    """Why the backend ended each selection."""
    if min(picks.indices[:, -1].tolist()) >= 0:
        return [StopReason.K] * problem.batch
    made = (picks.indices >= 0).sum(dim=1).tolist()
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
    """Picks that each query's pool allows, whatever they cost."""
    if problem.groups is not None:
        rows = problem.groups
        if problem.ids is not None:
            return [len(row[ids >= 0].unique()) for row, ids in zip(rows, problem.ids, strict=True)]
        return [len(row.unique()) for row in rows]
    if problem.ids is not None:
        return [int(n) for n in (problem.ids >= 0).sum(dim=1)]
    return [problem.pool_size] * problem.batch


def _stopped(
    picks: Picks,
    reasons: list[StopReason],
    targets: int,
    alpha: float | None,
    min_gain: float | None,
) -> tuple[Picks, list[StopReason]]:
    """Cut every selection to the shortest prefix that a rule asks for."""
    if alpha is None and min_gain is None:
        return picks, reasons
    made = (picks.indices >= 0).sum(dim=1)
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
        made = torch.minimum(made, length)
        after = torch.arange(picks.gains.shape[1], device=made.device) >= made[:, None]
        last = picks.variance.gather(1, made[:, None])
        left = picks.variance[:, 1:].where(~after, last)
        picks = Picks(
            indices=picks.indices.masked_fill(after, -1),
            gains=picks.gains.masked_fill(after, 0.0),
            variance=torch.cat([picks.variance[:, :1], left], dim=1),
        )
    return picks, reasons
