"""`select`: greedy selection of passages by information gain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Unpack, cast, overload

import numpy.typing as npt

from sift_retrievers.arrays import ArrayLike, home_of
from sift_retrievers.coverage import Coverage
from sift_retrievers.kernels.names import KernelLike
from sift_retrievers.selection.arguments import build_problem
from sift_retrievers.selection.coverage_selection import select_covering
from sift_retrievers.selection.given_similarities import is_matrix, select_by_similarities
from sift_retrievers.selection.one_call import select_in_one_call
from sift_retrievers.selection.options import SelectOptions
from sift_retrievers.selection.result import Selection, is_one, selection_of
from sift_retrievers.selection.solvers.dispatch import choose
from sift_retrievers.validation import positive

if TYPE_CHECKING:
    import torch
    from torch import Tensor


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
    kernel: KernelLike | Coverage | ArrayLike = "cosine",
    lambda_: float = 1.0,
    objective: str = "variance",
    relevance: ArrayLike | None = None,
    replacement: bool = False,
    alpha: float | None = None,
    min_gain: float | None = None,
    costs: ArrayLike | None = None,
    budget: float | ArrayLike | None = None,
    groups: ArrayLike | None = None,
    ids: ArrayLike | None = None,
    device: str | torch.device | None = None,
    solver: str | None = None,
) -> Selection[Any]:
    """Pick, one at a time, the k candidates that tell most about the answer to a query.

    SIFT(λ′) of arXiv 2410.08020, exact and greedy. The rules are in
    `sift_retrievers.selection.solvers.reference`.

    Args:
        queries: `[d]` one query, `[B, d]` one target each for B queries, or `[B, m, d]` m targets
            each. Lists, numpy or torch.
        candidates: `[K, d]` one pool shared by all queries, or `[B, K, d]` a pool each. Put the
            nearest first: equal scores go to the lowest index.
        k: passages to pick for each query, at least 1. Where there are fewer candidates, all of
            them are picked, and the arrays are padded to k (not if k is above 65,536).
        kernel: what "similar" means. A name: "cosine" (the paper's), "linear", "exponential",
            "shared_noise" or "relevance"; a kernel of `sift_retrievers.kernels`; or a `Kernel` of
            your own. For one query also a `Coverage`, which sees repetition in what the candidates
            consist of, the phrases of their texts
            (`sift_retrievers.witnesses.phrase_coverage`); or the similarities of the candidates
            themselves, `[K, K]`, symmetric and from −1 to 1, with 1 (or 0) on the diagonal. Both
            are weighted by relevance as "relevance" is, and their objective is "undirected".
        lambda_: λ′ > 0, the variance of the observation noise in units of the kernel (cosine: a
            passage has prior variance 1). Small values punish redundancy hard, large ones tend to
            the nearest neighbours. The least that float64 resolves is 16 ε times the largest prior
            variance; smaller values count as that.
        objective: "variance" (SIFT; several targets: VTL, the sum of their variances), "entropy"
            (ITL, the information about all targets jointly; the same picks for one target) or
            "undirected" (information about the surrogate itself; the query enters through the
            kernel "relevance" only).
        relevance: `[K]` or `[B, K]` relevance of each candidate, in place of its cosine to the
            query; for the kernel "relevance", similarities and a `Coverage`.
        replacement: allow a passage to be picked again (a further gradient step, as in the paper).
        alpha: stop by the α rule of adaptive SIFT (`selection.stopping.alpha_length`), by the
            uncertainty about the targets, whatever the objective.
        min_gain: stop before the first pick that gains less, in nats; possibly before the first.
        costs: `[K]` or `[B, K]` cost of each candidate, tokens say, not negative.
        budget: what may be spent, one number or `[B]`. A candidate that costs more than what is
            left is passed over.
        groups: `[K]` or `[B, K]` whole numbers: no two picks come from candidates of one group,
            the chunks of one document, say.
        ids: `[B, K]`, or `[K]` for one query: rows of `candidates` `[N, d]` that each query may
            pick from, −1 for none; a row that is listed twice may be picked twice. The cost does
            not depend on N. `indices` then holds rows of the matrix.
        device: where to compute; default: where the candidates are. The arrays of the result are
            where the candidates are.
        solver: "compiled", "numpy", "fused" or "reference", to compare them; default: the one that
            `sift_retrievers.selection.solvers.dispatch` chooses.

    Returns:
        A `Selection` with arrays of the kind of `candidates`, in the shape of `queries`. They are
        float32; float64 if either input is, for "entropy" with several targets, and where float32
        is not exact enough (λ′ below 1e-5 of the largest prior variance, say).

    Raises:
        ValueError: for a shape that does not fit, k < 1, λ′ that is not positive and finite, values
            that are NaN, infinite, masked or out of range, a query without length, a device that
            is not available, options that do not go together, or a kernel whose results are not
            covariances.
        TypeError: for values that are not real numbers, or a kernel that is not a kernel.
        ImportError: for tensors without the extra `torch`, or a solver that is not available.
    """
    plain = (
        replacement is False
        and alpha is None
        and min_gain is None
        and costs is None
        and budget is None
        and groups is None
        and ids is None
        and device is None
        and solver is None
    )
    if plain:
        found = select_in_one_call(queries, candidates, k, kernel, lambda_, objective, relevance)
        if found is not None:
            return found
    alpha = None if alpha is None else positive(alpha, "alpha")
    min_gain = None if min_gain is None else positive(min_gain, "min_gain")
    # All keyword arguments under their names, so that they are listed in the signature only.
    given = {name: value for name, value in locals().items() if name in _OPTIONS}
    options = cast("SelectOptions", given)
    if isinstance(kernel, Coverage):
        return select_covering(kernel, queries, candidates, k, **options)
    if is_matrix(kernel):
        problem, picks = select_by_similarities(kernel, queries, candidates, k, **options)
    else:
        problem = build_problem(queries, candidates, k, **options)
        picks = choose(problem, solver)(problem)
    single, home = is_one(queries), home_of(candidates)
    return selection_of(problem, picks, alpha=alpha, min_gain=min_gain, single=single, home=home)


_OPTIONS: Final = frozenset(SelectOptions.__annotations__)
