"""`rules_of`: the rules of the retriever, from the options of the command line."""

from __future__ import annotations

from sift_retrievers.cli.problem import CommandError
from sift_retrievers.retrieval import SelectionRules


def rules_of(
    relevance: str | None,
    kernel: str | None,
    lambda_: float | None,
    min_novelty: float | None = None,
) -> SelectionRules:
    """The rules; those of a retriever without arguments for options that are None.

    Raises:
        CommandError: for a value that they do not take.
    """
    try:
        return SelectionRules(
            relevance=relevance, kernel=kernel, lambda_=lambda_, min_novelty=min_novelty
        )
    except (TypeError, ValueError) as error:
        raise CommandError(str(error)) from None
