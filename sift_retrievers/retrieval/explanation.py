"""`Explanation`: what a retrieval considered, what it chose, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from sift_retrievers.coverage import novelty_after
from sift_retrievers.retrieval.by_vectors import select_options
from sift_retrievers.selection import gains_after
from sift_retrievers.selection.problem import Objective
from sift_retrievers.stop_reason import StopReason
from sift_retrievers.witnesses.evidence import PROBABLY_MISSING

if TYPE_CHECKING:
    from sift_retrievers.retrieval.retrieval import Pick, Retrieval

Float64 = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

SNIPPET: Final = 60  # characters of a passage that a printed explanation shows
QUERY: Final = 200  # and of a query


@dataclass(frozen=True)
class ConsideredPassage:
    """One of the passages that the store offered."""

    id: str | None
    text: str
    similarity: float
    """Cosine to the query; of several targets, to the nearest."""
    relevance: float
    """ρ: the combined score of all witnesses, in standard deviations among the candidates."""
    witnesses: Mapping[str, float]
    """The score by each witness: "cosine"; BM25 of "grams", "words", "head_grams", "head_words";
    "pairs"; "share" of the question's words; "mention" by one of the best passages; "score" of the
    scorer or reranker."""
    rank: int | None
    """Place in the selection, from 0; None if it was not chosen."""
    information_gain: float | None
    """Nats that it added where it was picked; None if it was not chosen."""
    novelty: float | None
    """Share of what it says that the picks before it did not, 0…1; None if it was not chosen."""
    gain_alone: float | None
    """Nats that it would have added as the first pick: how much it tells by itself. None if it was
    no candidate."""
    gain_left: float | None
    """Nats that it would add after all that was chosen; None if it was, or was no candidate."""
    reason: str
    """Why it was chosen or not: "picked", "redundant" (more than half of what it tells by itself
    is known from the chosen), "adds less", "below the threshold", "below min_novelty", "its parent
    was picked", "over the budget", "evidence improbable" (the chance is below `min_chance`)."""


@dataclass(frozen=True)
class Explanation:
    """What a retriever did for one query. `print(explanation)` shows it as a table."""

    query: str
    targets: int
    """Number of vectors that stand for the query: 1, or that of the targets given."""
    passages: tuple[ConsideredPassage, ...]
    """All that was considered: the chosen in selection order, then the rest, nearest first."""
    stop_reason: str
    """Why there are not more: "k", "exhausted", "budget", "alpha", "min_gain", "min_novelty" or
    "min_chance"."""
    chance: float
    """Estimated probability that the evidence is among the candidates, 0…1."""
    vectors: str
    """How the vectors of the passages differ from those of the embedding model."""
    uncertainty: tuple[float, ...] | None
    """Before the first pick and after every one, as in `metadata["sift"]`; None if there was no
    candidate."""
    seconds: Mapping[str, float]
    """How long each stage took."""
    settings: Mapping[str, Any]
    """The settings that were in force."""

    @property
    def chosen(self) -> tuple[ConsideredPassage, ...]:
        """The chosen passages, in selection order."""
        return tuple(passage for passage in self.passages if passage.rank is not None)

    @property
    def probably_missing(self) -> bool:
        """Whether the evidence is probably not in the store."""
        return self.chance < PROBABLY_MISSING

    def __str__(self) -> str:
        times = ", ".join(f"{name} {1e3 * value:.1f} ms" for name, value in self.seconds.items())
        settings = ", ".join(f"{name}={value!r}" for name, value in self.settings.items())
        warned = ": probably not" if self.probably_missing else ""
        lines = [
            f"{_visible(self.query, QUERY)!r}: {len(self.chosen)} of {len(self.passages)} passages "
            f"(ended by {self.stop_reason})",
            f"settings: {settings}",
            f"vectors:  {self.vectors}",
            f"time:     {times}",
            f"chance that the evidence is there: {self.chance:.2f}{warned}",
            "",
            " rank  relevance  cosine  words  named  novel   gain     left     "
            "reason                 passage",
        ]
        for passage in self.passages:
            lines.append(
                f"{_cell(passage.rank, 5)}  {passage.relevance:9.2f}  {passage.similarity:6.3f}  "
                f"{_cell(passage.witnesses.get('share'), 5, 2)}  "
                f"{_cell(passage.witnesses.get('mention') or None, 5, 2)}  "
                f"{_cell(passage.novelty, 5, 2)}  "
                f"{_cell(passage.information_gain, 7)}  {_cell(passage.gain_left, 7)}  "
                f"{passage.reason:21}  {_visible(passage.text, SNIPPET)}"
            )
        return "\n".join(lines)


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


def _visible(text: str, most: int) -> str:
    """The beginning of a text on one line; control and bidirectional characters as escapes."""
    line = " ".join(text[: 4 * most].split())
    line = line if len(line) <= most else line[: most - 1] + "…"
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in line
    )


def _cell(value: float | None, width: int, digits: int = 4) -> str:
    if value is None:
        return " " * width
    return f"{value:{width}d}" if isinstance(value, int) else f"{value:{width}.{digits}f}"
