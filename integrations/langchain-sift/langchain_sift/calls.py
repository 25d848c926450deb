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
"""Arguments of a retriever that do not belong in `search_kwargs`. `timeout` is not among them,
since some stores have a search argument of that name."""


FETCH_K: Final = 200
"""How many nearest passages to choose from if no number is given and k is not larger."""

SEARCH_TYPES: Final = ("similarity", "similarity_score_threshold", "mmr")
"""Values of `search_type` that `as_retriever` takes."""


@dataclass(frozen=True)
class Call:
    """The arguments of one call.

    Raises:
        TypeError: if the query is not a text.
        ValueError: if `fetch_k` is smaller than `k`.
    """

    query: str
    k: int
    """The most passages to return."""
    fetch_k: int
    """How many nearest passages to choose from."""
    targets: Any
    """What is searched for in place of the query; None: the field of the retriever decides."""
    timeout: float | Deadline | None
    """Seconds for the whole call, or the deadline of its batch; None: no limit."""
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
        """A call with the given arguments, and with the fields for those that are None.

        Args:
            fields: of the retriever.
            usual_fetch_k: the retriever's `fetch_k`.
            usual_kwargs: the retriever's `search_kwargs`.
            query: what is asked.
            k: see the attribute.
            fetch_k: see the attribute.
            targets: see the attribute.
            timeout: see the attribute.
            **others: rules of the selection, and arguments of the store's search.

        Raises:
            TypeError: if the query is not a text.
            ValueError: for a value that makes no sense.
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
    """A number of passages that a caller gave, or the default if it is None.

    The default is checked, too, because it is the value of a field, and pydantic does not check
    what is assigned to a field.
    """
    return count(default if given is None else given, name)


def checked_fetch_k(given: Any) -> int | None:
    """A value of `fetch_k`.

    Raises:
        ValueError: for anything but a whole number of at least 1, or None.
    """
    return None if given is None else count(given, "fetch_k")


def timeout_of(fields: SelectionSettings, given: Any) -> float | Deadline | None:
    """The seconds or the deadline that a caller gave, or the field `timeout` if it is None."""
    if isinstance(given, Deadline):
        return given
    return fields.timeout if given is None else checked_timeout(given)


def rules_of(fields: SelectionSettings, arguments: dict[str, Any]) -> SelectionRules:
    """The rules of one call. Removes the rules from `arguments`."""
    changed = {name: arguments.pop(name) for name in RULES & arguments.keys()}
    return fields.rules(**changed)


def check_query(query: Any) -> None:
    """Raise a TypeError if a query is not a text."""
    if not isinstance(query, str):
        raise TypeError(
            f"the query must be a text; got {type(query).__name__} {query!r}: "
            "several texts or vectors go into targets="
        )


def for_the_store(search_kwargs: dict[str, Any]) -> dict[str, Any]:
    """Check arguments of the store's search, and return them unchanged.

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
    """Raise a ValueError if `fetch_k` is smaller than `k`."""
    if fetch_k < k:
        raise ValueError(
            f"fetch_k must be at least k, the passages are picked from the fetch_k nearest; got "
            f"fetch_k={fetch_k} and k={k}"
        )
