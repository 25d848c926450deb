"""The selectors that are timed: SIFT's two rules on each road, and the peers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from benchmarks.speed import peers
from benchmarks.speed.method import Method
from benchmarks.speed.pools import Vectors
from sift_retrievers import acceleration, select

DEFAULT: Final[dict[str, Any]] = {"kernel": "relevance", "objective": "undirected", "lambda_": 0.2}
"""The rule of the retrievers, over vectors."""
COSINE: Final[dict[str, Any]] = {}
"""The paper's rule, which is the default of `select`."""
RULES: Final = {"default": DEFAULT, "cosine": COSINE}


def ours(rule: dict[str, Any], **options: Any) -> Callable[[Vectors, Vectors, int], object]:
    return lambda query, pool, k: select(query, pool, k, **rule, **options)


def _roads() -> dict[str, Method]:
    found = {}
    for name, rule in RULES.items():
        if acceleration.compiled() is not None:
            found[f"{name}, compiled"] = Method(ours(rule))
        found[f"{name}, numpy"] = Method(ours(rule), acceleration.switched_off)
    return found


OURS: Final = _roads()
REFERENCE: Final = {
    f"{name}, reference": Method(ours(rule, solver="reference")) for name, rule in RULES.items()
}
"""The readable solver that the tests compare with."""
PEERS: Final = {name: Method(run) for name, run in peers.PEERS.items()}
METHODS: Final = OURS | REFERENCE | PEERS
FAST: Final = OURS | {name: PEERS[name] for name in ("pyversity MMR", "pyversity DPP")}
"""Those that the goals are about."""


def yardstick(k: int) -> str:
    """The peer that ratios are to: the fastest serious one, from 50 picks on the strongest."""
    return "pyversity DPP" if k >= 50 else "pyversity MMR"
