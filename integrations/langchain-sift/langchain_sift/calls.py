"""`Call`: what one call of a retriever asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from langchain_sift.settings import SelectionSettings
from sift_retrievers.retrieval import TargetLike

# What a caller may take for search_kwargs, from `as_retriever`, say.
OWN_ARGUMENTS: Final = {
    *SelectionSettings.model_fields,
    "fetch_k",
    "targets",
    "embedding",
    "adapter",
    "lambda_mult",
}


@dataclass(frozen=True)
class Call:
    """The arguments of one call.

    Raises:
        TypeError: for a query that is no text.
        ValueError: for fewer candidates than passages.
    """

    query: str
    k: int
    """Passages to return at most."""
    fetch_k: int
    """Nearest passages to choose from."""
    targets: Any
    """What stands for the query in this call; None: the retriever's field decides."""
    search_kwargs: dict[str, Any]
    """For the store's search, under its own names."""

    def __post_init__(self) -> None:
        if not isinstance(self.query, str):
            raise TypeError(
                f"the query must be a text; got {type(self.query).__name__} {self.query!r}: "
                "several texts or vectors go into targets="
            )
        check_sizes(self.k, self.fetch_k)

    def shown(self) -> dict[str, Any]:
        """What a trace shows of the fetch."""
        return {"fetch_k": self.fetch_k, **self.search_kwargs}


def for_the_store(search_kwargs: dict[str, Any]) -> dict[str, Any]:
    """Arguments of the store's search, as they are.

    Raises:
        ValueError: if arguments of the retriever itself are among them.
    """
    own = sorted(OWN_ARGUMENTS & search_kwargs.keys())
    if own:
        raise ValueError(
            f"search_kwargs go to the store; got {own}: pass them to SIFTRetriever itself "
            "(lambda_ in place of lambda_mult); k, fetch_k and targets may change at call "
            "time, the others through configurable_fields"
        )
    return search_kwargs


def check_sizes(k: int, fetch_k: int) -> None:
    """Raise a ValueError if there are to be fewer candidates than passages."""
    if fetch_k < k:
        raise ValueError(
            f"fetch_k must be at least k, the passages are picked from the fetch_k nearest; got "
            f"fetch_k={fetch_k} and k={k}"
        )


def shown_texts(targets: Sequence[TargetLike]) -> dict[str, Any]:
    """What a trace shows of the targets."""
    return {"texts": [target if isinstance(target, str) else "(a vector)" for target in targets]}
