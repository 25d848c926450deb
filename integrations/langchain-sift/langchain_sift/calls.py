"""`Call`: what one call of a retriever asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Self

from langchain_sift.as_retriever import INSTEAD, advice
from langchain_sift.settings import RULES, SelectionSettings
from sift_retrievers.retrieval import SelectionRules
from sift_retrievers.retrieval.deadline import Deadline, checked_timeout
from sift_retrievers.validation import count

OWN_ARGUMENTS: Final = {
    *SelectionSettings.model_fields,
    *INSTEAD,
    "fetch_k",
    "targets",
    "embedding",
    "adapter",
    "embedding_cache",
    "search_kwargs",
} - {"timeout"}
"""Arguments of a retriever that a caller may take for those of the store's search. (`timeout` is
also the name of one that some stores take.)"""


FETCH_K: Final = 200
"""Nearest passages to choose from, where nobody gave a number and k is not more."""

SEARCH_TYPES: Final = ("similarity", "similarity_score_threshold", "mmr")
"""Values of `search_type` that `as_retriever` takes."""


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
    timeout: float | Deadline | None
    """Seconds for all of the call, or the deadline of its batch; None: no limit."""
    rules: SelectionRules
    search_kwargs: dict[str, Any]
    """For the store's search, under its own names."""

    def __post_init__(self) -> None:
        check_query(self.query)
        check_sizes(self.k, self.fetch_k)

    @classmethod
    def made(
        cls,
        fields: SelectionSettings,
        usual_fetch_k: int | None,
        usual_kwargs: dict[str, Any],
        query: Any,
        /,
        *,
        k: int | None = None,
        fetch_k: int | None = None,
        targets: Any = None,
        timeout: float | Deadline | None = None,
        **others: Any,
    ) -> Self:
        """A call with these arguments, and the retriever's fields where the caller gave none.

        `others` are rules of the selection and arguments of the store's search.
        """
        k = size_of(k, "k", fields.k)
        return cls(
            query,
            k,
            size_of(fetch_k, "fetch_k", max(checked_fetch_k(usual_fetch_k) or FETCH_K, k)),
            targets,
            timeout_of(fields, timeout),
            rules_of(fields, others),
            for_the_store(usual_kwargs | others),
        )

    def shown(self) -> dict[str, Any]:
        """What a trace shows of the fetch."""
        return {"fetch_k": self.fetch_k, **self.search_kwargs}


def size_of(given: Any, name: str, default: int) -> int:
    """A number of passages that the caller gave, or the default where it gave None.

    The default is checked, too: it comes from a field, which may have been set without a check.
    """
    return count(default if given is None else given, name)


def checked_fetch_k(given: Any) -> int | None:
    """Nearest passages to choose from, or None.

    Raises:
        ValueError: for anything but a whole number of at least 1, or None.
    """
    return None if given is None else count(given, "fetch_k")


def timeout_of(fields: SelectionSettings, given: Any) -> float | Deadline | None:
    """The seconds or the deadline that a caller gave, or the fields' seconds where it gave None."""
    if isinstance(given, Deadline):
        return given
    return fields.timeout if given is None else checked_timeout(given)


def rules_of(fields: SelectionSettings, arguments: dict[str, Any]) -> SelectionRules:
    """The rules of one call. Those among its arguments are taken out of them."""
    changed = {name: arguments.pop(name) for name in RULES & arguments.keys()}
    return fields.rules(**changed)


def check_query(query: Any) -> None:
    """Raise a TypeError if a query is no text."""
    if not isinstance(query, str):
        raise TypeError(
            f"the query must be a text; got {type(query).__name__} {query!r}: "
            "several texts or vectors go into targets="
        )


def for_the_store(search_kwargs: dict[str, Any]) -> dict[str, Any]:
    """Arguments of the store's search, as they are.

    Raises:
        ValueError: if arguments of the retriever itself are among them.
    """
    own = sorted(OWN_ARGUMENTS & search_kwargs.keys())
    if "search_type" in own and search_kwargs["search_type"] not in SEARCH_TYPES:
        own.remove("search_type")  # OpenSearch has an argument of that name
    if own:
        helps = "; ".join([f"got {own}: pass them to SIFTRetriever itself", *advice(own)])
        raise ValueError(
            f"search_kwargs go to the store, by their own names (filter=... say); {helps}. k, "
            "fetch_k, targets, timeout and the rules of the selection (lambda_, kernel, …) may "
            "change at call time, the others through configurable_fields"
        )
    return search_kwargs


def check_sizes(k: int, fetch_k: int) -> None:
    """Raise a ValueError if there are to be fewer candidates than passages."""
    if fetch_k < k:
        raise ValueError(
            f"fetch_k must be at least k, the passages are picked from the fetch_k nearest; got "
            f"fetch_k={fetch_k} and k={k}"
        )
