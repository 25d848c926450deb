"""`Explanation`: one retrieval laid open: what was considered, what was chosen, and why."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from sift_retrievers.coverage import Coverage, novelty_after
from sift_retrievers.retrieval.by_vectors import Float32, Float64, select_options
from sift_retrievers.retrieval.choice import Choice
from sift_retrievers.retrieval.rules import SelectionRules
from sift_retrievers.selection import Objective, gains_after
from sift_retrievers.stop_reason import StopReason
from sift_retrievers.witnesses import Relevance
from sift_retrievers.witnesses.evidence import PROBABLY_MISSING

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
    """ρ: what all witnesses together say, in standard deviations among the candidates."""
    witnesses: Mapping[str, float]
    """What each says: "cosine", BM25 of "grams", "words", "head_grams" and "head_words", "pairs",
    "share" of the question's words, "mention" by one of the best passages, "score" of a judge."""
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
    was picked", "over the budget", "gone from the store", "evidence improbable" (the chance is
    below `min_chance`)."""


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
    """That the evidence is among the candidates, as far as the witnesses tell: 0…1."""
    vectors: str
    """Where the vectors of the passages came from, and in what they differ from the model's."""
    uncertainty: tuple[float, ...] | None
    """Before the first pick and after every one, as `metadata["sift"]` says it; None if there was
    no candidate."""
    seconds: Mapping[str, float]
    """How long each stage took."""
    settings: Mapping[str, Any]
    """What shaped the selection."""

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


def explain(
    query: str,
    targets: Float32,
    vectors: Float32,
    choice: Choice,
    rules: SelectionRules,
    relevance: Relevance,
    *,
    coverage: Coverage | None,
    costs: Float64 | None,
    ids: Sequence[str | None],
    texts: Sequence[str],
    parents: Sequence[Hashable] | None,
    gone: Collection[int],
    source: str,
    seconds: Mapping[str, float],
    settings: Mapping[str, Any],
) -> Explanation:
    """Explain a choice among n hits.

    Args:
        query: as the user put it.
        targets: `[m, d]`.
        vectors: `[n, d]` of the hits, from which `choose` made the choice.
        choice: what was chosen.
        rules: by which.
        relevance: of the hits.
        coverage: of the hits' texts, where they were looked at for repetition.
        costs: `[n]` tokens of the hits, where they were counted.
        ids: n.
        texts: n.
        parents: n keys, as `choose` takes them.
        gone: positions of hits that are gone from the store.
        source: where the vectors came from, in words.
        seconds: time of each stage.
        settings: what to show of the settings.
    """
    ranks: dict[int, int] = {}
    for place, pick in enumerate(choice.picks.tolist()):
        ranks.setdefault(pick, place)  # with replacement, where it was picked first
    alone, left = _gains(targets, vectors, choice, rules, relevance, coverage)
    repeated = np.zeros(len(vectors), dtype=np.bool_)
    if coverage is not None and rules.min_novelty is not None and rules.lambda_ is not None:
        novelty = novelty_after(coverage, choice.picks.tolist(), rules.lambda_)
        repeated = novelty < rules.min_novelty
    money = np.inf
    if costs is not None and rules.max_tokens is not None:
        money = rules.max_tokens - sum(costs[i] for i in ranks)
    used = set() if parents is None else {parents[i] for i in ranks}
    passages = []
    for i in [*ranks, *(i for i in range(len(vectors)) if i not in ranks)]:
        rank = ranks.get(i)
        if rank is not None:
            reason = "picked"
        elif i in gone:
            reason = "gone from the store"
        elif not choice.candidates[i]:
            reason = "below the threshold"
        elif choice.stop_reason == StopReason.MIN_CHANCE:
            reason = "evidence improbable"
        elif parents is not None and parents[i] is not None and parents[i] in used:
            reason = "its parent was picked"
        elif costs is not None and costs[i] > money:
            reason = "over the budget"
        elif repeated[i]:
            reason = "below min_novelty"
        elif left[i] < alone[i] / 2:
            reason = "redundant"
        else:
            reason = "adds less"
        passages.append(
            ConsideredPassage(
                id=ids[i],
                text=texts[i],
                similarity=float(choice.similarities[i]),
                relevance=float(relevance.total[i]),
                witnesses={
                    name: float(values[i]) for name, values in relevance.scores_by_witness.items()
                },
                rank=rank,
                information_gain=None if rank is None else float(choice.gains[rank]),
                novelty=None if rank is None else float(choice.novelty[rank]),
                gain_alone=float(alone[i]) if choice.candidates[i] else None,
                gain_left=float(left[i]) if rank is None and choice.candidates[i] else None,
                reason=reason,
            )
        )
    return Explanation(
        query=query,
        targets=len(targets),
        passages=tuple(passages),
        stop_reason=str(choice.stop_reason),
        chance=relevance.chance,
        vectors=source,
        uncertainty=None if choice.uncertainty is None else tuple(choice.uncertainty.tolist()),
        seconds=dict(seconds),
        settings=dict(settings),
    )


def _gains(
    targets: Float32,
    vectors: Float32,
    choice: Choice,
    rules: SelectionRules,
    relevance: Relevance,
    coverage: Coverage | None,
) -> tuple[Float64, Float64]:
    """`[n]` nats that each hit would gain as the first pick, and after all that was chosen."""
    assert rules.lambda_ is not None
    alone, left = np.zeros(len(vectors)), np.zeros(len(vectors))
    pool = np.flatnonzero(choice.candidates)
    if len(pool) == 0:
        return alone, left
    if coverage is not None:
        weights = coverage.relevance_weights(relevance.total, choice.candidates)
        novelty = novelty_after(coverage, choice.picks.tolist(), rules.lambda_)
        return (
            0.5 * np.log1p(weights / rules.lambda_),
            0.5 * np.log1p(weights * novelty / rules.lambda_),
        )
    options: dict[str, Any] = dict(select_options(rules, relevance, pool))
    for name in ("replacement", "device"):
        options.pop(name)
    at = np.searchsorted(pool, choice.picks).tolist()
    alone[pool] = gains_after(targets[None], vectors[pool], [], **options)
    left[pool] = gains_after(targets[None], vectors[pool], at, **options)
    if rules.objective == Objective.UNDIRECTED:  # as `choose` reports them
        for gains in (alone, left):
            score = relevance.chance * rules.lambda_ * np.expm1(2 * gains)
            gains[:] = 0.5 * np.log1p(np.minimum(score, 1.0) / rules.lambda_)
    return alone, left


def _visible(text: str, most: int) -> str:
    """The beginning of a text on one line; what steers a terminal or a direction is spelled out."""
    line = " ".join(text[: 4 * most].split())
    line = line if len(line) <= most else line[: most - 1] + "…"
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in line
    )


def _cell(value: float | None, width: int, digits: int = 4) -> str:
    if value is None:
        return " " * width
    return f"{value:{width}d}" if isinstance(value, int) else f"{value:{width}.{digits}f}"
