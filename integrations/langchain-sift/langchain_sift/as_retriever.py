"""Arguments of `vectorstore.as_retriever(...)` that a `SIFTRetriever` does not take."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

INSTEAD: Final = {
    "lambda_mult": "lambda_mult has no equal here: lambda_ punishes repetition, small values more",
    "search_type": "search_type has no equal here, since SIFT is the search: leave it out",
}
"""By the name of the argument, what an error says about it."""


def advice(names: Iterable[str]) -> list[str]:
    """What an error says about the arguments of these names, as far as they are in `INSTEAD`."""
    return [INSTEAD[name] for name in sorted(names) if name in INSTEAD]
