"""Picking by `select`, which finds repetition in the vectors of the candidates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sift_retrievers.kernels.kernel import Kernel
from sift_retrievers.kernels.names import resolve_kernel
from sift_retrievers.ranking import falling_shares
from sift_retrievers.retrieval.candidates import Candidates
from sift_retrievers.retrieval.novelty import shares_left
from sift_retrievers.retrieval.picked import Picked
from sift_retrievers.selection import Selection, select
from sift_retrievers.selection.options import SelectOptions
from sift_retrievers.selection.precision import FLOAT64_NOISE_FLOOR
from sift_retrievers.selection.problem import Objective
from sift_retrievers.stop_reason import StopReason

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]


def pick_by_vectors(
    candidates: Candidates[Any], k: int, groups: npt.NDArray[np.int64] | None
) -> Picked:
    """Pick at most k of the candidates.

    Args:
        candidates: at least one of them must be allowed.
        k: passages wanted.
        groups: `[n]` a number for the parent of each hit; no two picks share one. None: no rule.
    """
    rules, relevance = candidates.rules, candidates.relevance
    pool = np.flatnonzero(candidates.allowed)
    undirected = rules.chosen_objective == Objective.UNDIRECTED
    level = relevance.chance if undirected else 1.0
    options = select_options(candidates, pool)
    if rules.min_gain is not None:
        options["min_gain"] = rules.min_gain
        if undirected:
            options["min_gain"] = _gain_in_select(rules.min_gain, level, rules.noise)
    costs = candidates.costs
    if costs is not None and rules.max_tokens is not None:
        options["costs"], options["budget"] = costs[pool], float(rules.max_tokens)
    if groups is not None:
        options["groups"] = groups[pool]
    vectors = candidates.hits.vectors
    vectors = vectors if len(pool) == len(vectors) else vectors[pool]
    # A single target is passed as a query [d], as a user would who repeats the selection.
    targets = candidates.targets
    queries = targets[0] if len(targets) == 1 else targets[None]
    if rules.alpha is not None:
        options["alpha"] = rules.alpha
    repeats: list[int] = []  # positions that are passed over, for lack of novelty
    # One more than there are candidates is enough to pick all and to report "exhausted".
    wanted = k if rules.replacement else min(k, len(vectors) + 1)
    while True:
        selection = _of_one_query(select(queries, vectors, wanted, **options))
        made = int((selection.indices >= 0).sum())
        at = selection.indices[:made]
        novelty = _novelty(vectors, at, options)
        known = novelty < (rules.min_novelty or 0.0)
        if not known.any():
            break
        repeats.append(int(at[known.argmax()]))
        options |= _barred(repeats, len(pool), options)
    gains = selection.gains[:made].astype(np.float64)
    reason = selection.stop_reason
    assert isinstance(reason, StopReason)
    if repeats and reason == StopReason.BUDGET and costs is None:
        reason = StopReason.MIN_NOVELTY
    if undirected:
        noise = max(rules.noise, FLOAT64_NOISE_FLOOR)  # as `select` has it
        scores = np.minimum(level * noise * np.expm1(2 * gains), 1.0)
        gains = 0.5 * np.log1p(scores / noise)
        uncertainty = np.concatenate([[1.0], np.cumprod(1 - scores)])
    else:
        scores = -np.expm1(-2 * gains)
        uncertainty = selection.variance[: made + 1].astype(np.float64)
    return Picked(
        positions=pool[at],
        gains=gains,
        novelty=novelty,
        scores=falling_shares(scores),
        uncertainty=uncertainty,
        stop_reason=reason,
        selection=selection,
    )


def select_options(candidates: Candidates[Any], pool: npt.NDArray[np.intp]) -> SelectOptions:
    """The options of `select` for the hits at these positions, without the stopping rules."""
    rules, relevance = candidates.rules, candidates.relevance
    kernel = resolve_kernel(rules.chosen_kernel)
    options = SelectOptions(
        kernel=kernel,
        lambda_=rules.noise,
        objective=rules.chosen_objective,
        replacement=rules.replacement,
        device=rules.device,
    )
    if kernel.weighs_relevance:
        # If the cosine is the only witness, the kernel standardises it.
        alone = len(relevance.scores_by_witness) == 1
        weight = candidates.cosines if alone else relevance.total
        options["relevance"] = weight[pool]
    return options


def _of_one_query(selection: Selection[Any]) -> Selection[Any]:
    """The selection of a batch of one query, without the batch dimension."""
    if selection.indices.ndim == 1:
        return selection
    assert isinstance(selection.stop_reason, tuple)
    return Selection(
        indices=selection.indices[0],
        variance=selection.variance[0],
        gains=selection.gains[0],
        stop_reason=selection.stop_reason[0],
    )


def _novelty(vectors: Float32, at: npt.NDArray[np.int64], options: SelectOptions) -> Float64:
    """`[N]` the share of its prior variance that each pick had left when it was picked."""
    kernel = options["kernel"]
    assert isinstance(kernel, Kernel)
    base, weighting = kernel.unweighted, kernel.weighting
    if len(at) == 0:
        return np.empty(0)
    picked = vectors[at].astype(np.float64)
    x = base.features(picked[None])
    gram = base(x, x)[0]
    if weighting is not None:
        rho = np.asarray(options["relevance"], dtype=np.float64)
        # A zero vector carries no information: `select` gives it the weight 0, too.
        r = weighting.weights(rho[None])[0][at] * picked.any(axis=1)
        gram = gram * r * r[:, None]
    return shares_left(gram, options["lambda_"])


def _barred(repeats: Sequence[int], count: int, options: SelectOptions) -> SelectOptions:
    """Costs and a budget by which `select` cannot pick the candidates at `repeats`."""
    given = options.get("costs")
    budget = options.get("budget", 0.5)
    costs = np.zeros(count) if given is None else np.array(given, dtype=np.float64)
    assert isinstance(budget, float)
    costs[[*repeats]] = budget + 1.0
    return SelectOptions(costs=costs, budget=budget)


def _gain_in_select(min_gain: float, level: float, noise: float) -> float:
    """The gain in `select` of a pick whose reported gain is `min_gain`."""
    if min_gain > 0.5 * np.log1p(1 / noise):  # of the score 1, the largest
        return 1e30  # more than float32 arithmetic gains
    return float(0.5 * np.log1p(np.expm1(2 * min_gain) / max(level, 1e-12)))
