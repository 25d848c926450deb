"""Evidence coverage: how much of the evidence for a query a ranked list holds."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt

from sift_retrievers.metrics.judgements import Judgements


def coverage_curve(
    retrieved: Sequence[Hashable], judgements: Judgements
) -> npt.NDArray[np.float64]:
    """Evidence coverage after each document of a ranked list.

    Coverage@k is the share of the query's facets that at least one of the first k documents holds.
    It is also known as facet or subtopic recall; with one facet a document it is recall@k.

    Args:
        retrieved: n document ids, best first.
        judgements: the relevant documents of the query.

    Returns:
        `[n]` coverage@1 to coverage@n, 0 to 1, never falling. Source: S-recall of Zhai, Cohen and
        Lafferty, SIGIR 2003.
    """
    found: set[Hashable] = set()
    sizes = []
    for document in retrieved:
        found |= judgements.of(document)
        sizes.append(len(found))
    return np.array(sizes, dtype=np.float64) / len(judgements.all_facets)
