"""From hits to a choice: the greedy selection that the rules ask for, and what each pick is worth.

The numbers of a pick can be compared between questions. With the objective "undirected" they are
in terms of the chance p that the evidence is there at all (`sift_retrievers.witnesses.evidence`):
the score s of a pick is p times its relevance relative to the best candidate times its novelty, its
gain ½ log(1 + s / λ′), and what the picks leave open is the product of 1 − s. With the other
objectives the gain is that of `select`, about the answer, and the score the share of σ² that a pick
takes.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch

from sift_retrievers.backends.problem import Objective
from sift_retrievers.coverage import Coverage, cover
from sift_retrievers.kernels import RelevanceWeighted, resolve_kernel
from sift_retrievers.ranking import falling_shares
from sift_retrievers.retrieval.rules import SelectionRules
from sift_retrievers.selection import Selection, SelectOptions, select_with_uncertainty
from sift_retrievers.stopping import StopReason, alpha_length
from sift_retrievers.witnesses import Relevance

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

NOTHING: Final = np.empty(0)


@dataclass(frozen=True)
class Choice:
    """What was chosen from n hits, and what each pick was worth."""

    picks: npt.NDArray[np.int64]
    """`[N]` positions among the hits, in selection order."""
    gains: Float64
    """`[N]` nats."""
    novelty: Float64
    """`[N]` 0…1: the share of what the pick says that the picks before it did not."""
    scores: Float64
    """`[N]` 0…1, strictly falling."""
    uncertainty: Float64 | None
    """`[N + 1]` before the first pick and after every one, 1 before the first; with the objectives
    about the answer σ², summed over the targets. None if there were no candidates."""
    similarities: Float64
    """`[n]` cosine of every hit to the query; of several targets, to the nearest."""
    candidates: npt.NDArray[np.bool_]
    """`[n]` which hits could be picked: those that reached the threshold and are not gone."""
    stop_reason: StopReason
    selection: Selection[npt.NDArray[Any]] | None = None
    """What `select` returned, where it made the choice."""


def choose(
    targets: Float32,
    vectors: Float32,
    k: int,
    rules: SelectionRules,
    relevance: Relevance,
    *,
    coverage: Coverage | None = None,
    costs: Float64 | None = None,
    parents: Sequence[Hashable] | None = None,
    gone: Sequence[int] = (),
) -> Choice:
    """Pick at most k of n hits.

    Args:
        targets: `[m, d]` the query's vector, or several.
        vectors: `[n, d]` of the hits, nearest first.
        k: passages wanted.
        rules: how.
        relevance: of the hits.
        coverage: of the hits' texts, for the kernel "phrases".
        costs: `[n]` tokens of the hits, where `rules.max_tokens` is set.
        parents: n keys, no two picks share one; None for a hit that has no parent.
        gone: positions of hits that are no candidates, since their documents are gone.
    """
    similarities = relevance.said["cosine"]
    candidates = np.ones(len(vectors), dtype=np.bool_)
    if rules.score_threshold is not None:
        candidates = similarities >= rules.score_threshold
    candidates[[*gone]] = False
    unlikely = rules.min_chance is not None and relevance.chance < rules.min_chance
    if unlikely or not candidates.any():
        reason = StopReason.MIN_CHANCE if unlikely else StopReason.EXHAUSTED
        none = np.empty(0, dtype=np.int64)
        return Choice(none, NOTHING, NOTHING, NOTHING, None, similarities, candidates, reason)
    groups = None if parents is None else _groups(parents)
    if coverage is not None:
        return _covering(k, rules, relevance, coverage, costs, groups, similarities, candidates)
    return _by_vectors(targets, vectors, k, rules, relevance, costs, groups, candidates)


def cosines(vectors: Float32, targets: Float32) -> Float64:
    """`[m, n]` cosine of every target `[m, d]` to every row `[n, d]`; 0 for zero rows."""
    x, q = vectors.astype(np.float64), targets.astype(np.float64)
    scale = np.sqrt(np.vecdot(x, x)) * np.sqrt(np.vecdot(q, q))[:, None]  # [m, n]
    products = np.vecdot(x, q[:, None])
    cosine = np.divide(products, scale, out=np.zeros_like(products), where=scale > 0)
    clipped: Float64 = cosine.clip(-1.0, 1.0)
    return clipped


def _covering(
    k: int,
    rules: SelectionRules,
    relevance: Relevance,
    coverage: Coverage,
    costs: Float64 | None,
    groups: npt.NDArray[np.int64] | None,
    similarities: Float64,
    candidates: npt.NDArray[np.bool_],
) -> Choice:
    assert rules.lambda_ is not None
    found = cover(
        coverage,
        relevance.total,
        k,
        lambda_=rules.lambda_,
        min_gain=rules.min_gain,
        min_novelty=rules.min_novelty,
        costs=costs,
        budget=rules.max_tokens,
        groups=groups,
        allowed=candidates,
    )
    left = np.concatenate([[1.0], np.cumprod(1 - found.variance)])
    made, reason = len(found.indices), found.stop_reason
    if rules.alpha is not None and made > 0:
        kept = int(alpha_length(torch.from_numpy(left)[None], 1, rules.alpha))
        if kept < made:
            made, reason = kept, StopReason.ALPHA
    return Choice(
        picks=found.indices[:made],
        gains=found.gains[:made],
        novelty=found.novelty[:made],
        scores=falling_shares(found.variance[:made]),
        uncertainty=left[: made + 1],
        similarities=similarities,
        candidates=candidates,
        stop_reason=reason,
    )


def _by_vectors(
    targets: Float32,
    vectors: Float32,
    k: int,
    rules: SelectionRules,
    relevance: Relevance,
    costs: Float64 | None,
    groups: npt.NDArray[np.int64] | None,
    candidates: npt.NDArray[np.bool_],
) -> Choice:
    """By `select`, on the vectors of the candidates."""
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
        selection, variance = select_with_uncertainty(queries, vectors, wanted, **options)
        made = int((selection.indices[0] >= 0).sum())
        at = selection.indices[0, :made]
        novelty = _novelty(vectors, at, options)
        known = novelty < (rules.min_novelty or 0.0)
        if not known.any():
            break
        repeats.append(int(at[known.argmax()]))
        options |= _too_dear(repeats, len(pool), options)
    gains = selection.gains[0, :made].astype(np.float64)
    reason = selection.stop_reason[0]
    if repeats and reason == StopReason.BUDGET and costs is None:
        reason = StopReason.MIN_NOVELTY
    if undirected:
        scores = np.minimum(level * rules.lambda_ * np.expm1(2 * gains), 1.0)
        gains = 0.5 * np.log1p(scores / rules.lambda_)
        uncertainty = np.concatenate([[1.0], np.cumprod(1 - scores)])
    else:
        scores = -np.expm1(-2 * gains)
        uncertainty = variance[0, : made + 1].astype(np.float64)
    return Choice(
        picks=pool[at],
        gains=gains,
        novelty=novelty,
        scores=falling_shares(scores),
        uncertainty=uncertainty,
        similarities=relevance.said["cosine"],
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
        alone = len(relevance.said) == 1  # the cosine, which the kernel brings to its own scale
        weight = relevance.said["cosine"] if alone else relevance.total
        options["relevance"] = weight[pool]
    return options


def _novelty(vectors: Float32, at: npt.NDArray[np.int64], options: SelectOptions) -> Float64:
    """`[N]` the share of its prior variance that each pick had left when it was picked.

    By Cholesky's recursion among the picks in their order; rounding never makes a variance
    negative.
    """
    if len(at) == 0:
        return NOTHING
    kernel = options["kernel"]
    base = kernel.base if isinstance(kernel, RelevanceWeighted) else resolve_kernel(kernel)
    assert not isinstance(base, RelevanceWeighted)
    x = base.features(torch.from_numpy(vectors[at].astype(np.float64))[None])
    gram = base(x, x)[0].numpy()
    if isinstance(kernel, RelevanceWeighted):
        rho = np.asarray(options["relevance"], dtype=np.float64)
        r = kernel.weights(torch.from_numpy(rho)[None])[0].numpy()[at]
        gram = gram * r * r[:, None]
    prior = gram.diagonal()
    noise = options["lambda_"]
    left, rows = prior.copy(), np.zeros_like(gram)
    for n in range(len(at)):
        known = gram[n] - rows[:n, n] @ rows[:n]
        most = np.sqrt(left[n]) * np.sqrt(left)  # by Cauchy and Schwarz, whatever rounding does
        rows[n] = row = known.clip(-most, most) / np.sqrt(left[n] + noise)
        left[n + 1 :] = (left[n + 1 :] - row[n + 1 :] ** 2).clip(min=0.0)
    share = np.divide(left, prior, out=np.zeros_like(left), where=prior > 0)
    novelty: Float64 = share.clip(0.0, 1.0)
    return novelty


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
        return 1e300
    return float(0.5 * np.log1p(np.expm1(2 * min_gain) / max(level, 1e-12)))


def _groups(parents: Sequence[Hashable]) -> npt.NDArray[np.int64]:
    """A number for every parent; each None gets one of its own."""
    numbers: dict[Hashable, int] = {}
    keys = (("orphan", i) if p is None else ("parent", p) for i, p in enumerate(parents))
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)
