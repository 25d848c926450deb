"""`ReadingOptions`: what a user can say about how a store is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sift_retrievers.cli.problem import CommandError


@dataclass(frozen=True)
class ReadingOptions:
    """Options of the command line about the store."""

    collection: str | None = None
    """The collection or table; None: the only one."""
    text_field: str | None = None
    """The field that holds the text; None: the first of the usual ones."""
    vector_field: str | None = None
    """The field or named vector; None: the usual or only one."""
    allow_pickle: bool = False
    """Whether files that hold pickles are read."""


def one_of(names: Sequence[str], asked: str | None, what: str, option: str) -> str:
    """The name that was asked for, or the only one.

    Raises:
        CommandError: if it is not among them, or there is not exactly one.
    """
    if asked is not None:
        if asked not in names:
            raise CommandError(f"{option} {asked!r} is no {what}; there are {sorted(names)}")
        return asked
    if len(names) != 1:
        expected = f"one of them by {option}" if names else f"at least one {what}"
        raise CommandError(f"found {len(names)} ({what}): {sorted(names)}; expected {expected}")
    return names[0]
