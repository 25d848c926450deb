"""One retrieval: what was asked, what the store offered, what was chosen from it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
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
class Retrieval(Generic[DocumentT]):
    """A choice from a store's hits, with all that led to it. What is not needed is not computed."""

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

    @cached_property
    def choice(self) -> Choice:
        """What was chosen."""
        return choose(
            self._vectors,
            self.hits.vectors,
            self.k,
            score_threshold=self.rules.score_threshold,
            parents=self._parents,
            **self._options,
        )

    def chosen(self) -> list[tuple[int, int, DocumentT]]:
        """Rank, position among the hits, and document of what was chosen, in selection order.

        A document that was deleted while the selection was made is left out.
        """
        picks = self.choice.picks.tolist()
        found = self.hits.documents(picks)
        rows = zip(range(len(picks)), picks, found, strict=True)
        return [
            (rank, position, document) for rank, position, document in rows if document is not None
        ]

    def summary(self) -> dict[str, Any]:
        """What a trace shows of the selection."""
        return {
            "ids": [self.hits.ids[i] for i in self.choice.picks.tolist()],
            "information_gain": self.choice.gains.tolist(),
            "stop_reason": str(self.choice.stop_reason),
        }

    def explanation(self, **settings: Any) -> Explanation:
        """The retrieval laid open; `settings` are shown where they are not None."""
        return explain(
            self.query,
            self._vectors,
            self.hits.vectors,
            self.choice,
            ids=self.hits.ids,
            texts=self._texts,
            parents=self._parents,
            source=self.hits.note or "as the embedding model gave them",
            seconds=self.seconds,
            settings={name: value for name, value in settings.items() if value is not None},
            options=self._options,
        )

    @cached_property
    def _vectors(self) -> npt.NDArray[np.float32]:
        return np.stack([target.vector for target in self.targets])

    @cached_property
    def _candidates(self) -> list[DocumentT | None]:
        """All documents, built where a rule looks at them; None for one that is gone since."""
        return self.hits.documents(range(len(self.hits)))

    @property
    def _texts(self) -> list[str]:
        return ["" if d is None else self.text(d) for d in self._candidates]

    @cached_property
    def _parents(self) -> list[Hashable] | None:
        if self.parent is None:
            return None
        return [None if d is None else _hashable(self.parent(d)) for d in self._candidates]

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
