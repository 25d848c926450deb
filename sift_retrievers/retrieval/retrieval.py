"""`retrieve`: chooses from a store's hits; `Retrieval`: the result, with its `Pick`s."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from sift_retrievers.retrieval.candidates import Candidates, candidates_of
from sift_retrievers.retrieval.hits import Hits
from sift_retrievers.retrieval.picking import pick
from sift_retrievers.retrieval.rules import SelectionRules
from sift_retrievers.retrieval.target import Target
from sift_retrievers.selection.result import Selection
from sift_retrievers.stop_reason import StopReason
from sift_retrievers.validation import count

if TYPE_CHECKING:
    from sift_retrievers.retrieval.explanation import Explanation

DocumentT = TypeVar("DocumentT")


@dataclass(frozen=True, slots=True)
class Pick(Generic[DocumentT]):
    """One chosen passage, and what it was worth."""

    document: DocumentT
    """May be the store's own object: copy it before you change it."""
    position: int
    """Among the hits."""
    id: str | None
    text: str
    rank: int
    """Place in the selection, from 0."""
    information_gain: float
    """Nats that it added, comparable between questions."""
    novelty: float
    """Share of what it says that the picks before it did not, 0…1."""
    uncertainty: float
    """The uncertainty that is left after it. Before the first pick it is 1 (with an objective about
    the answer and m targets: m)."""
    similarity: float
    """Cosine to the query; of several targets, to the nearest."""
    witnesses: Mapping[str, float]
    """Its score by each witness, see `ConsideredPassage.witnesses`."""
    relevance_score: float
    """0…1, strictly falling in selection order."""
    evidence_chance: float
    """Estimated probability that the evidence is among the candidates, 0…1; equal for all picks."""
    evidence_probably_missing: bool
    """Whether that chance is small."""
    vectors: str | None
    """How the stored vectors differ from the embedding model's; None if they do not."""

    def numbers(self) -> dict[str, Any]:
        """The numbers that a retriever writes into the metadata of the returned document.

        `rank`, `information_gain`, `novelty`, `uncertainty`, `similarity`; if words were compared,
        `word_share`, the share of the question's words that the passage has, rare words weighing
        more; `evidence_chance`, `evidence_probably_missing`; `vectors`, if they differ from the
        model's; last `relevance_score`.
        """
        numbers: dict[str, Any] = {
            "rank": self.rank,
            "information_gain": self.information_gain,
            "novelty": self.novelty,
            "uncertainty": self.uncertainty,
            "similarity": self.similarity,
        }
        if "share" in self.witnesses:
            numbers["word_share"] = self.witnesses["share"]
        numbers["evidence_chance"] = self.evidence_chance
        numbers["evidence_probably_missing"] = self.evidence_probably_missing
        if self.vectors is not None:
            numbers["vectors"] = self.vectors
        numbers["relevance_score"] = self.relevance_score
        return numbers


@dataclass(frozen=True)
class Retrieval(Generic[DocumentT]):
    """The result of a retrieval for one query. Nothing more is read from the store."""

    query: str
    targets: Sequence[Target]
    k: int
    """The largest number of passages to choose."""
    picks: tuple[Pick[DocumentT], ...]
    """In selection order; with replacement one passage may stand there several times."""
    stop_reason: StopReason
    """Why there are not more."""
    uncertainty: npt.NDArray[np.float64] | None
    """`[N + 1]` before the first pick, where it is 1, and after every pick. With the objectives
    about the answer it is σ², summed over the targets. None if there was no candidate."""
    candidates: Candidates[DocumentT]
    """The candidates that were chosen from."""
    selection: Selection[npt.NDArray[Any]] | None
    """The result of `select`, without a batch dimension; None if phrases decided, or nothing could
    be picked. Its indices are positions among the allowed candidates only."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """How long each stage took, by its name."""

    @property
    def hits(self) -> Hits[DocumentT]:
        """The hits of the store."""
        return self.candidates.hits

    @property
    def rules(self) -> SelectionRules:
        """The rules that were applied."""
        return self.candidates.rules

    @property
    def chance(self) -> float:
        """Estimated probability that the evidence is among the candidates, 0…1."""
        return self.candidates.relevance.chance

    @property
    def probably_missing(self) -> bool:
        """Whether the evidence is probably not in the store."""
        return self.candidates.relevance.probably_missing

    def explanation(self, **settings: Any) -> Explanation:
        """All that was considered, and why it was chosen or not.

        Args:
            **settings: shown where they are not None.
        """
        from sift_retrievers.retrieval.explaining import explain  # not needed to retrieve

        return explain(self, settings)

    def for_training(self, steps: int, lambda_: float | None = None) -> Retrieval[DocumentT]:
        """A second selection from the same hits: the passages to train on.

        Args:
            steps: passages to choose, repeated ones counted; each is one gradient step.
            lambda_: λ′ of a selection as in SIFT's paper, by the cosine and with replacement. None:
                the rules of this retrieval, without those that limit what the model is shown.
        """
        if lambda_ is None:
            candidates = replace(self.candidates, rules=self.rules.without_limits())
            return choose(self.query, self.targets, candidates, steps)
        rules = SelectionRules(
            kernel="cosine",
            lambda_=lambda_,
            replacement=True,
            device=self.rules.device,
            score_threshold=self.rules.score_threshold,
        )
        return retrieve(self.query, self.targets, self.hits, steps, rules)

    def trace(self) -> dict[str, Any]:
        """What a trace shows of the selection."""
        return {
            "ids": [one.id for one in self.picks],
            "information_gain": [one.information_gain for one in self.picks],
            "stop_reason": str(self.stop_reason),
        }


def retrieve(
    query: str,
    targets: Sequence[Target],
    hits: Hits[DocumentT],
    k: int,
    rules: SelectionRules,
    scores: Any = None,
    seconds: Mapping[str, float] | None = None,
) -> Retrieval[DocumentT]:
    """Choose from a store's hits.

    Args:
        query: the text of the question; a scorer among the witnesses is given it.
        targets: m vectors that stand for the query, each with its text if it has one. Usually one:
            the query itself.
        hits: n, nearest first.
        k: the largest number of passages to choose, at least 1.
        rules: how to choose.
        scores: `[n]` scores that a reranker gave the hits, on any scale; None: there are none.
        seconds: how long embedding and fetching took, for `Retrieval.seconds`. The mapping is kept,
            not copied, so stages may be added until the explanation is made.

    Raises:
        ValueError: for k < 1, no target, vectors of different lengths, or vectors, scores or token
            counts that are not finite.
        TypeError: if targets, hits or rules are of another type.
    """
    k = count(k, "k", largest=None)
    if not isinstance(rules, SelectionRules):
        raise TypeError(f"rules must be SelectionRules; got {type(rules).__name__}")
    candidates = candidates_of(query, targets, hits, rules, scores)
    return choose(query, targets, candidates, k, seconds)


def choose(
    query: str,
    targets: Sequence[Target],
    candidates: Candidates[DocumentT],
    k: int,
    seconds: Mapping[str, float] | None = None,
) -> Retrieval[DocumentT]:
    """Choose from candidates that are known already, by their rules.

    Args:
        query: the text of the question.
        targets: the vectors that stand for it.
        candidates: of the query.
        k: the largest number of passages to choose.
        seconds: as for `retrieve`.
    """
    hits = candidates.hits
    picked = pick(candidates, k)
    positions = picked.positions.tolist()
    documents = {i: hits.document(i) for i in dict.fromkeys(positions)}
    columns = {
        name: values[picked.positions].tolist()
        for name, values in candidates.relevance.scores_by_witness.items()
    }
    relevance = candidates.relevance
    rows = zip(
        positions,
        picked.gains.tolist(),
        picked.novelty.tolist(),
        () if picked.uncertainty is None else picked.uncertainty[1:].tolist(),
        picked.scores.tolist(),
        strict=True,
    )
    return Retrieval(
        query=query,
        targets=targets,
        k=k,
        picks=tuple(
            Pick(
                document=documents[i],
                position=i,
                id=hits.ids[i],
                text=hits.texts[i],
                rank=rank,
                information_gain=gain,
                novelty=novelty,
                uncertainty=uncertainty,
                similarity=columns["cosine"][rank],
                witnesses={name: column[rank] for name, column in columns.items()},
                relevance_score=score,
                evidence_chance=relevance.chance,
                evidence_probably_missing=relevance.probably_missing,
                vectors=hits.note,
            )
            for rank, (i, gain, novelty, uncertainty, score) in enumerate(rows)
        ),
        stop_reason=picked.stop_reason,
        uncertainty=picked.uncertainty,
        candidates=candidates,
        selection=picked.selection,
        seconds={} if seconds is None else seconds,
    )
