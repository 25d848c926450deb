"""`explain`: makes the `Explanation` of a finished retrieval."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from sift_retrievers.coverage import novelty_after
from sift_retrievers.kernels.names import resolve_kernel
from sift_retrievers.report.inputs import MOST, SelectionInputs
from sift_retrievers.retrieval.by_vectors import select_options
from sift_retrievers.retrieval.cosines import cosines
from sift_retrievers.retrieval.explanation import ConsideredPassage, Explanation
from sift_retrievers.retrieval.picking import numbered
from sift_retrievers.retrieval.rules import PHRASES
from sift_retrievers.retrieval.titles import titles_of
from sift_retrievers.selection import gains_after
from sift_retrievers.selection.problem import Objective
from sift_retrievers.stop_reason import StopReason

if TYPE_CHECKING:
    from sift_retrievers.retrieval.retrieval import Pick, Retrieval

Float64 = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

STOPPING: Final = ("alpha", "min_gain", "min_novelty", "min_chance", "max_tokens")
"""The rules that end a selection, or pass a candidate over."""


def explain(retrieval: Retrieval[Any], settings: Mapping[str, Any]) -> Explanation:
    """Explain a retrieval.

    Args:
        retrieval: a finished one.
        settings: those to show; None values are left out.
    """
    candidates, relevance = retrieval.candidates, retrieval.candidates.relevance
    hits = candidates.hits
    chosen: dict[int, Pick[Any]] = {}
    for one in retrieval.picks:
        chosen.setdefault(one.position, one)  # with replacement, as it was picked first
    alone, left = _gains(retrieval)
    why = _reasons(retrieval, left < alone / 2)
    passages = []
    for i in [*chosen, *(i for i in range(len(hits)) if i not in chosen)]:
        pick = chosen.get(i)
        allowed = bool(candidates.allowed[i])
        passages.append(
            ConsideredPassage(
                id=hits.ids[i],
                text=hits.texts[i],
                similarity=float(candidates.cosines[i]),
                relevance=float(relevance.total[i]),
                witnesses={
                    name: float(values[i]) for name, values in relevance.scores_by_witness.items()
                },
                rank=None if pick is None else pick.rank,
                information_gain=None if pick is None else pick.information_gain,
                novelty=None if pick is None else pick.novelty,
                gain_alone=float(alone[i]) if allowed else None,
                gain_left=float(left[i]) if pick is None and allowed else None,
                reason="picked" if pick is not None else why(i),
            )
        )
    uncertainty = retrieval.uncertainty
    return Explanation(
        query=retrieval.query,
        targets=len(candidates.targets),
        passages=tuple(passages),
        stop_reason=str(retrieval.stop_reason),
        chance=relevance.chance,
        vectors=hits.note or "as the embedding model gave them",
        uncertainty=None if uncertainty is None else tuple(uncertainty.tolist()),
        seconds=dict(retrieval.seconds),
        settings={name: value for name, value in settings.items() if value is not None},
        inputs=_inputs(retrieval),
    )


def _reasons(retrieval: Retrieval[Any], mostly_known: Bools) -> Callable[[int], str]:
    """Why a hit was not chosen."""
    candidates, rules = retrieval.candidates, retrieval.rules
    positions = [pick.position for pick in retrieval.picks]
    once = {*positions}
    too_little = np.zeros(len(candidates.hits), dtype=np.bool_)
    if candidates.coverage is not None and rules.min_novelty is not None:
        novelty = novelty_after(candidates.coverage, positions, rules.noise)
        too_little = novelty < rules.min_novelty
    costs, parents = candidates.costs, candidates.parents
    money = np.inf
    if costs is not None and rules.max_tokens is not None:
        money = rules.max_tokens - sum(costs[i] for i in once)
    used = set() if parents is None else {parents[i] for i in once}

    def why(i: int) -> str:
        if not candidates.allowed[i]:
            return "below the threshold"
        if retrieval.stop_reason == StopReason.MIN_CHANCE:
            return "evidence improbable"
        if parents is not None and parents[i] is not None and parents[i] in used:
            return "its parent was picked"
        if costs is not None and costs[i] > money:
            return "over the budget"
        if too_little[i]:
            return "below min_novelty"
        return "redundant" if mostly_known[i] else "adds less"

    return why


def _gains(retrieval: Retrieval[Any]) -> tuple[Float64, Float64]:
    """`[n]` nats that each hit would gain as the first pick, and after all that was chosen."""
    candidates, noise = retrieval.candidates, retrieval.rules.noise
    relevance, allowed = candidates.relevance, candidates.allowed
    alone, left = np.zeros(len(allowed)), np.zeros(len(allowed))
    pool = np.flatnonzero(allowed)
    if len(pool) == 0:
        return alone, left
    positions = [pick.position for pick in retrieval.picks]
    if candidates.coverage is not None:
        weights = candidates.coverage.relevance_weights(relevance.total, allowed)
        novelty = novelty_after(candidates.coverage, positions, noise)
        return 0.5 * np.log1p(weights / noise), 0.5 * np.log1p(weights * novelty / noise)
    options: dict[str, Any] = dict(select_options(candidates, pool))
    for name in ("replacement", "device"):
        options.pop(name)
    targets, vectors = candidates.targets[None], candidates.hits.vectors[pool]
    at = np.searchsorted(pool, positions).tolist()
    alone[pool] = gains_after(targets, vectors, [], **options)
    left[pool] = gains_after(targets, vectors, at, **options)
    if retrieval.rules.chosen_objective == Objective.UNDIRECTED:  # as the picks report them
        for gains in (alone, left):
            score = relevance.chance * noise * np.expm1(2 * gains)
            gains[:] = 0.5 * np.log1p(np.minimum(score, 1.0) / noise)
    return alone, left


def _inputs(retrieval: Retrieval[Any]) -> SelectionInputs | None:
    """What the selection was made from; None for more candidates than a page shows."""
    candidates, rules, hits = retrieval.candidates, retrieval.rules, retrieval.hits
    if len(hits) > MOST:
        return None
    by_phrases = candidates.coverage is not None or rules.chosen_kernel == PHRASES
    return SelectionInputs(
        questions=[target.text for target in retrieval.targets],
        targets=candidates.targets,
        vectors=hits.vectors,
        cosines=cosines(hits.vectors, candidates.targets),
        ids=[*hits.ids],
        texts=[*hits.texts],
        # A function of the caller is not called again.
        titles=candidates.titles if callable(rules.title) else titles_of(hits, rules.title),
        allowed=candidates.allowed,
        scores=candidates.relevance.scores_by_witness.get("score"),
        costs=candidates.costs,
        groups=None if candidates.parents is None else numbered(candidates.parents),
        k=retrieval.k,
        lambda_=rules.noise,
        objective=str(rules.chosen_objective),
        weights={name: getattr(rules.witnesses, name) for name in ("vectors", "words", "scores")},
        kernel=None if by_phrases else resolve_kernel(rules.chosen_kernel),
        replacement=rules.replacement,
        stopping={name: getattr(rules, name) for name in STOPPING},
    )
