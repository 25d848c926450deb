"""The selectors that are timed: SIFT's two rules on each road, and the peers."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from benchmarks.speed import peers
from benchmarks.speed.pools import Vectors
from sift_retrievers import acceleration, select

DEFAULT: Final[dict[str, Any]] = {"kernel": "relevance", "objective": "undirected", "lambda_": 0.2}
"""The rule of the retrievers, over vectors."""
COSINE: Final[dict[str, Any]] = {}
"""The paper's rule, which is the default of `select`."""
RULES: Final = {"default": DEFAULT, "cosine": COSINE}


@dataclass(frozen=True)
class Method:
    """A selector: takes a query `[d]`, its candidates `[K, d]`, and k."""

    run: Callable[[Vectors, Vectors, int], object]
    road: Callable[[], AbstractContextManager[None]] = nullcontext
    """Entered before the clock starts."""


def ours(rule: dict[str, Any], **options: Any) -> Callable[[Vectors, Vectors, int], object]:
    return lambda query, pool, k: select(query, pool, k, **rule, **options)


def _roads() -> dict[str, Method]:
    found = {}
    for name, rule in RULES.items():
        if acceleration.compiled() is not None:
            found[f"{name}, compiled"] = Method(ours(rule))
        found[f"{name}, numpy"] = Method(ours(rule), acceleration.switched_off)
    return found


def _reference() -> dict[str, Method]:
    """The readable solver that the tests compare with, where `select` lets one choose it."""
    found = {}
    few = np.eye(4, dtype=np.float32)
    for name, rule in RULES.items():
        run = ours(rule, backend="reference")
        try:
            run(few[0], few, 2)
        except (TypeError, ValueError):
            continue
        found[f"{name}, reference"] = Method(run)
    return found


OURS: Final = _roads()
REFERENCE: Final = _reference()
PEERS: Final = {name: Method(run) for name, run in peers.PEERS.items()}
METHODS: Final = OURS | REFERENCE | PEERS
FAST: Final = OURS | {name: PEERS[name] for name in ("pyversity MMR", "pyversity DPP")}
"""Those that the goals are about."""


def yardstick(k: int) -> str:
    """The peer that ratios are to: the fastest serious one, from 50 picks on the strongest."""
    return "pyversity DPP" if k >= 50 else "pyversity MMR"
