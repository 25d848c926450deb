"""The choice by `select`, which sees repetition in the vectors of the candidates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sift_retrievers.kernels import RelevanceWeighted, resolve_kernel
from sift_retrievers.ranking import falling_shares
from sift_retrievers.retrieval.choice import Choice
from sift_retrievers.retrieval.novelty import shares_left
from sift_retrievers.retrieval.rules import SelectionRules
from sift_retrievers.selection import (
    FLOAT64_NOISE_FLOOR,
    Objective,
    Selection,
    SelectOptions,
    select,
)
from sift_retrievers.stop_reason import StopReason
from sift_retrievers.witnesses import Relevance

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]


def choose_by_vectors(
    targets: Float32,
    vectors: Float32,
    k: int,
    rules: SelectionRules,
    relevance: Relevance,
    costs: Float64 | None,
    groups: npt.NDArray[np.int64] | None,
    candidates: npt.NDArray[np.bool_],
) -> Choice:
    """As `choose`; groups are numbers, `candidates` says who may be picked."""
    assert rules.lambda_ is not None
    pool = np.flatnonzero(candidates)
    undirected = rules.objective == Objective.UNDIRECTED
    level = relevance.chance if undirected else 1.0
    options = select_options(rules, relevance, pool)
    if rules.min_gain is not None:
        options["min_gain"] = rules.min_gain
        if undirected:
            options["min_gain"] = _unscaled(rules.min_gain, level, rules.lambda_)
    if costs is not None and rules.max_tokens is not None:
        options["costs"], options["budget"] = costs[pool], float(rules.max_tokens)
    if groups is not None:
        options["groups"] = groups[pool]
    vectors = vectors if len(pool) == len(vectors) else vectors[pool]
    # One target goes as a query of its own: [d], as anyone would repeat it.
    queries = targets[0] if len(targets) == 1 else targets[None]
    if rules.alpha is not None:
        options["alpha"] = rules.alpha
    repeats: list[int] = []  # which are passed over
    # One more than there are is as good as any number: it ends where nothing is left.
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
        options |= _too_dear(repeats, len(pool), options)
    gains = selection.gains[:made].astype(np.float64)
    reason = selection.stop_reason
    assert isinstance(reason, StopReason)
    if repeats and reason == StopReason.BUDGET and costs is None:
        reason = StopReason.MIN_NOVELTY
    if undirected:
        noise = max(rules.lambda_, FLOAT64_NOISE_FLOOR)  # as `select` has it
        scores = np.minimum(level * noise * np.expm1(2 * gains), 1.0)
        gains = 0.5 * np.log1p(scores / noise)
        uncertainty = np.concatenate([[1.0], np.cumprod(1 - scores)])
    else:
        scores = -np.expm1(-2 * gains)
        uncertainty = selection.variance[: made + 1].astype(np.float64)
    return Choice(
        picks=pool[at],
        gains=gains,
        novelty=novelty,
        scores=falling_shares(scores),
        uncertainty=uncertainty,
        similarities=relevance.scores_by_witness["cosine"],
        candidates=candidates,
        stop_reason=reason,
        selection=selection,
    )


def select_options(
    rules: SelectionRules, relevance: Relevance, pool: npt.NDArray[np.intp]
) -> SelectOptions:
    """What `select` is given for the hits of a pool, without the rules of stopping."""
    assert rules.lambda_ is not None
    assert rules.objective is not None
    kernel = resolve_kernel(rules.kernel)  # type: ignore[arg-type]  # None was filled in
    options = SelectOptions(
        kernel=kernel,
        lambda_=rules.lambda_,
        objective=rules.objective,
        replacement=rules.replacement,
        device=rules.device,
    )
    if isinstance(kernel, RelevanceWeighted):
        # The cosine alone: the kernel brings it to its own scale.
        alone = len(relevance.scores_by_witness) == 1
        weight = relevance.scores_by_witness["cosine"] if alone else relevance.total
        options["relevance"] = weight[pool]
    return options


def _of_one_query(selection: Selection[Any]) -> Selection[Any]:
    """The selection of the only query of a batch; several targets make one query of a batch."""
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
    base = kernel.base if isinstance(kernel, RelevanceWeighted) else resolve_kernel(kernel)
    assert not isinstance(base, RelevanceWeighted)
    if len(at) == 0:
        return np.empty(0)
    picked = vectors[at].astype(np.float64)
    x = base.features(picked[None])
    gram = base(x, x)[0]
    if isinstance(kernel, RelevanceWeighted):
        rho = np.asarray(options["relevance"], dtype=np.float64)
        # A vector of length 0 says nothing; `select` gives it no weight either.
        r = kernel.weights(rho[None])[0][at] * picked.any(axis=1)
        gram = gram * r * r[:, None]
    return shares_left(gram, options["lambda_"])


def _too_dear(repeats: Sequence[int], count: int, options: SelectOptions) -> SelectOptions:
    """Costs and a budget that bar some of the candidates, and leave all else as it is."""
    given = options.get("costs")
    budget = options.get("budget", 0.5)
    costs = np.zeros(count) if given is None else np.array(given, dtype=np.float64)
    assert isinstance(budget, float)
    costs[[*repeats]] = budget + 1.0
    return SelectOptions(costs=costs, budget=budget)


def _unscaled(min_gain: float, level: float, noise: float) -> float:
    """The gain that `select` sees where the gain that is reported is `min_gain`."""
    if min_gain > 0.5 * np.log1p(1 / noise):  # of the score 1, the largest
        return 1e30  # more than float32 arithmetic gains
    return float(0.5 * np.log1p(np.expm1(2 * min_gain) / max(level, 1e-12)))
