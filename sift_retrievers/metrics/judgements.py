"""`Judgements`: which documents answer a query, and which parts of the answer each contains."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Judgements:
    """The relevant documents of one query, each with its facets: the parts of the answer.

    Documents with the same facet are alternatives; documents with different facets complement each
    other. "population: 3,559" may be in four documents, "founded: 1882" in a fifth.

        Judgements({"a": ["population"], "b": ["population"], "c": ["population", "founded"]})

    A document without facets, as in `{"d": []}`, has one facet of its own: its id.

    Raises:
        ValueError: if no document is given, since coverage is not defined then.
        TypeError: if the facets of a document are a string, not a collection of facets.
    """

    facets: Mapping[Any, Collection[Hashable]]
    """The facets of each document id; non-empty frozen sets after construction."""
    all_facets: frozenset[Hashable] = field(init=False)
    """The facets of all documents together."""

    def __post_init__(self) -> None:
        if not self.facets:
            raise ValueError("judgements must hold at least one relevant document; got none")
        for document, facets in self.facets.items():
            if isinstance(facets, str | bytes):
                raise TypeError(
                    f"the facets of document {document!r} must be a collection such as "
                    f"[{facets!r}]; got the string {facets!r}"
                )
        own = {doc: frozenset(facets) or frozenset([doc]) for doc, facets in self.facets.items()}
        object.__setattr__(self, "facets", own)
        object.__setattr__(self, "all_facets", frozenset().union(*own.values()))

    def of(self, document: Hashable) -> frozenset[Hashable]:
        """The facets of a document; an empty set if it is not relevant."""
        return frozenset(self.facets.get(document, ()))
