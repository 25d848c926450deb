"""One retrieval: what was asked, what the store offered, what was chosen from it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from langchain_sift.documents import annotated_copies
from langchain_sift.settings import SelectionSettings
from langchain_sift.target import Target
from sift_retrievers.retrieval import Choice, Explanation, Hits, choose, explain
from sift_retrievers.selection import SelectOptions

# Fields that an explanation shows where they are set.
SHOWN = (
    "k", "lambda_", "kernel", "objective", "alpha", "min_gain", "max_tokens", "score_threshold",
    "distinct_by",
)  # fmt: skip


@dataclass(frozen=True)
class Retrieval:
    """A choice from a store's hits, with all that led to it."""

    query: str
    targets: Sequence[Target]
    hits: Hits[Document]
    settings: SelectionSettings
    k: int
    relevance: npt.NDArray[np.float64] | None = None
    """`[n]` of the hits, where somebody else than the embedding judges it."""
    seconds: Mapping[str, float] = field(default_factory=dict)

    def documents(self) -> list[Document]:
        """The chosen passages, in selection order, as copies with their numbers."""
        return annotated_copies(self.hits, self.choice)

    @cached_property
    def choice(self) -> Choice:
        """What was chosen."""
        return choose(
            self._vectors,
            self.hits.vectors,
            self.k,
            score_threshold=self.settings.score_threshold,
            parents=self._parents,
            **self._options,
        )

    def explanation(self) -> Explanation:
        """The retrieval laid open."""
        documents = self._candidates
        shown = {name: getattr(self.settings, name) for name in SHOWN} | {"k": self.k}
        return explain(
            self.query,
            self._vectors,
            self.hits.vectors,
            self.choice,
            ids=self.hits.ids,
            texts=[document.page_content for document in documents],
            parents=self._parents,
            source=self.hits.note or "as the embedding model gave them",
            seconds=self.seconds,
            settings={name: value for name, value in shown.items() if value is not None},
            options=self._options,
        )

    @cached_property
    def _vectors(self) -> npt.NDArray[np.float32]:
        return np.stack([target.vector for target in self.targets])

    @cached_property
    def _candidates(self) -> list[Document]:
        """All documents, built where a rule looks at them; one that is gone since is empty."""
        found = self.hits.documents(range(len(self.hits)))
        return [Document(page_content="") if document is None else document for document in found]

    @cached_property
    def _parents(self) -> list[Hashable] | None:
        return self.settings.parents(lambda: self._candidates)

    @cached_property
    def _options(self) -> SelectOptions:
        return self.settings.select_options(lambda: self._candidates, self.relevance)


def summary(retrieval: Retrieval) -> dict[str, Any]:
    """What a trace shows of the selection."""
    choice = retrieval.choice
    return {
        "ids": [retrieval.hits.ids[i] for i in choice.picks.tolist()],
        "information_gain": choice.gains.tolist(),
        "stop_reason": str(choice.stop_reason),
    }
