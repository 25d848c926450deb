"""How much of the evidence a ranked list holds, and how much of the list it takes."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sift_retrievers.metrics.judgements import Judgements
from sift_retrievers.validation import count


def coverage(retrieved: Sequence[Hashable], judgements: Judgements, k: int) -> float:
    """Evidence coverage@k: share of the facets with at least one document among the first k.

    Facet (subtopic) recall; with one facet a document it is recall@k.

    Args:
        retrieved: document ids, best first; fewer than k is allowed.
        judgements: of the query.
        k: at least 1.

    Returns:
        0 to 1. Source: S-recall of Zhai, Cohen and Lafferty, SIGIR 2003.

    Raises:
        ValueError: if k is no whole number of at least 1.
    """
    k = count(k, "k")
    found: set[Hashable] = set()
    for document in retrieved[:k]:
        found |= judgements.of(document)
    return len(found) / len(judgements.all_facets)


def all_evidence_recall(retrieved: Sequence[Hashable], judgements: Judgements, k: int) -> float:
    """1 if the first k documents cover every facet, otherwise 0; arguments as in `coverage`.

    What counts where an answer needs all of its evidence, as in multi-hop questions.
    """
    return float(coverage(retrieved, judgements, k) == 1)


def coverage_curve(
    retrieved: Sequence[Hashable], judgements: Judgements
) -> npt.NDArray[np.float64]:
    """Coverage@1 to coverage@n of a list of n documents: `[n]`, never falling."""
    found: set[Hashable] = set()
    sizes = []
    for document in retrieved:
        found |= judgements.of(document)
        sizes.append(len(found))
    return np.array(sizes, dtype=np.float64) / len(judgements.all_facets)


def passages_needed(
    retrieved: Sequence[Hashable], judgements: Judgements, share: float = 1.0
) -> float:
    """Length of the shortest prefix that covers at least `share` of the facets.

    Returns:
        A whole number of at least 1, or infinity if the whole list does not get there: medians
        and other quantiles over queries stay right, means do not.

    Raises:
        ValueError: if `share` is not above 0 and at most 1.
    """
    return _cost_of_prefix(retrieved, judgements, np.ones(len(retrieved)), share)


def tokens_needed(
    retrieved: Sequence[Hashable],
    judgements: Judgements,
    tokens: npt.ArrayLike,
    share: float = 1.0,
) -> float:
    """Tokens of the shortest prefix that covers at least `share` of the facets.

    Args:
        retrieved: n document ids, best first.
        judgements: of the query.
        tokens: `[n]` tokens of each document, in the order of `retrieved`; not negative.
        share: above 0, at most 1.

    Returns:
        A number of tokens, or infinity if the whole list does not get there.

    Raises:
        ValueError: if `tokens` is not `[n]`, finite and at least 0, or `share` is out of range.
    """
    costs: npt.NDArray[Any] = np.asarray(tokens, dtype=np.float64)
    if costs.shape != (len(retrieved),):
        raise ValueError(
            f"tokens must be [n={len(retrieved)}], one for each document; got {costs.shape}"
        )
    if not (np.isfinite(costs).all() and (costs >= 0).all()):
        raise ValueError(f"tokens must be finite and at least 0; got {costs.tolist()}")
    return _cost_of_prefix(retrieved, judgements, costs, share)


def _cost_of_prefix(
    retrieved: Sequence[Hashable],
    judgements: Judgements,
    costs: npt.NDArray[Any],
    share: float,
) -> float:
    if not 0 < share <= 1:
        raise ValueError(f"share must be above 0 and at most 1; got {share!r}")
    # Facets are counted: "0.1 of 10" must not fail by a rounding error.
    needed = math.ceil(share * len(judgements.all_facets) - 1e-9)
    found: set[Hashable] = set()
    for rank, document in enumerate(retrieved, start=1):
        found |= judgements.of(document)
        if len(found) >= needed:
            return float(costs[:rank].sum())
    return math.inf
