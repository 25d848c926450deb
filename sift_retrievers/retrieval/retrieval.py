"""One retrieval: what was asked, what the store offered, what was chosen from it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from numbers import Real
from typing import Any, Final, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from sift_retrievers.coverage import Coverage
from sift_retrievers.once import once
from sift_retrievers.retrieval.choice import Choice
from sift_retrievers.retrieval.choosing import choose
from sift_retrievers.retrieval.cosines import cosines
from sift_retrievers.retrieval.explanation import Explanation, explain
from sift_retrievers.retrieval.hits import Hits
from sift_retrievers.retrieval.rules import PHRASES, VECTORS, SelectionRules
from sift_retrievers.retrieval.target import Target
from sift_retrievers.retrieval.titles import Metadata
from sift_retrievers.witnesses import Relevance
from sift_retrievers.witnesses.phrases import coverage_from_terms
from sift_retrievers.witnesses.relevance import combine_witnesses
from sift_retrievers.witnesses.scorer import checked_scores
from sift_retrievers.witnesses.term_cache import TermCache
from sift_retrievers.witnesses.texts import PassageTexts

T = TypeVar("T")
DocumentT = TypeVar("DocumentT")

TERMS: Final = TermCache()
"""The terms of the texts read last, of all retrievers of the process: 64 MiB at most."""


@dataclass(frozen=True)
class Outcome(Generic[DocumentT]):
    """What was chosen, and the documents of the picks."""

    choice: Choice
    documents: list[DocumentT]
    """N, in selection order."""


@dataclass(frozen=True)
class Retrieval(Generic[DocumentT]):
    """A choice from a store's hits, with all that led to it."""

    query: str
    targets: Sequence[Target]
    hits: Hits[DocumentT]
    k: int
    """Passages to choose at most."""
    rules: SelectionRules
    text: Callable[[DocumentT], str]
    """The text of a document, for those who read, count or show it."""
    title: Callable[[DocumentT], str | None] | None = None
    """The title of a document, which is read above its text; None: there are none."""
    titles_in: Callable[[Sequence[Metadata]], list[str | None]] | None = None
    """The same of many at once, by their metadata alone; None: that takes the documents."""
    metadata: Callable[[DocumentT], Metadata] | None = None
    """The metadata of a document, for `titles_in`."""
    parent: Callable[[DocumentT], Any] | None = None
    """No two chosen documents have the same parent; None for a document without one."""
    scores: npt.NDArray[np.float64] | None = None
    """`[n]` what a further witness said of the hits, a reranker say."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """How long each stage took."""

    def complete(self) -> dict[str, Any]:
        """Make the choice and read the chosen documents from the store.

        Everything after this works in memory. Returns what a trace shows of the selection.
        """
        choice = self.outcome.choice
        return {
            "ids": [self.hits.ids[i] for i in choice.picks.tolist()],
            "information_gain": choice.gains.tolist(),
            "stop_reason": str(choice.stop_reason),
        }

    @once
    def outcome(self) -> Outcome[DocumentT]:
        """What was chosen.

        If a chosen document is gone from the store by the time it is read, the choice is made again
        without it.
        """
        gone: set[int] = set()
        if "_candidates" in self.__dict__ or self._looks_at_documents:
            gone = {*self._gone}
        while True:
            choice = choose(
                self._vectors,
                self.hits.vectors,
                self.k,
                self.applied,
                self.judged,
                coverage=self.coverage,
                costs=self._costs,
                parents=self._parents,
                gone=sorted(gone),
            )
            picks = choice.picks.tolist()
            found = self._read(picks)
            missing = {i for i, d in zip(picks, found, strict=True) if d is None}
            if not missing:
                return Outcome(choice, [document for document in found if document is not None])
            gone |= missing

    @once
    def applied(self) -> SelectionRules:
        """The rules; where no hit has a text, those of the vectors alone."""
        if self.rules.kernel != PHRASES or self._passages is not None or len(self.hits) == 0:
            return self.rules
        return replace(self.rules, relevance=None, kernel=VECTORS, lambda_=None, objective=None)

    @once
    def judged(self) -> Relevance:
        """What the witnesses say of the hits."""
        witnesses = self.rules.witnesses
        scores = self.scores
        if scores is None and witnesses.scorer is not None and len(self.hits) > 0:
            given = witnesses.scorer(self._question, [*self._texts])
            scores = checked_scores(given, len(self.hits))
        elif scores is not None:
            scores = checked_scores(scores, len(self.hits))
        return combine_witnesses(
            cosines(self.hits.vectors, self._vectors),
            [target.text for target in self.targets],
            self._passages,
            witnesses,
            scores,
        )

    @property
    def _question(self) -> str:
        """What a judge is asked: the query, or the texts that stand for it."""
        texts = (target.text for target in self.targets)
        return self.query or " ".join(text for text in texts if text)

    @once
    def coverage(self) -> Coverage | None:
        """The phrases of the hits, where repetition is seen in the texts."""
        if self.applied.kernel != PHRASES or self._passages is None:
            return None
        words = self.judged.words
        return coverage_from_terms(
            self._passages,
            None if words is None else words.word_weights,
            level=self.judged.chance,
        )

    def for_training(self, steps: int, lambda_: float) -> Retrieval[DocumentT]:
        """A second choice from the same hits: with replacement, by the cosine, as SIFT trains.

        Args:
            steps: passages to choose, repeated ones counted; each is one gradient step.
            lambda_: λ′.
        """
        rules = SelectionRules(
            kernel="cosine",
            lambda_=lambda_,
            replacement=True,
            device=self.rules.device,
            score_threshold=self.rules.score_threshold,
        )
        return replace(self, k=steps, rules=rules, parent=None, scores=None)

    def explanation(self, **settings: Any) -> Explanation:
        """The retrieval laid open; `settings` are shown where they are not None."""
        return explain(
            self.query,
            self._vectors,
            self.hits.vectors,
            self.outcome.choice,
            self.applied,
            self.judged,
            coverage=self.coverage,
            costs=self._costs,
            ids=self.hits.ids,
            texts=self._texts,
            parents=self._parents,
            gone=self._gone,
            source=self.hits.note or "as the embedding model gave them",
            seconds=self.seconds,
            settings={name: value for name, value in settings.items() if value is not None},
        )

    @property
    def _looks_at_documents(self) -> bool:
        """Whether a rule needs the documents of all hits, not of the chosen alone."""
        if self.parent is not None:
            return True
        reads = self.rules.reads_texts
        if self.hits.texts is None:
            return reads or self.rules.max_tokens is not None
        in_metadata = self.titles_in is not None and self.hits.metadata is not None
        return reads and self.title is not None and not in_metadata

    @once
    def _vectors(self) -> npt.NDArray[np.float32]:
        if len(self.targets) == 1:
            return self.targets[0].vector[None]
        return np.stack([target.vector for target in self.targets])

    def _read(self, positions: list[int]) -> list[DocumentT | None]:
        if "_candidates" in self.__dict__:  # all of them were read for a rule
            return [self._candidates[i] for i in positions]
        once = [*dict.fromkeys(positions)]
        documents = dict(zip(once, self.hits.documents(once), strict=True))
        return [documents[i] for i in positions]

    @once
    def _candidates(self) -> list[DocumentT | None]:
        """The documents of all hits; None for one that is gone since."""
        return self.hits.documents(range(len(self.hits)))

    @once
    def _gone(self) -> frozenset[int]:
        """Positions of the hits whose documents are gone."""
        return frozenset(i for i, document in enumerate(self._candidates) if document is None)

    def _of_each(self, read: Callable[[DocumentT], T]) -> list[T | None]:
        """What is read in each document; None for one that is gone."""
        if not self._gone:
            return [*map(read, self._candidates)]  # type: ignore[arg-type]  # none is None
        return [None if document is None else read(document) for document in self._candidates]

    @once
    def _texts(self) -> Sequence[str]:
        if self.hits.texts is not None:
            return self.hits.texts
        return [text or "" for text in self._of_each(self.text)]

    @once
    def _passages(self) -> PassageTexts | None:
        """The texts of the hits; None where nobody asks for them, or there are none."""
        if not self.rules.reads_texts or not any(map(str.strip, self._texts)):
            return None
        return PassageTexts.read(self._texts, self._titles(), cache=TERMS)

    def _titles(self) -> list[str | None] | None:
        """The titles of the hits; None where there are none."""
        if self.title is None:
            return None
        if self.titles_in is not None and self.hits.metadata is not None:
            return self.titles_in(self.hits.metadata)
        if self.titles_in is not None and self.metadata is not None:
            return self.titles_in(self._of_each(self.metadata))
        return self._of_each(self.title)

    @once
    def _costs(self) -> npt.NDArray[np.float64] | None:
        """`[n]` tokens of the hits, where they are counted."""
        counter = self.rules.token_counter
        if counter is None:
            return None
        costs = [counter(text) for text in self._texts]
        wrong = [cost for cost in costs if not (isinstance(cost, Real) and 0 <= cost < np.inf)]
        if wrong:
            raise ValueError(f"token_counter must give a number of tokens; got {wrong[0]!r}")
        return np.array(costs, dtype=np.float64)

    @once
    def _parents(self) -> list[Hashable] | None:
        if self.parent is None:
            return None
        parents = [None if d is None else _hashable(self.parent(d)) for d in self._candidates]
        if parents and all(parent is None for parent in parents):
            warnings.warn(
                f"distinct_by has no effect: none of the {len(parents)} candidates has such a "
                "parent; is the key spelled as in the metadata?",
                stacklevel=2,
            )
        return parents


def _hashable(parent: Any) -> Hashable:
    try:
        hash(parent)
    except TypeError:
        return repr(parent)
    key: Hashable = parent
    return key
