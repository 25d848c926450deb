"""What callers bring along from `vectorstore.as_retriever(...)`, and what to pass instead."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

INSTEAD: Final = {
    "lambda_mult": "lambda_mult has no equal here: lambda_ punishes repetition, small values more",
    "search_type": "search_type has no equal here, since SIFT is the search: leave it out",
}
"""Arguments by name, with what to do."""


def advice(names: Iterable[str]) -> list[str]:
    """What to do about those of the arguments that stand in `INSTEAD`."""
    return [INSTEAD[name] for name in sorted(names) if name in INSTEAD]
