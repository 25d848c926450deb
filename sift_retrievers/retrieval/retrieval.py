"""One retrieval: what was asked, what the store offered, what was chosen from it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from sift_retrievers.retrieval.choosing import Choice, choose
from sift_retrievers.retrieval.explanation import Explanation, explain
from sift_retrievers.retrieval.hits import Hits
from sift_retrievers.retrieval.rules import SelectionRules
from sift_retrievers.retrieval.target import Target
from sift_retrievers.selection import SelectOptions

DocumentT = TypeVar("DocumentT")


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
    """The text of a document, for those who count or show it."""
    parent: Callable[[DocumentT], Any] | None = None
    """No two chosen documents have the same parent; None for a document without one."""
    relevance: npt.NDArray[np.float64] | None = None
    """`[n]` of the hits, where somebody else than the embedding judges it."""
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

    @cached_property
    def outcome(self) -> Outcome[DocumentT]:
        """What was chosen.

        If a chosen document is gone from the store by the time it is read, the choice is made again
        without it.
        """
        gone: set[int] = set()
        if "_candidates" in self.__dict__ or self._looks_at_documents:
            gone = {i for i, document in enumerate(self._candidates) if document is None}
        while True:
            choice = choose(
                self._vectors,
                self.hits.vectors,
                self.k,
                score_threshold=self.rules.score_threshold,
                parents=self._parents,
                gone=sorted(gone),
                **self._options,
            )
            picks = choice.picks.tolist()
            found = self._read(picks)
            missing = {i for i, d in zip(picks, found, strict=True) if d is None}
            if not missing:
                return Outcome(choice, [document for document in found if document is not None])
            gone |= missing

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
        return replace(self, k=steps, rules=rules, parent=None, relevance=None)

    def explanation(self, **settings: Any) -> Explanation:
        """The retrieval laid open; `settings` are shown where they are not None."""
        choice = self.outcome.choice
        return explain(
            self.query,
            self._vectors,
            self.hits.vectors,
            choice,
            ids=self.hits.ids,
            texts=self._texts,
            parents=self._parents,
            gone={i for i, document in enumerate(self._candidates) if document is None},
            source=self.hits.note or "as the embedding model gave them",
            seconds=self.seconds,
            settings={name: value for name, value in settings.items() if value is not None},
            options=self._options,
        )

    @property
    def _looks_at_documents(self) -> bool:
        """Whether a rule needs the documents of all hits, not of the chosen alone."""
        return self.parent is not None or self.rules.max_tokens is not None

    @cached_property
    def _vectors(self) -> npt.NDArray[np.float32]:
        return np.stack([target.vector for target in self.targets])

    def _read(self, positions: list[int]) -> list[DocumentT | None]:
        if "_candidates" in self.__dict__:  # all of them were read for a rule
            return [self._candidates[i] for i in positions]
        once = [*dict.fromkeys(positions)]
        documents = dict(zip(once, self.hits.documents(once), strict=True))
        return [documents[i] for i in positions]

    @cached_property
    def _candidates(self) -> list[DocumentT | None]:
        """The documents of all hits; None for one that is gone since."""
        return self.hits.documents(range(len(self.hits)))

    @property
    def _texts(self) -> list[str]:
        return ["" if d is None else self.text(d) for d in self._candidates]

    @cached_property
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

    @cached_property
    def _options(self) -> SelectOptions:
        return self.rules.select_options(lambda: self._texts, self.relevance)


def _hashable(parent: Any) -> Hashable:
    try:
        hash(parent)
    except TypeError:
        return repr(parent)
    key: Hashable = parent
    return key
